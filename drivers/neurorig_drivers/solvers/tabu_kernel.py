"""The inner loop of the tabu search: one call for a whole search. `tabu` wraps this; it solves any QUBO.

A step flips the variable that lowers the cost most, or raises it least, among those that did not flip lately; one that
did may flip all the same where that makes a new best. Equal ones are chosen at random. When nothing better was found
for long, the search goes on from the best state so far with some variables flipped, and with another length of
"lately": problems with many equal costs want it short, others long.
"""

# ruff: noqa: PLR0917 - numba takes plain arguments by position; its arrays are Any because one code serves both.

from __future__ import annotations

import functools
from collections.abc import Callable
from typing import Any

from neurorig_drivers.solvers.machine_code import compile_parts, draw
from neurorig_drivers.solvers.qubo_moves import (
    BEST,
    COST,
    OWN,
    STEP,
    STOP_AT,
    UNKEPT,
    WORK,
    WORK_PER_LOOK,
    flip,
    keep,
    move,
    over,
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
