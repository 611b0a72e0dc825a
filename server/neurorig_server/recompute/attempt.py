"""Recomputes one attempt: answer, windows, energy, quality. Runs in a worker process, so it touches no database."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache

from neurorig_protocols.api.jobs import Quality
from neurorig_protocols.energy import EnergyMatrix
from neurorig_protocols.errors import ErrorRecord, MeasurementError
from neurorig_protocols.quantities import Absent, Quantity
from neurorig_protocols.uncertain import Inputs
from neurorig_protocols.workloads import registry
from neurorig_protocols.workloads.contract import Sources
from neurorig_protocols.workloads.qubo import mis
from neurorig_server.objects.files import FileStore, StoredProblems
from neurorig_server.objects.traces import TraceStore
from neurorig_server.recompute import measurement
from neurorig_server.recompute.measurement import Measured, OnboardEnergy, measure
from neurorig_server.recompute.verdict import AnalysisInput, Verdict


def invalidating() -> frozenset[str]:
    """Return the codes of an answer that cannot be used: the missing or wrong one, and what the workloads name."""
    return frozenset({"no_answer", "answer_of_another_kind"}) | registry.invalidating()


INFORMING = frozenset(
    {"energy_absent", "functional_only", "onboard_power", "sensor_accuracy_undeclared", "board_not_pinned"}
)
"""Codes that take nothing from what is given."""

SENSOR_CODES = frozenset({"sensor_accuracy_undeclared", "board_not_pinned", "no_board_time"})
"""Why a board's own power sensors may give no energy; another reason of a board is a reason, not a code."""


@dataclass(frozen=True)
class _Energy:
    """What the traces, or else the board's own sensors, gave: a matrix, or the reason why there is none."""

    measured: Measured | OnboardEnergy | None = None
    matrix: EnergyMatrix | None = None
    absent: str | None = None
    absent_code: str = "energy_absent"
    error: ErrorRecord | None = None
    codes: tuple[str, ...] = ()

    def until(self, window: int, latency_s: float) -> Quantity | Absent:
        """Return the energy to a solution, or why there is none."""
        if self.measured is None or self.matrix is None:
            return Absent(reason_code=self.absent_code, reason=self.absent or "no energy was measured")
        return self.measured.until(window=window, latency_s=latency_s)


def recompute(job: AnalysisInput, trace_location: str) -> Verdict:
    """Return the verdict on a reported attempt. Time and answer stand even where the energy does not."""
    energy = _energy(job, trace_location)
    sources = Sources(energy.until, job.best, _stored(trace_location).get, _files(trace_location).read)
    checked = registry.verify(job.spec.workload, job.report.answer, sources)
    codes = (*checked.codes, *energy.codes)
    return Verdict(
        state="measurement_invalid" if energy.error else "succeeded",
        quality=_quality(codes, energy.error),
        codes=codes,
        verified=checked.verified,
        energy=energy.matrix,
        energy_absent=energy.absent,
        error=energy.error,
    )


@cache
def _stored(location: str) -> StoredProblems:
    return StoredProblems(location)


@cache
def _files(location: str) -> FileStore:
    return FileStore(location)


def warm() -> None:
    """Import what the first recomputation would have to wait for: these libraries load on first use."""
    mis.instance(2, 0.5, 0)
    Inputs().zero()


def _quality(codes: tuple[str, ...], error: ErrorRecord | None) -> Quality:
    if error is not None or invalidating() & set(codes):
        return "invalid"
    return "degraded" if set(codes) - INFORMING else "valid"


def _energy(job: AnalysisInput, trace_location: str) -> _Energy:
    report = job.report
    if report.outcome == "measurement_invalid":
        return _withheld(report.error or _reason_as_error(report.energy_absent or ""))
    if report.energy_absent is not None or not report.traces:
        return _absent(job)
    try:
        measured = measure(job.bench.profile, report, TraceStore(trace_location))
        if not measured.traces:
            return _Energy(absent="no trace could be laid beside the phases", codes=measured.codes)
        return _Energy(measured=measured, matrix=measured.matrix(), codes=measured.codes)
    except MeasurementError as error:
        return _withheld(error.record())


def _withheld(error: ErrorRecord) -> _Energy:
    return _Energy(absent=error.message, error=error, codes=(error.code,))


def _reason_as_error(reason: str) -> ErrorRecord:
    return ErrorRecord(code=MeasurementError.code, fault="measurement", retryable=False, message=reason)


def _absent(job: AnalysisInput) -> _Energy:
    """Energy that no monitor measured: from the board's own sensors, where it has them."""
    if job.report.board is not None and job.report.board.no_energy is not None:
        return _Energy(absent=_reason(job), codes=("energy_missing" if _was_due(job) else "functional_only",))
    found = measurement.onboard_energy(job.report, job.bench.profile.reality)
    matrix = found.matrix() if isinstance(found, OnboardEnergy) else found
    due = ("energy_missing",) if _was_due(job) else ()
    if isinstance(found, OnboardEnergy) and isinstance(matrix, EnergyMatrix):
        return _Energy(measured=found, matrix=matrix, codes=(*due, "onboard_power"))
    if isinstance(matrix, Absent):
        # Where a monitor was to measure, its own reason comes first.
        reasons = [_reason(job)] if job.bench.profile.measured_rails else []
        code = matrix.reason_code if matrix.reason_code in SENSOR_CODES else "energy_absent"
        return _Energy(absent="; ".join([*reasons, matrix.reason]), absent_code=code, codes=(*due, code))
    return _Energy(absent=_reason(job), codes=due or ("energy_absent",))


def _was_due(job: AnalysisInput) -> bool:
    """Say whether a monitor's energy is missing: fine where the bench cannot, a blemish where it should have been."""
    promised = bool(job.bench.profile.measured_rails) and job.report.energy_absent is None
    return promised or bool(job.spec.needs.metered)


def _reason(job: AnalysisInput) -> str:
    promised = bool(job.bench.profile.measured_rails)
    return job.report.energy_absent or ("the report names no trace" if promised else "the bench has no power monitor")
