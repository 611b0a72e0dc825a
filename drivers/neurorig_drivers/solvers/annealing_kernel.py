"""The inner loop of simulated annealing: one call for a whole search. `annealing` wraps this; it solves any QUBO.

Sweeps of Metropolis steps in the order of the variables. An anneal runs for a time, not for a number of sweeps: each
sweep has the temperature that belongs to the time gone by. Anneals double in length; the last one takes what is left.

The search begins with a descent. Its end tells which rises the problem has, and so the temperatures, in units of cost.
"""

# ruff: noqa: PLR0917 - numba takes plain arguments by position; its arrays are Any because one code serves both.

from __future__ import annotations

import functools
import math
from collections.abc import Callable
from typing import Any

from neurorig_drivers.solvers.machine_code import compile_parts, draw, now_ns
from neurorig_drivers.solvers.qubo_moves import (
    BEGIN_NS,
    BEST,
    LIMIT_NS,
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
from neurorig_drivers.solvers.temperatures import choose_temperatures

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
