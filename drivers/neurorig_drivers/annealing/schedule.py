"""Temperatures of an annealing network: the schedule in integers, and what suits a general problem."""

from __future__ import annotations

import math
from typing import Any, Literal, Self

import numpy as np
import numpy.typing as npt
from pydantic import Field, ValidationError, model_validator

from neurorig_drivers.annealing.network import Network
from neurorig_protocols import wording
from neurorig_protocols.errors import UserError
from neurorig_protocols.records import Record

TEMPERATURE_LIMIT = 2**16 - 1
_UNIT = 256 * math.log(2)


FRACTION = 8
"""The annealing neuron keeps 8 bits more of the temperature than it sends, so that small steps are not lost."""


_ONE = 1 << FRACTION
COLDEST, HOTTEST = 1 / _UNIT, TEMPERATURE_LIMIT / _UNIT
"""Temperatures in cost units that fit into 16 bits."""


class Schedule(Record):
    """Cycles of falling temperature, each `growth` times as long as the last one.

    Temperatures are in cost units, times the largest weight of the diagonal as far as the chip's 16 bits reach.
    """

    kind: Literal["geometric", "linear"] = "geometric"
    t_max: float = Field(default=0.4, gt=0)
    t_min: float = Field(default=0.2, gt=0)
    levels: int = Field(default=32, ge=2, le=4096, description="temperatures per cycle")
    steps_per_level: int = Field(default=16, ge=1, description="in the first cycle")
    growth: int = Field(default=2, ge=1, le=16)
    steps_per_level_max: int = Field(default=4096, ge=1, le=2**31)
    refract_scaling: int = Field(default=6, ge=0, le=8, description="refractory steps are 0..255 shifted right by it")
    clash_scaling: int = Field(default=4, ge=0, le=8, description="the same after a neuron gave way to a neighbour")
    start_scaling: int = Field(default=0, ge=0, le=8, description="the same for the wait before the first flip")

    @model_validator(mode="after")
    def _falls(self) -> Self:
        if self.t_min > self.t_max:
            raise ValueError("t_min must not exceed t_max")
        if self.t_max > HOTTEST:
            raise ValueError(f"t_max can be {HOTTEST:.0f} at most")
        return self

    def words(self, scale: float) -> dict[str, int]:
        """Return the integers of the annealing neuron for a cost unit of `scale` >= 1.

        Temperatures are ln 2 times 2^16 per cost unit: 8 bits of the kernel's unit and 8 that are not sent. UserError
        when the lowest one is not a whole unit.
        """
        unit = _UNIT * min(scale, HOTTEST / self.t_max)
        top, low = round(self.t_max * unit * _ONE), round(self.t_min * unit * _ONE)
        if low < _ONE:
            least = f"the chip's temperatures begin at {1 / unit:.2g} here"
            raise UserError(f"t_min is {self.t_min:g}, {least}", where="solver.params", next_step="raise t_min")
        if self.kind == "geometric":
            factor, decrement = round(65536 * (low / top) ** (1 / (self.levels - 1))), 0
        else:
            factor, decrement = 65536, math.ceil((top - low) / (self.levels - 1))
        return {"t_max": top, "t_min": low, "factor": factor, "decrement": decrement}


def schedule_for(n: int, density: float, params: dict[str, Any]) -> Schedule:
    """Return the default schedule of a size and density, with `params` in place; UserError names a bad one."""
    try:
        return Schedule.model_validate({**_defaults(n, density), **params})
    except ValidationError as error:
        problems = "; ".join(wording.sentences(error, Schedule))
        raise UserError(f"the solver's parameters are wrong: {problems}", where="solver.params") from error


def _defaults(n: int, density: float) -> dict[str, Any]:
    degree = n * density
    if degree <= 32:
        return {"refract_scaling": 7, "clash_scaling": 7, "start_scaling": 2}
    return {"refract_scaling": 6 if degree <= 320 else 5}


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


def key_of(seed: int) -> int:
    """Spread a seed over 64 bits, never 0 (the finaliser of splitmix64)."""
    mask = 2**64 - 1
    z = (seed + 1) * 0x9E3779B97F4A7C15 & mask
    z = (z ^ z >> 30) * 0xBF58476D1CE4E5B9 & mask
    z = (z ^ z >> 27) * 0x94D049BB133111EB & mask
    return (z ^ z >> 31) or 1
