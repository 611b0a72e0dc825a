"""Energy from the mean powers that a board's own sensors gave: power of a pass of its own, times the run's time.

The rule is NeuroBench's ("energy = mean power x execution time; the power may come from a run of its own"). What it
takes for granted is that the chip draws in the run what it drew in the power pass. Budget of every number:

- "sensor accuracy, declared by the bench": the relative limit, rectangular. It is one error of all sensors, so it
  does not average out in a sum; whether static and active readings share it nobody knows, so it does not cancel in
  their difference either.
- "repeats": standard deviation of the mean of the total's samples, taken as independent; every component has its
  share of it in the ratio of the mean powers.

Time enters as the board's own clock gives it, without an uncertainty. Pure.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from statistics import stdev
from typing import Self

from pydantic import Field, model_validator

from neurorig_protocols.bench import Boundary, Omitted
from neurorig_protocols.energy import EnergyCell, EnergyMatrix, PhaseTotal
from neurorig_protocols.quantities import Absent, BudgetLine, Grade, Quantity, Reality
from neurorig_protocols.records import Finite, Name, Record

GRADE: Grade = "onboard"
ACCURACY = "sensor accuracy, declared by the bench"
REPEATS = "repeats"

UNDECLARED = Absent(
    reason_code="sensor_accuracy_undeclared",
    reason="the maker publishes no accuracy of the chip's sensors: declare `sensor_accuracy` in the bench file",
)
NO_TIME = Absent(reason_code="no_board_time", reason="the board's own clock gives no time of a run window")
NO_STATIC = Absent(
    reason_code="no_static_per_rail", reason="the probe gives the static power of the whole board, not of each rail"
)
NO_INPUT = Absent(reason_code="no_total_rail", reason="the board's sensors see no input rail that feeds the others")


class OnboardComponent(Record):
    """Mean power of one component during the power pass; `static_w` None where only the board's is known."""

    component: Name
    rails: tuple[Name, ...] = Field(min_length=1, max_length=16)
    mean_w: Finite
    static_w: Finite | None = None


class OnboardPower(Record):
    """What a board's own sensors said of a pass in which nothing but power was probed. Powers in watts.

    The powers are those of all chips of the board, also of those that hold nothing.
    """

    components: tuple[OnboardComponent, ...] = Field(min_length=1, max_length=64)
    static_w: Finite | None = Field(default=None, description="of the whole board, taken while it was idle")
    chips_available: int = Field(ge=1)
    chips_allocated: int = Field(ge=1)
    pass_s: Finite = Field(gt=0, description="length of the power pass")
    samples: int | None = Field(default=None, ge=1, description="readings behind the means; None: not told")
    spread_w: Finite | None = Field(default=None, ge=0, description="standard deviation of the total's samples")
    accuracy: Finite | None = Field(
        default=None, gt=0, le=1, description="relative limit of the sensors' error, as the bench file declares it"
    )
    omitted: tuple[Omitted, ...] = Field(default=(), max_length=64, description="what the sensors do not see")
    source: str = Field(max_length=1000)

    @model_validator(mode="after")
    def _is_consistent(self) -> Self:
        names = [part.component for part in self.components]
        if len(set(names)) < len(names):
            raise ValueError("a component has two powers")
        if self.chips_allocated > self.chips_available:
            raise ValueError(f"{self.chips_allocated} of {self.chips_available} chips cannot be in use")
        if self.total_w <= 0:
            raise ValueError(f"a mean power of {self.total_w:g} W is none of a running board")
        if self.spread_w is not None and (self.samples or 0) < 2:
            raise ValueError("a spread needs two samples or more")
        return self

    @property
    def total_w(self) -> float:
        """Mean power of all components."""
        return math.fsum(part.mean_w for part in self.components)

    @property
    def dynamic_w(self) -> float | None:
        """Total - static, with its sign; None where the static power is not known."""
        return None if self.static_w is None else self.total_w - self.static_w

    @property
    def idle_chips_static_w(self) -> float | None:
        """Share of the static power that belongs to chips which hold nothing; it is inside every number."""
        if self.static_w is None:
            return None
        return self.static_w * (self.chips_available - self.chips_allocated) / self.chips_available

    @property
    def boundary(self) -> Boundary:
        """What an energy of these sensors includes and leaves out."""
        return Boundary(
            components=tuple(part.component for part in self.components),
            rails=tuple(rail for part in self.components for rail in part.rails),
            omitted=self.omitted,
        )


