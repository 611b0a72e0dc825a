"""What a server answers about attempts: times, answers and their recomputation, quality, traces."""

from __future__ import annotations

from typing import Any, Literal

from pydantic import AwareDatetime, Field

from neurorig_protocols.api.jobs import AttemptState, Quality
from neurorig_protocols.benchmarks.evaluation import Standing
from neurorig_protocols.board import BoardInfo, Compiled, Placement
from neurorig_protocols.errors import ErrorRecord
from neurorig_protocols.quantities import Reality
from neurorig_protocols.records import Digest, Finite, Name, Record
from neurorig_protocols.report import PhaseTime
from neurorig_protocols.trace import Window
from neurorig_protocols.workloads.registry import InstalledAnswerView


class Evidence(Record):
    """A report that came too late to be the result."""

    kind: str
    digest: Digest
    received_at: AwareDatetime
    outcome: str


class SolutionView(Record):
    """How an attempt set the variables of a problem, by the names that the job's submitter gave them."""

    attempt: str
    job: str
    names_from: Literal["file", "numbers", "given"] = Field(
        description="file: the uploaded file names or numbers the variables. numbers: they are numbered from 0."
        " given: the caller has named them"
    )
    cost: int | None = Field(description="xᵀQx as the server recomputed it")
    value: Finite | None = Field(description="the same in the unit of the uploaded file")
    solution: dict[str, int] = Field(description="0 or 1 of each variable, in the order of the problem")

    @property
    def ones(self) -> list[str]:
        """The variables that are 1, by name, in the order of the problem."""
        return [name for name, bit in self.solution.items() if bit]


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
    answer: InstalledAnswerView | None
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
