"""Jobs: what may be asked for, the states a job passes through, and whether a bench could run it."""

from __future__ import annotations

from enum import StrEnum
from typing import Annotated, Literal, Self

from pydantic import Field, StrictInt, model_validator

from neurorig_protocols.bench import BenchProfile
from neurorig_protocols.board import BoardInfo
from neurorig_protocols.plan import MeasurementPlan
from neurorig_protocols.quantities import Reality
from neurorig_protocols.records import Digest, Finite, Name, Record

Seed = Annotated[StrictInt, Field(ge=0, le=2**32 - 1)]


Reference = Literal["official", "best-verified", "given"]
"""Where a target comes from: the benchmark, the store of verified solutions, or the job itself (`target_cost`)."""


class FixedTimeout(Record):
    """Run for a fixed time, report the gap reached."""

    kind: Literal["fixed-timeout"]
    timeout_s: Finite = Field(gt=0, le=1000)


class TimeToSolution(Record):
    """Run until a gap is reached, report latency and energy to each gap."""

    kind: Literal["time-to-solution"]
    gaps: tuple[Finite, ...] = Field(default=(0.1, 0.05, 0.01), min_length=1, max_length=10)
    limit_s: Finite = Field(gt=0, le=1000, description="a run that has not reached the last gap by then is censored")
    reference: Reference = Field(default="official", description="which target the gaps are measured from")
    target_cost: StrictInt | None = Field(
        default=None, description="that target's cost; the server writes it in when the job is accepted"
    )


Scenario = Annotated[FixedTimeout | TimeToSolution, Field(discriminator="kind")]


class QuboMis(Record):
    """A maximum-independent-set QUBO of NeuroBench: n variables, edge density, graph seed."""

    name: Literal["qubo-mis"]
    n: Annotated[StrictInt, Field(ge=1, le=100_000)]
    density: Finite = Field(ge=0, le=1)
    seed: Seed
    scenario: Scenario


class Digits(Record):
    """Handwritten digits through a small network: `count` images from number `first` on."""

    name: Literal["mnist-digits"]
    count: Annotated[StrictInt, Field(ge=1, le=5000)] = 200
    first: Annotated[StrictInt, Field(ge=0, le=4999)] = 0
    iterations: Annotated[StrictInt, Field(ge=1, le=100_000)] = 1

    @model_validator(mode="after")
    def _is_in_the_test_set(self) -> Self:
        if self.first + self.count > 5000:
            raise ValueError(f"images {self.first} to {self.first + self.count - 1}: the test set has 5000")
        return self


class Qubo(Record):
    """Any QUBO, uploaded beforehand: minimise xᵀQx over binary x."""

    name: Literal["qubo"]
    problem: Digest = Field(description="the uploaded problem file")
    scenario: Scenario


class Snn(Record):
    """A spiking network, uploaded beforehand, driven by uploaded input events."""

    name: Literal["snn"]
    model: Digest = Field(description="the uploaded NIR graph")
    events: Digest = Field(description="the uploaded input events")
    steps: Annotated[StrictInt, Field(ge=1, le=1_000_000)] = Field(description="time steps per sample")
    samples: Annotated[StrictInt, Field(ge=1, le=100_000)] = 1
    dt: Finite | None = Field(
        default=None, gt=0, description="duration of a step in the graph's unit of time; None: as the graph tells"
    )


Workload = Annotated[QuboMis | Digits | Qubo | Snn, Field(discriminator="name")]

KIND_OF_WORKLOAD = {"qubo-mis": "qubo", "mnist-digits": "classifier", "qubo": "qubo", "snn": "snn"}


class Solver(Record):
    """Which algorithm runs, its seed and its constants; "default" is the board's own."""

    name: Name = "default"
    seed: Seed = 0
    params: dict[str, int | float | str] = Field(default_factory=dict, max_length=32)
    tuning: Digest | None = Field(
        default=None, description="the frozen declaration that gives `params`; the server writes them in"
    )


class Needs(Record):
    """What the job asks of a bench; what is left out does not matter to it."""

    bench: Name | None = None
    board: Name | None = Field(default=None, description="name of the board driver, such as virtual-loihi")
    reality: Reality | None = None
    metered: bool | None = None
    tags: tuple[str, ...] = ()


class JobSpec(Record):
    """A request to run a measurement plan for a workload on a bench that fits."""

    workload: Workload
    solver: Solver = Solver()
    needs: Needs = Needs()
    plan: MeasurementPlan = MeasurementPlan()
    priority: Annotated[StrictInt, Field(ge=0, le=100)] = 50
    max_attempts: Annotated[StrictInt, Field(ge=1, le=10)] = 3
    tags: tuple[Annotated[str, Field(min_length=1, max_length=64)], ...] = Field(default=(), max_length=32)
    comment: str = Field(default="", max_length=2000)


