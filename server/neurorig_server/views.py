"""What the server answers: records for jobs, attempts, benches, campaigns, tokens and energies.

Store methods return them and routers pass them on. Not for requests: those are in `neurorig_protocols`.
"""

from __future__ import annotations

from typing import Annotated, Any, Literal

from pydantic import AwareDatetime, Field

from neurorig_protocols.bench import BenchProfile
from neurorig_protocols.benchmarks.evaluation import Standing
from neurorig_protocols.board import BoardInfo, Compiled, Placement
from neurorig_protocols.errors import ErrorRecord
from neurorig_protocols.files import FileKind
from neurorig_protocols.job import JobSpec, JobState, Reference
from neurorig_protocols.quantities import Absent, Grade, Quantity, Reality
from neurorig_protocols.records import Digest, Finite, Name, Record
from neurorig_protocols.report import ClassifierAnswer, PhaseTime, QuboAnswer, SnnAnswer
from neurorig_protocols.trace import Window

AttemptState = Literal[
    "leased", "running", "succeeded", "failed", "measurement_invalid", "cancelled", "lost", "returned"
]
"""`returned`: handed back before it began; it is not one of the job's `max_attempts`."""
Quality = Literal["valid", "degraded", "invalid"]
"""valid: believe it. degraded: believe it, and read the codes. invalid: do not use it as a result."""

Scope = Literal["read", "submit", "operate", "agent", "admin"]


class AttemptSummary(Record):
    """One attempt as a line of its job."""

    id: str
    number: int
    bench: str
    state: AttemptState
    started_at: AwareDatetime | None
    ended_at: AwareDatetime | None
    quality: Quality | None


class JobView(Record):
    """A job, where it stands and what was tried. `position` (1 is next) and `reason` are given for one waiting job."""

    id: str
    state: JobState
    priority: int
    spec: JobSpec
    created_at: AwareDatetime
    updated_at: AwareDatetime
    cancel_requested_at: AwareDatetime | None = None
    campaign_id: str | None = None
    position: int | None = None
    reason: str | None = None
    error: ErrorRecord | None = None
    attempts: tuple[AttemptSummary, ...] = ()
    standing: Standing | None = None


class JobPage(Record):
    """A page of jobs, newest first; `next` is the cursor of the page after it."""

    items: tuple[JobView, ...]
    next: str | None


class JobEventView(Record):
    """One line of a job's history: who moved it, where to and why."""

    at: AwareDatetime
    event: str
    state: JobState
    who: str
    why: str


class CampaignCreated(Record):
    """A campaign and its jobs, in the order of the grid (the last axis runs fastest)."""

    id: str
    jobs: tuple[str, ...]
    count: int


class CampaignView(Record):
    """A campaign: jobs by state, and the share of them that has ended."""

    id: str
    name: str
    created_at: AwareDatetime
    count: int
    states: dict[JobState, int]
    complete: float


class LeaseView(Record):
    """Who holds a bench, and until when."""

    attempt_id: str
    job_id: str
    expires_at: AwareDatetime
    phase: str = ""


class BenchView(Record):
    """A bench as its agent registered it."""

    name: str
    reality: Reality
    board: str
    profile: BenchProfile
    board_info: BoardInfo
    agent_version: str
    last_seen_at: AwareDatetime
    state: Literal["online", "offline", "busy"]
    lease: LeaseView | None


class Evidence(Record):
    """A report that came too late to be the result."""

    kind: str
    digest: Digest
    received_at: AwareDatetime
    outcome: str


class ReachedGap(Record):
    """A gap of the time-to-solution scenario after recomputation, measured from the target that `reference` names."""

    gap: Finite
    reference: Reference = "official"
    target_cost: Finite
    cost: int | None
    latency_s: Finite | None
    energy: Quantity | Absent
    believed_s: Finite | None = Field(
        default=None,
        description="when a board that rounds weights believed to have reached it; the exact cost did not",
    )


NOT_COMPARED = Absent(reason_code="not_compared", reason="verified before best verified targets were kept")


class VerifiedQubo(Record):
    """A QUBO answer recomputed: `cost` is xᵀQx of the reported bits."""

    kind: Literal["qubo"] = "qubo"
    cost: int
    solver_cost: int
    independent_set: bool | None = Field(description="None for an uploaded problem, which knows no sets")
    official_target: int | None
    target_source: str | None
    gap: Finite | Absent
    best_target: int | None = Field(default=None, description="best verified cost when the answer was verified")
    best_source: str | None = Field(default=None, description="who held it, on what, since when")
    best_gap: Finite | Absent = NOT_COMPARED
    reached: tuple[ReachedGap, ...] = ()
    value: Finite | None = Field(default=None, description="scale · cost + offset, in the unit of the uploaded file")
    scale: str | None = None
    offset: str | None = None
    rounding_bound: Finite | None = Field(default=None, description="how far `value` may be off by rounding")


