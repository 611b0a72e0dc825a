"""A one-flip tabu search for any QUBO: the compiled inner loop, and one search."""

# ruff: noqa: PLR0917 - numba takes plain arguments by position; its arrays are Any because one code serves both.

from __future__ import annotations

import functools
from collections.abc import Callable
from contextlib import AbstractContextManager
from dataclasses import dataclass
from typing import Any

import numpy as np

from neurorig_drivers.solvers.machine_code import compile_parts, draw
from neurorig_drivers.solvers.qubo_search import (
    BEST,
    COST,
    OWN,
    SMALLEST,
    STEP,
    STOP_AT,
    UNKEPT,
    WORK,
    WORK_PER_LOOK,
    Found,
    Matrix,
    flip,
    keep,
    move,
    over,
    search,
)

TENURE, PATIENCE, KICK = range(OWN, OWN + 3)
LOCAL, LOCAL_STEP, TENURE_NOW = 10, 11, 12

FAR = (1 << 63) - 1


def _least(rise: Any, until: Any, step: int) -> tuple[int, int]:
    """Return the smallest rise of all variables and of those that may flip."""
    least = allowed = FAR
    for i in range(len(rise)):
        r = rise[i]
        least = min(least, r)
        allowed = min(allowed, r if until[i] <= step else FAR)
    return least, allowed


def _one_of(rise: Any, until: Any, step: int, wanted: int, rng: Any) -> int:
    """Return a variable of this rise, the first allowed one from a random place on."""
    n = len(rise)
    begin = draw(rng, n)
    for i in range(begin, n):
        if rise[i] == wanted and until[i] <= step:
            return i
    for i in range(begin):
        if rise[i] == wanted and until[i] <= step:
            return i
    return -1


def _choose(state: Any, until: Any, s: Any, rng: Any) -> int:
    rise = state[0]
    least, allowed = _least(rise, until, s[STEP])
    if s[COST] + least < s[BEST] and least < allowed:
        return _one_of(rise, until, FAR, least, rng)
    return _one_of(rise, until, s[STEP], allowed, rng)


def _kick(matrix: Any, state: Any, until: Any, s: Any, c: Any, rng: Any, best: Any, out: Any, stamp: Any) -> None:
    """Go back to the best state, or to a better one on the way, and flip some variables of it."""
    sign = state[1]
    if s[UNKEPT]:
        keep(state, s, best, out, c, stamp)
    for i in range(len(sign)):
        if (sign[i] < 0) != (best[i] == 1):
            move(matrix, state, s, i, best, out, c, stamp)
    for _ in range(1 + draw(rng, c[KICK])):
        i = draw(rng, len(sign))
        move(matrix, state, s, i, best, out, c, stamp)
        until[i] = s[STEP] + s[TENURE_NOW]
    s[TENURE_NOW] = 1 + draw(rng, 1 + draw(rng, c[TENURE]))


def _search(matrix: Any, state: Any, until: Any, s: Any, c: Any, rng: Any, best: Any, out: Any, stamp: Any) -> None:
    """Search until the cost is low enough or the time is over."""
    rise = state[0]
    keep(state, s, best, out, c, stamp)
    s[LOCAL] = s[COST]
    s[TENURE_NOW] = 2
    while True:
        if (s[WORK] >= WORK_PER_LOOK or s[BEST] <= c[STOP_AT]) and over(s, c, stamp):
            break
        s[STEP] += 1
        s[WORK] += len(rise) // 4 + 20
        i = _choose(state, until, s, rng)
        if i < 0:
            continue
        move(matrix, state, s, i, best, out, c, stamp)
        until[i] = s[STEP] + s[TENURE_NOW] + draw(rng, s[TENURE_NOW] + 2)
        if s[COST] < s[LOCAL]:
            s[LOCAL] = s[COST]
            s[LOCAL_STEP] = s[STEP]
        elif s[STEP] - s[LOCAL_STEP] > c[PATIENCE]:
            _kick(matrix, state, until, s, c, rng, best, out, stamp)
            s[LOCAL] = s[COST]
            s[LOCAL_STEP] = s[STEP]
    if s[UNKEPT]:
        keep(state, s, best, out, c, stamp)


_PARTS = (flip, keep, move, over, _least, _one_of, _choose, _kick, _search)


@functools.cache
def compiled() -> Callable[..., None]:
    """Return `_search` as machine code, compiled once and cached on disk by numba."""
    return compile_parts(globals(), _PARTS)  # type: ignore[no-any-return]  # numba ships no types


@dataclass(frozen=True)
class TabuParams:
    """How the search moves.

    tenure: the longest number of steps that a variable stays as it flipped; each stretch of the search draws its own.
    patience: steps without anything better before some variables of the best state are flipped. kick: how many at most.
    """

    tenure: int
    patience: int
    kick: int


def default_params(n: int) -> TabuParams:
    """Return parameters as a function of size alone."""
    return TabuParams(tenure=max(1, min(20, n // 4)), patience=20 * n, kick=max(1, n // 50))


class TabuSearch:
    """One problem, ready to be searched again and again. Building it compiles the kernel where need be."""

    def __init__(self, problem: Matrix, params: TabuParams | None = None) -> None:
        """Take a problem of `qubo.matrix`."""
        if problem is not SMALLEST:
            warm_up()
        self._problem = problem
        self._params = params or default_params(problem.n)

    def run(
        self,
        *,
        limit_s: float,
        seed: int,
        stop_at: int | None = None,
        window: AbstractContextManager[object] | None = None,
    ) -> Found:
        """Search until the cost is at most `stop_at` or the time is over; see `mis.MisSearch.run`."""
        p = self._params
        constants = {TENURE: p.tenure, PATIENCE: p.patience, KICK: p.kick}
        until = np.zeros(self._problem.n, np.int64)
        return search(
            compiled(),
            self._problem,
            until,
            constants,
            limit_s=limit_s,
            seed=seed,
            stop_at=stop_at,
            window=window,
        )


@functools.cache
def warm_up() -> None:
    """Compile the kernel, once in the life of the process."""
    TabuSearch(SMALLEST).run(limit_s=0.0, seed=0)
