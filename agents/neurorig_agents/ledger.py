"""What one attempt has given so far, and the report made of it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

from neurorig_protocols.board import BoardInfo, Compiled, Placement
from neurorig_protocols.errors import ErrorRecord, MarkerMismatch, NeurorigError
from neurorig_protocols.plan import PhaseName
from neurorig_protocols.report import AttemptReport, ExpectedWindow, Outcome, PhaseTime, TraceRef
from neurorig_protocols.trace import AcquisitionReport, Marker
from neurorig_protocols.workloads.contract import ReportedAnswer


@dataclass
class Ledger:
    """Filled by the executor, step by step."""

    fence: int
    board: BoardInfo | None = None
    compiled: Compiled | None = None
    placement: Placement | None = None
    times: list[PhaseTime] = field(default_factory=list)
    markers: list[Marker] = field(default_factory=list)
    windows: list[ExpectedWindow] = field(default_factory=list)
    answer: ReportedAnswer | None = None
    traces: list[TraceRef] = field(default_factory=list)
    acquisitions: list[AcquisitionReport] = field(default_factory=list)
    measurement_error: NeurorigError | None = None
    energy_absent: str | None = None
    provenance: dict[str, Any] = field(default_factory=dict)

    def next_index(self, phase: PhaseName) -> int:
        """Return the number of the next window of a phase."""
        return sum(window.phase == phase for window in self.windows)

    def note_windows(self, markers: Sequence[Marker]) -> int:
        """Take the markers of one call of the board; returns how many windows they bracket.

        Raises MarkerMismatch when a window has no begin or no end: then no window of the trace can be named.
        """
        edges = [(m.phase, m.index, m.edge) for m in markers]
        begun = [ExpectedWindow(phase=m.phase, index=m.index) for m in markers if m.edge == "begin"]
        expected = [(w.phase, w.index, edge) for w in begun for edge in ("begin", "end")]
        if edges != expected:
            raise MarkerMismatch(
                f"the board's driver noted {len(edges)} edges that do not bracket windows one after the other",
                where="board",
                next_step="Run `neurorig agent check` on the bench.",
            )
        self.markers += markers
        self.windows += begun
        return len(begun)

    def withhold(self, error: NeurorigError) -> None:
        """Note why there is no energy; the first reason stands."""
        self.measurement_error = self.measurement_error or error

    def report(self, outcome: Outcome, error: ErrorRecord | None = None) -> AttemptReport:
        """Close the books; a measurement that failed turns success into `measurement_invalid`."""
        absent = self.energy_absent
        if outcome == "succeeded" and (reason := self.measurement_error) is not None:
            outcome, error, absent = "measurement_invalid", reason.record(), reason.message
        return AttemptReport(
            fence=self.fence,
            outcome=outcome,
            error=error,
            board=self.board,
            compiled=self.compiled,
            placement=self.placement,
            times=tuple(self.times),
            markers=tuple(self.markers),
            windows=tuple(self.windows),
            answer=self.answer,
            traces=tuple(self.traces),
            acquisitions=tuple(self.acquisitions),
            energy_absent=absent,
            provenance=self.provenance,
        )
