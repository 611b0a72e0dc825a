"""The annealing schedule of one problem: where the constants of `schedule` do not serve, by the coefficients.

The constants are for independent sets: all variables gain the same, less than any conflict costs, so one gain is the
scale, and the benchmark's rule (nothing hangs on an instance) holds. Any other QUBO has two scales: what a variable can
gain at most, and the smallest step its cost can make.
"""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt

from neurorig_drivers.virtual.chip.network import Network
from neurorig_drivers.virtual.chip.schedule import COLDEST, HOTTEST, Schedule, schedule_for

HOT, COLD = 0.2, 0.07
"""First and last temperature in units of the two scales; tried on max-cuts and random problems, the same for all."""
WAITS = {"refract_scaling": 5, "clash_scaling": 4}
"""Where neighbours repel each other and none is blocked for good, whoever clashed has to wait, or all flip as one."""


def schedule_of(network: Network, params: dict[str, Any]) -> Schedule:
    """Return the schedule of a network with `params` in place; UserError names a bad one."""
    if _is_independent_set(network):
        return schedule_for(network.n, network.density, params)
    t_max, t_min = _temperatures(network)
    if isinstance(hottest := params.get("t_max"), int | float):
        t_min = min(t_min, hottest)
    return schedule_for(network.n, network.density, {"t_max": t_max, "t_min": t_min, **WAITS, **params})


def scale(network: Network) -> float:
    """Return the unit of a schedule's temperatures in cost: the largest weight of the diagonal, 1 at least."""
    return max(1.0, float(np.abs(network.diagonal).max()))


def _is_independent_set(network: Network) -> bool:
    gain = -network.diagonal[0]
    return bool((network.diagonal == -gain).all() and gain > 0 and (2 * network.weight.astype(np.int64) >= gain).all())


def _temperatures(network: Network) -> tuple[float, float]:
    """Return t_max and t_min in the schedule's unit."""
    unit = scale(network)
    t_max = min(max(HOT * _gain(network) / unit, 1 / unit), HOTTEST)
    coldest = COLDEST / min(unit, HOTTEST / t_max)
    return t_max, min(max(COLD * _step(network) / unit, coldest), t_max)


def _gain(network: Network) -> float:
    """Return the largest gain of a variable: of its own, and of its negative couplings as far as they agree by chance.

    Independent signs add up as the root of their squares.
    """
    row = np.repeat(np.arange(network.n), np.diff(network.start))
    helpful = np.minimum(2.0 * network.weight, 0.0)
    together = np.sqrt(np.bincount(row, helpful * helpful, network.n))
    return float((np.maximum(-network.diagonal, 0) + together).max())


def _step(network: Network) -> float:
    """Return the median over the variables of the smallest coefficient that changes their cost; 1 without any."""
    smallest = np.where(network.diagonal != 0, np.abs(network.diagonal).astype(np.float64), np.inf)
    coupled = np.flatnonzero(np.diff(network.start))
    if len(coupled):
        least = np.minimum.reduceat(2.0 * np.abs(network.weight), network.start[coupled])
        smallest[coupled] = np.minimum(smallest[coupled], least)
    known: npt.NDArray[np.float64] = smallest[np.isfinite(smallest)]
    return float(np.median(known)) if len(known) else 1.0
