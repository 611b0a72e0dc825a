"""Jobs: what may be asked for, the states a job passes through, and whether a bench could run it."""

from __future__ import annotations

from enum import StrEnum
from typing import Annotated, TypeVar

from pydantic import Field, StrictInt

from neurorig_protocols.bench import BenchProfile
from neurorig_protocols.board import BoardInfo
from neurorig_protocols.plan import MeasurementPlan
from neurorig_protocols.quantities import Reality
from neurorig_protocols.records import Digest, Name, Record, Seed
from neurorig_protocols.workloads.contract import WorkloadSpec
from neurorig_protocols.workloads.registry import InstalledSpec, installed

SpecT = TypeVar("SpecT", bound=WorkloadSpec)


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

    workload: InstalledSpec
    solver: Solver = Solver()
    needs: Needs = Needs()
    plan: MeasurementPlan = MeasurementPlan()
    priority: Annotated[StrictInt, Field(ge=0, le=100)] = 50
    max_attempts: Annotated[StrictInt, Field(ge=1, le=10)] = 3
    tags: tuple[Annotated[str, Field(min_length=1, max_length=64)], ...] = Field(default=(), max_length=32)
    comment: str = Field(default="", max_length=2000)


def workload_of(job: JobSpec, kind: type[SpecT]) -> SpecT:
    """Return a job's workload as the record of its kind; TypeError for a job of another workload."""
    if not isinstance(job.workload, kind):
        raise TypeError(f"the job runs '{job.workload.name}', which is not a {kind.__name__}")
    return job.workload


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
    kind = installed()[job.workload.name].board_kind
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