@dataclass(frozen=True)
class _Meter:
    """Relative standard uncertainties of one reading: of the sensors, and of the mean over the samples."""

    sensors: float
    repeats: float

    def quantity(self, active: float, unit: str, *, static: float = 0.0, spread: float = 0.0, n: int = 1) -> Quantity:
        """Return active - static; `spread` is a further standard uncertainty of type A, of n repetitions."""
        lines = (
            BudgetLine(name=ACCURACY, u=self.sensors * math.hypot(active, static)),
            BudgetLine(name=REPEATS, u=math.hypot(self.repeats * active, spread), type="A"),
        )
        budget = tuple(line for line in lines if line.u > 0)
        u = math.hypot(*(line.u for line in budget))
        return Quantity(value=active - static, unit=unit, u=u, n=n, grade=GRADE, budget=budget)


def matrix(power: OnboardPower, durations_s: Sequence[float], reality: Reality) -> EnergyMatrix | Absent:
    """Return component x "run", mean power times the length of all run windows; Absent says what is missing.

    `durations_s` are the run windows' lengths on the board's own clock. No window lies on a trace, so none is listed.
    """
    meter = _meter(power)
    if meter is None:
        return UNDECLARED
    if math.fsum(durations_s) <= 0:
        return NO_TIME
    energy = meter.quantity(power.total_w * math.fsum(durations_s), "J")
    return EnergyMatrix(
        reality=reality,
        boundary=power.boundary,
        cells=tuple(_cell(meter, part, durations_s) for part in power.components),
        totals=(PhaseTotal(phase="run", energy=energy, supply=NO_INPUT, residual=NO_INPUT),),
        windows=(),
    )


def until(power: OnboardPower, latency_s: float) -> Quantity | Absent:
    """Return the energy to a solution: mean power of all components times the latency."""
    meter = _meter(power)
    return UNDECLARED if meter is None else meter.quantity(power.total_w * latency_s, "J")


def _meter(power: OnboardPower) -> _Meter | None:
    if power.accuracy is None:
        return None
    spread_w, samples = power.spread_w or 0.0, power.samples or 1
    return _Meter(power.accuracy / math.sqrt(3), spread_w / math.sqrt(samples) / power.total_w)


def _cell(meter: _Meter, part: OnboardComponent, durations_s: Sequence[float]) -> EnergyCell:
    n, duration_s = len(durations_s), math.fsum(durations_s)
    energy_j, static_w = part.mean_w * duration_s, part.static_w
    spread_j = abs(part.mean_w) * stdev(durations_s) / math.sqrt(n) if n > 1 else 0.0
    idle: Quantity | Absent = NO_STATIC
    dynamic: Quantity | Absent = NO_STATIC
    if static_w is not None:
        # The samples' spread is that of the active power; the static one is a single reading.
        idle = _Meter(meter.sensors, 0.0).quantity(static_w, "W")
        dynamic = meter.quantity(energy_j, "J", static=static_w * duration_s)
    return EnergyCell(
        component=part.component,
        rails=part.rails,
        phase="run",
        windows=n,
        duration_s=duration_s,
        energy=meter.quantity(energy_j, "J"),
        per_window=meter.quantity(energy_j / n, "J", spread=spread_j, n=n),
        active_power=meter.quantity(part.mean_w, "W"),
        idle_power=idle,
        dynamic=dynamic,
    )
