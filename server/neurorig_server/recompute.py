"""Recomputes one attempt: answer, windows, energy, quality. Runs in a worker process, so it touches no database."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache

from neurorig_protocols.benchmarks import qubo_mis
from neurorig_protocols.energy import EnergyMatrix
from neurorig_protocols.errors import ErrorRecord, MeasurementError
from neurorig_protocols.quantities import Absent, Quantity
from neurorig_protocols.uncertain import Inputs
from neurorig_server import verify
from neurorig_server.measure import Measured, measure
from neurorig_server.store.reports import AnalysisInput
from neurorig_server.stored_problems import StoredProblems
from neurorig_server.traces import TraceStore
from neurorig_server.verdict import Verdict
from neurorig_server.views import Quality

INVALIDATING = frozenset(
    {
        "no_answer",
        "answer_of_another_kind",
        "malformed_solution",
        "wrong_label_count",
        "cost_mismatch",
        "reached_mismatch",
        "target_mismatch",
        "gap_not_reported",
        "digest_mismatch",
        "malformed_counts",
        "impossible_counts",
        "spikes_mismatch",
    }
)
"""Codes of an answer that cannot be believed."""

INFORMING = frozenset({"energy_absent", "functional_only"})
"""Codes that take nothing from what is given."""


@dataclass(frozen=True)
class _Energy:
    """What the traces gave: a matrix, or the reason why there is none."""

    measured: Measured | None = None
    matrix: EnergyMatrix | None = None
    absent: str | None = None
    error: ErrorRecord | None = None
    codes: tuple[str, ...] = ()

    def until(self, window: int, latency_s: float) -> Quantity | Absent:
        """Return the energy to a solution, or why there is none."""
        if self.measured is None or self.matrix is None:
            return Absent(reason_code="energy_absent", reason=self.absent or "no energy was measured")
        return self.measured.until(window=window, latency_s=latency_s)


def recompute(job: AnalysisInput, trace_location: str) -> Verdict:
    """Return the verdict on a reported attempt. Time and answer stand even where the energy does not."""
    energy = _energy(job, trace_location)
    checked = verify.check(job.spec, job.report.answer, energy.until, best=job.best, stored=_stored(trace_location).get)
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


def warm() -> None:
    """Import what the first recomputation would have to wait for: these libraries load on first use."""
    qubo_mis.instance(2, 0.5, 0)
    Inputs().zero()


def _quality(codes: tuple[str, ...], error: ErrorRecord | None) -> Quality:
    if error is not None or INVALIDATING & set(codes):
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
    """Energy that was not measured: fine where the bench cannot, a blemish where it should have been."""
    promised = bool(job.bench.profile.measured_rails)
    reason = job.report.energy_absent or ("the report names no trace" if promised else "the bench has no power monitor")
    wanted = (promised and job.report.energy_absent is None) or job.spec.needs.metered
    if wanted:
        return _Energy(absent=reason, codes=("energy_missing",))
    simulated = job.report.board is not None and job.report.board.no_energy is not None
    return _Energy(absent=reason, codes=("functional_only",) if simulated else ("energy_absent",))