class VerifiedClassifier(Record):
    """A classifier answer recounted."""

    kind: Literal["classifier"] = "classifier"
    count: int
    correct: int
    accuracy: Finite


class VerifiedSnn(Record):
    """The answer of a spiking network: checked for consistency, and run again where the report carries the network."""

    kind: Literal["snn"] = "snn"
    output_spikes: int
    spikes: int
    silent_samples: int = Field(description="samples in which no output spiked")
    winners: tuple[int, ...] = Field(description="output with the most spikes of each sample, -1 for none; bounded")
    recomputed: str | None = Field(default=None, description="what was run again, and what that does not show")
    not_recomputed: str | None = Field(default=None, description="why the network was not run again")


Verified = Annotated[VerifiedQubo | VerifiedClassifier | VerifiedSnn, Field(discriminator="kind")]


class QuboAnswerView(QuboAnswer):
    """A reported QUBO answer with its recomputation; None until it is done, or when the answer is malformed."""

    verified: VerifiedQubo | None


class ClassifierAnswerView(ClassifierAnswer):
    """A reported classifier answer with its recount; None until it is done."""

    verified: VerifiedClassifier | None


class SnnAnswerView(SnnAnswer):
    """A reported answer of a spiking network with its check; None until it is done, or when it is malformed."""

    verified: VerifiedSnn | None


AnswerView = Annotated[QuboAnswerView | ClassifierAnswerView | SnnAnswerView, Field(discriminator="kind")]


class AttemptView(Record):
    """One attempt: times, answer, quality, provenance."""

    id: str
    job_id: str
    number: int
    bench: str
    board: str
    reality: Reality
    state: AttemptState
    quality: Quality | None
    codes: tuple[str, ...]
    times: tuple[PhaseTime, ...]
    answer: AnswerView | None
    board_info: BoardInfo | None
    compiled: Compiled | None
    placement: Placement | None
    provenance: dict[str, Any]
    error: ErrorRecord | None
    evidence: tuple[Evidence, ...]
    energy_absent: str | None
    standing: Standing | None = None
    leased_at: AwareDatetime
    started_at: AwareDatetime | None
    ended_at: AwareDatetime | None


class Accepted(Record):
    """The answer to a report."""

    accepted: Literal[True] = True
    attempt: AttemptView


class TraceInfo(Record):
    """A stored trace of an attempt."""

    monitor: Name
    digest: Digest
    size: int = Field(description="bytes")
    samples: int


class FileView(Record):
    """An uploaded file. `facts` are what its check found; they differ by kind."""

    digest: Digest
    kind: FileKind
    name: str
    size: int = Field(description="bytes")
    facts: dict[str, Any]
    uploaded_by: str = Field(description="id of the token that uploaded it, which may delete it")
    created_at: AwareDatetime


class FilePage(Record):
    """A page of files, newest first; `next` is the cursor of the page after it."""

    items: tuple[FileView, ...]
    next: str | None


class RailSeries(Record):
    """Extremes of one rail per bin, in watts; None where every sample of the bin is missing."""

    rail: Name
    min_w: tuple[Finite | None, ...]
    max_w: tuple[Finite | None, ...]


class TraceSeries(Record):
    """A trace thinned to at most `points` bins that keep every extreme. Bin i begins at t0_ns + i·bin·dt_ns."""

    monitor: Name
    clock: str
    t0_ns: int
    dt_ns: Finite
    samples: int
    bin: int = Field(description="samples per bin; the last may hold fewer")
    rails: tuple[RailSeries, ...]
    windows: tuple[Window, ...]


class EnergyRow(Record):
    """Mean energy of one window over attempts of one reality and one set of rails, in joules.

    `u_j` combines the mean standard uncertainty of the measurements, which share their meter's errors and do not
    average out, with the spread of the mean. `spread_j` is the sample standard deviation, None for one attempt.
    """

    component: str | None = None
    phase: str | None = None
    board: str | None = None
    bench: str | None = None
    workload: str | None = None
    reality: Reality
    rails: tuple[Name, ...]
    n: int
    mean_j: Finite
    u_j: Finite
    spread_j: Finite | None
    grade: Grade


class EnergyRows(Record):
    """The answer to an energy query."""

    rows: tuple[EnergyRow, ...]


class EnergyAbsent(Record):
    """There is no energy, and why."""

    absent: str


class TokenView(Record):
    """A token without its secret."""

    id: str
    name: str
    scopes: tuple[Scope, ...]
    bench: str | None
    created_at: AwareDatetime
    expires_at: AwareDatetime | None
    revoked_at: AwareDatetime | None


class TokenCreated(TokenView):
    """A new token with its secret, shown this once."""

    token: str
