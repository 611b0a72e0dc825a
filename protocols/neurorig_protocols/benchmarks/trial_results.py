"""One job of a benchmark as summaries and comparisons need it. Not for storing: it is read from what is stored.

The server builds it from the verified answer and the energy matrix; everything here is pure.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Literal

from neurorig_protocols.bench import Boundary
from neurorig_protocols.benchmarks.statistics import Run, observed
from neurorig_protocols.job import TERMINAL_STATES, JobSpec, JobState
from neurorig_protocols.quantities import Absent, BudgetLine, Quantity, Reality
from neurorig_protocols.workloads.qubo.qubo_records import FixedTimeout, Scenario

Target = Literal["official", "best-verified"]

NOT_MEASURED = Absent(reason_code="not_measured", reason="no energy was measured")
NO_ANSWER = Absent(reason_code="no_answer", reason="no answer was verified")


@dataclass(frozen=True)
class ReachedGap:
    """A gap of the time-to-solution scenario; latency None means not reached.

    `believed_s`: when a board that rounds weights stopped because its own cost reached it, though the exact one did
    not; None otherwise.
    """

    gap: float
    latency_s: float | None
    energy: Quantity | Absent = NOT_MEASURED
    believed_s: float | None = None

    def run(self, limit_s: float) -> Run:
        """Return what was observed of the time to this gap within a limit."""
        return observed(self.latency_s, limit_s, self.believed_s)


@dataclass(frozen=True)
class Outcome:
    """What the last successful attempt of a job measured. Times in seconds.

    `independent_set` is None for problems that ask for none; `power` is the mean over all run windows and `energy`
    that of one run, both over all components in `boundary`.
    """

    attempt: str
    bench: str
    board: str
    reality: Reality
    solver: str
    cost: int
    independent_set: bool | None
    gaps: dict[Target, float | Absent]
    requested_s: float
    solve_s: float
    setup_s: float | None
    clock: str
    start_event: str
    reached: tuple[ReachedGap, ...] = ()
    power: Quantity | Absent = NOT_MEASURED
    energy: Quantity | Absent = NOT_MEASURED
    boundary: Boundary | None = None


@dataclass(frozen=True)
class Result:
    """One job, with its outcome when it has one; otherwise `why` says what stands in the way."""

    job: str
    state: JobState
    spec: JobSpec
    outcome: Outcome | None = None
    why: Absent = field(default=NO_ANSWER)

    @property
    def pending(self) -> bool:
        """Whether it may still get an outcome."""
        return self.state not in TERMINAL_STATES


def limit_s(scenario: Scenario) -> float:
    """Return the longest time in seconds that a scenario gives a run."""
    return scenario.timeout_s if isinstance(scenario, FixedTimeout) else scenario.limit_s


def scaled(quantity: Quantity, factor: float, unit: str) -> Quantity:
    """Return the quantity times an exact positive factor, in another unit, with its budget."""
    if factor == 1 and unit == quantity.unit:
        return quantity
    # Not validated again: the record was valid, and a campaign scales tens of thousands of lines.
    return Quantity.model_construct(
        value=quantity.value * factor,
        unit=unit,
        u=None if quantity.u is None else quantity.u * factor,
        k=quantity.k,
        n=quantity.n,
        grade=quantity.grade,
        budget=tuple(
            BudgetLine.model_construct(name=line.name, u=line.u * factor, type=line.type) for line in quantity.budget
        ),
    )
