"""What is known of the clocks that durations are read from, and what that adds to the uncertainty of a mean time.

Repetitions do not show the errors of a clock: a rate that is off is off in every run, and runs that end at the same
tick agree to the last bit. A mean of times therefore carries both errors whole, as lines of its budget, whatever the
spread of its runs is. Not for instants on a power trace: their clock's limit is in `AccuracySpec`.
"""

from __future__ import annotations

import math
from collections.abc import Iterable
from dataclasses import dataclass

from neurorig_protocols.quantities import BudgetLine, Quantity, root_sum_square

RESOLUTION = "clock resolution"
"""Budget line of the step in which a clock counts."""
RATE = "clock rate"
"""Budget line of a clock that runs fast or slow."""
REPEATS = "repeats"
"""Budget line of the spread between repetitions."""


@dataclass(frozen=True)
class ClockSpec:
    """Limits of a clock's errors: step in seconds, relative error of its rate, and where both come from."""

    resolution_s: float
    rate_limit: float
    source: str


HOST = ClockSpec(
    resolution_s=1e-9,
    rate_limit=500e-6,
    source="step: whole nanoseconds of perf_counter_ns and monotonic_ns; rate: the correction that ntp_adjtime(2) can "
    "make is limited to 500 ppm, so a disciplined clock stays within it",
)
DUT = ClockSpec(
    resolution_s=1e-6,
    rate_limit=500e-6,
    source="assumed: the whole microseconds of an MLPerf Tiny timestamp, and a crystal within 500 ppm; a board that "
    "runs from an RC oscillator is worse",
)


def clock_spec(clock: str) -> ClockSpec:
    """Return what is known of a clock by the name in an answer; every clock but "host" counts as a board's."""
    return HOST if clock == "host" else DUT


def timed(duration: Quantity, clocks: Iterable[str]) -> Quantity:
    """Return a duration with the errors of its clocks in u and budget.

    Args:
        duration: A duration or a mean of durations, in seconds, whose u is at most the spread of its repetitions.
        clocks: Names of the clocks that it was read from; of several the worst counts.

    Returns:
        The same value. Two readings bound a duration, so a step of r enters with r / sqrt(6); the limit of the rate
        is rectangular. Neither falls with the number of repetitions.
    """
    specs = [clock_spec(clock) for clock in clocks] or [DUT]
    spread = duration.budget or ((BudgetLine(name=REPEATS, u=duration.u, type="A"),) if duration.u else ())
    lines = (
        *spread,
        BudgetLine(name=RATE, u=abs(duration.value) * max(spec.rate_limit for spec in specs) / math.sqrt(3)),
        BudgetLine(name=RESOLUTION, u=max(spec.resolution_s for spec in specs) / math.sqrt(6)),
    )
    budget = tuple(sorted(lines, key=lambda line: -line.u))
    return duration.model_copy(update={"u": root_sum_square([line.u for line in budget]), "budget": budget})
