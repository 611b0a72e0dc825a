"""The annealing schedule: temperatures over steps, as constants of the chip.

Defaults depend on size and density only, never on an instance (a rule of the benchmark); what other problems need is
the business of `temperatures`.
"""

from __future__ import annotations

import math
from typing import Any, Literal, Self

from pydantic import Field, ValidationError, model_validator

from neurorig_drivers.virtual.chip.kernel import FRACTION
from neurorig_protocols.errors import UserError
from neurorig_protocols.records import Record

TEMPERATURE_LIMIT = 2**16 - 1
_UNIT = 256 * math.log(2)
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
        when the lowest one is no whole unit.
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
        problems = "; ".join(f"{'.'.join(map(str, e['loc'])) or 'schedule'}: {e['msg']}" for e in error.errors())
        raise UserError(f"the solver's parameters are wrong: {problems}", where="solver.params") from error


def _defaults(n: int, density: float) -> dict[str, Any]:
    degree = n * density
    if degree <= 32:
        return {"refract_scaling": 7, "clash_scaling": 7, "start_scaling": 2}
    return {"refract_scaling": 6 if degree <= 320 else 5}
