"""Simulated annealing for any QUBO: temperatures, the compiled inner loop, and one search."""

# ruff: noqa: PLR0917 - numba takes plain arguments by position; its arrays are Any because one code serves both.

from __future__ import annotations

import functools
import math
from collections.abc import Callable
from contextlib import AbstractContextManager
from dataclasses import dataclass
from typing import Any

import numpy as np

from neurorig_drivers.solvers.machine_code import SECOND_NS, compile_parts, draw, now_ns
from neurorig_drivers.solvers.qubo_search import (
    BEGIN_NS,
    BEST,
    LIMIT_NS,
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

HOT, COLD = 0.4, 0.2
"""First and last temperature in units of the two scales; tuned on NeuroBench's tuning instances, the same for all."""
FAR = 1e300


def choose_temperatures(temperatures: Any, state: Any) -> None:
    """Fill in the temperatures, float64 (2,), that are not given, as 0; `state` is one that no flip improves.

    state: rise (n,), by how much the cost rises if a variable flips, and sign (n,), -1 where it is 1, else 1.
    Scale of the hot one: the mean rise of the variables at 1 or of those at 0, whichever is smaller. Of the cold one:
    the mean of the smallest rises above 0, a quarter of the root of n of them.
    """
    rise, sign = state
    hot, cold = FAR, 1.0
    for side in (-1, 1):
        some = rise[sign == side]
        if len(some) > 0 and some.sum() > 0:
            hot = min(hot, some.mean())
    above = np.sort(rise[rise > 0])[: max(1, int(math.sqrt(len(rise)) / 4))]
    if len(above) == 0:
        hot = 1.0
    else:
        cold = above.mean()
    if temperatures[0] == 0.0:
        temperatures[0] = max(HOT * hot, temperatures[1])
    if temperatures[1] == 0.0:
        temperatures[1] = min(COLD * cold, temperatures[0])


FIRST_NS, SWEEPS = OWN, OWN + 1
ANNEALS, FLIPS = 12, 13
BITS = 24
_TOP = 1 << BITS
_NEVER = BITS * math.log(2)
"""A rise of more temperatures than this is never accepted: its chance is below one in 2**24."""


def _sweep(
    matrix: Any, state: Any, s: Any, c: Any, rng: Any, best: Any, out: Any, stamp: Any, temperature: float
) -> bool:
    """Try every variable once; return whether the search is over."""
    rise = state[0]
    cut = temperature * _NEVER
    s[STEP] += 1
    s[WORK] += len(rise) // 4 + 20
    for i in range(len(rise)):
        r = rise[i]
        if r > cut or (r == 0 and cut == 0):
            continue
        if r > 0 and -temperature * math.log((draw(rng, _TOP) + 0.5) / _TOP) < r:
            continue
        move(matrix, state, s, i, best, out, c, stamp)
        s[FLIPS] += 1
        s[WORK] += 10
        if (s[WORK] >= WORK_PER_LOOK or s[BEST] <= c[STOP_AT]) and over(s, c, stamp):
            return True
    return bool(s[WORK] >= WORK_PER_LOOK and over(s, c, stamp))


def _descend(matrix: Any, state: Any, s: Any, c: Any, rng: Any, best: Any, out: Any, stamp: Any) -> bool:
    """Sweep at no temperature until no flip lowers the cost; return whether the search is over."""
    flips = -1
    while s[FLIPS] > flips:
        flips = s[FLIPS]
        if _sweep(matrix, state, s, c, rng, best, out, stamp, 0.0):
            return True
    return False


def _anneal(
    matrix: Any,
    state: Any,
    temperatures: Any,
    s: Any,
    c: Any,
    rng: Any,
    best: Any,
    out: Any,
    stamp: Any,
    length: int,
) -> bool:
    """Cool down within a time in ns, or within what is left of it; return whether the search is over."""
    s[ANNEALS] += 1
    hot, cold = temperatures
    begun = now_ns(stamp) - c[BEGIN_NS]
    left = c[LIMIT_NS] - begun
    # An anneal of double length would not fit behind this one, so this one takes all the time.
    if left < 3 * length:
        length = left
    part = 0.0
    while part < 1.0:
        temperature = hot * (cold / hot) ** part
        for _ in range(c[SWEEPS]):
            if _sweep(matrix, state, s, c, rng, best, out, stamp, temperature):
                return True
        part = (now_ns(stamp) - c[BEGIN_NS] - begun) / max(length, 1)
    return over(s, c, stamp)


def _search(
    matrix: Any, state: Any, temperatures: Any, s: Any, c: Any, rng: Any, best: Any, out: Any, stamp: Any
) -> None:
    """Anneal again and again until the cost is low enough or the time is over."""
    keep(state, s, best, out, c, stamp)
    ended = _descend(matrix, state, s, c, rng, best, out, stamp)
    choose_temperatures(temperatures, state)
    length_ns = c[FIRST_NS]
    while not ended:
        ended = _anneal(matrix, state, temperatures, s, c, rng, best, out, stamp, length_ns)
        length_ns *= 2
    if s[UNKEPT]:
        keep(state, s, best, out, c, stamp)


_PARTS = (flip, keep, move, over, _sweep, _descend, choose_temperatures, _anneal, _search)


@functools.cache
def compiled() -> Callable[..., None]:
    """Return `_search` as machine code, compiled once and cached on disk by numba."""
    return compile_parts(globals(), _PARTS)  # type: ignore[no-any-return]  # numba ships no types


SWEEP_SIZE = 512
"""Variables tried at one temperature at least: with few variables the clock is read once in several sweeps."""


@dataclass(frozen=True)
class AnnealingParams:
    """First and last temperature in units of cost; None leaves a temperature to what the first descent finds."""

    temperature_hot: float | None = None
    temperature_cold: float | None = None
    first_anneal_s: float = 2e-4
    """Length of the first anneal; each further one is twice as long."""


class AnnealingSearch:
    """One problem, ready to be searched again and again. Building it compiles the kernel where need be."""

    def __init__(self, problem: Matrix, params: AnnealingParams | None = None) -> None:
        """Take a problem of `qubo.matrix`."""
        if problem is not SMALLEST:
            warm_up()
        self._problem = problem
        self._params = params or AnnealingParams()

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
        constants = {
            FIRST_NS: int(p.first_anneal_s * SECOND_NS),
            SWEEPS: max(1, SWEEP_SIZE // self._problem.n),
        }
        temperatures = np.array([p.temperature_hot or 0.0, p.temperature_cold or 0.0])
        return search(
            compiled(),
            self._problem,
            temperatures,
            constants,
            limit_s=limit_s,
            seed=seed,
            stop_at=stop_at,
            window=window,
        )


@functools.cache
def warm_up() -> None:
    """Compile the kernel, once in the life of the process."""
    AnnealingSearch(SMALLEST).run(limit_s=0.0, seed=0)