class BenchRecord(Record):
    """What an agent tells the server of its bench."""

    profile: BenchProfile
    board: BoardInfo
    agent_version: str = ""

    @property
    def metered(self) -> bool:
        """Whether any rail is sampled."""
        return bool(self.profile.measured_rails)


def unmet_needs(job: JobSpec, bench: BenchRecord) -> list[str]:
    """Return one sentence for every need of the job that this bench does not meet."""
    profile, needs = bench.profile, job.needs
    kind = KIND_OF_WORKLOAD[job.workload.name]
    missing_tags = sorted(set(needs.tags) - set(profile.tags))
    checks = [
        (needs.bench in (None, profile.name), f"bench is '{needs.bench}'"),
        (needs.board in (None, profile.board.driver), f"board is '{needs.board}'"),
        (needs.reality in (None, profile.reality), f"reality is '{needs.reality}'"),
        (needs.metered in (None, bench.metered), f"metered is {str(needs.metered).lower()}"),
        (kind in bench.board.kinds, f"a board that runs '{job.workload.name}'"),
        (
            job.solver.name == "default" or job.solver.name in bench.board.solvers,
            f"a board with the solver '{job.solver.name}'",
        ),
        (not missing_tags, f"tags {', '.join(missing_tags)}"),
    ]
    return [sentence for met, sentence in checks if not met]


class JobState(StrEnum):
    """Where a job stands."""

    QUEUED = "queued"
    """Waiting for a bench."""
    LEASED = "leased"
    """An agent holds it and has not begun."""
    RUNNING = "running"
    """An attempt is under way."""
    CANCELLING = "cancelling"
    """The owner wants it ended; the agent finishes the window it is in."""
    SUCCEEDED = "succeeded"
    """An attempt closed with a result."""
    FAILED = "failed"
    """No attempt will follow; the last failure says why."""
    CANCELLED = "cancelled"
    """Ended by its owner."""


class JobEvent(StrEnum):
    """What moves a job from one state to the next."""

    CLAIM = "claim"
    START = "start"
    SUCCEED = "succeed"
    FAIL = "fail"
    REQUEUE = "requeue"
    CANCEL = "cancel"


ACTIVE_STATES = (JobState.LEASED, JobState.RUNNING, JobState.CANCELLING)
TERMINAL_STATES = (JobState.SUCCEEDED, JobState.FAILED, JobState.CANCELLED)

# The one table of legal transitions. What is not here is refused with `illegal_transition`.
TRANSITIONS: dict[tuple[JobState, JobEvent], JobState] = {
    (JobState.QUEUED, JobEvent.CLAIM): JobState.LEASED,
    (JobState.QUEUED, JobEvent.CANCEL): JobState.CANCELLED,
    (JobState.QUEUED, JobEvent.FAIL): JobState.FAILED,
    (JobState.LEASED, JobEvent.START): JobState.RUNNING,
    (JobState.LEASED, JobEvent.SUCCEED): JobState.SUCCEEDED,
    (JobState.LEASED, JobEvent.FAIL): JobState.FAILED,
    (JobState.LEASED, JobEvent.REQUEUE): JobState.QUEUED,
    (JobState.LEASED, JobEvent.CANCEL): JobState.CANCELLING,
    (JobState.RUNNING, JobEvent.SUCCEED): JobState.SUCCEEDED,
    (JobState.RUNNING, JobEvent.FAIL): JobState.FAILED,
    (JobState.RUNNING, JobEvent.REQUEUE): JobState.QUEUED,
    (JobState.RUNNING, JobEvent.CANCEL): JobState.CANCELLING,
    # A result that arrives while its job is being cancelled was measured: it is kept.
    (JobState.CANCELLING, JobEvent.START): JobState.CANCELLING,
    (JobState.CANCELLING, JobEvent.CANCEL): JobState.CANCELLING,
    (JobState.CANCELLING, JobEvent.SUCCEED): JobState.SUCCEEDED,
    (JobState.CANCELLING, JobEvent.FAIL): JobState.CANCELLED,
    (JobState.CANCELLING, JobEvent.REQUEUE): JobState.CANCELLED,
}


def sources(event: JobEvent) -> tuple[JobState, ...]:
    """Return the states in which an event is legal."""
    return tuple(state for state, e in TRANSITIONS if e == event)
