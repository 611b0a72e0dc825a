"""What a server answers about attempts: times, answers and their recomputation, quality, traces."""

from __future__ import annotations

from typing import Annotated, Any, Literal

from pydantic import AwareDatetime, Field

from neurorig_protocols.api.jobs import AttemptState, Quality
from neurorig_protocols.benchmarks.evaluation import Standing
from neurorig_protocols.board import BoardInfo, Compiled, Placement
from neurorig_protocols.errors import ErrorRecord
from neurorig_protocols.job import Reference
from neurorig_protocols.quantities import Absent, Quantity, Reality
from neurorig_protocols.records import Digest, Finite, Name, Record
from neurorig_protocols.report import ClassifierAnswer, PhaseTime, QuboAnswer, SnnAnswer
from neurorig_protocols.trace import Window


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
