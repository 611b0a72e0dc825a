"""Use cases that close an attempt: the agent's report, then the server's own recomputation of it.

A report is accepted in one transaction and analysed after it. Until the verdict is stored the attempt stays
`running` with `reported_at` set: its bench is free, and a server that dies meanwhile analyses again.
"""

from __future__ import annotations

from collections.abc import Collection
from datetime import timedelta
from typing import Any

from sqlalchemy import ColumnElement, Connection, Row, insert, or_, select, update

from neurorig_protocols.api.problems import FieldProblem
from neurorig_protocols.errors import ErrorRecord
from neurorig_protocols.job import BenchRecord, JobEvent, JobSpec, JobState
from neurorig_protocols.refusals import AlreadyReported, Invalid, StaleFence, TraceMissing, not_found
from neurorig_protocols.report import AttemptReport
from neurorig_protocols.workloads.qubo.qubo_targets import problem_of
from neurorig_server.recompute.verdict import AnalysisInput, Verdict
from neurorig_server.store import closing, documents, targets, transitions
from neurorig_server.store.database import Database
from neurorig_server.store.energy import cell_rows
from neurorig_server.store.tables import attempts, energy_cells, is_open, jobs, traces
from neurorig_server.store.tokens import Principal
from neurorig_server.store.transitions import Cause

ANALYSIS = "analysis"

AGENT_STOPPED = ErrorRecord(
    code="agent_stopped",
    fault="infra",
    retryable=True,
    message="the agent ended the attempt before it had finished",
)


class Reports:
    """Use cases that close an attempt. `exclude_s`: see `closing.py`."""

    def __init__(self, db: Database, *, exclude_s: float = 300) -> None:
        self._db = db
        self._exclude = timedelta(seconds=exclude_s)

    def accept(self, attempt_id: str, report: AttemptReport, who: Principal) -> bool:
        """Take the report of an open attempt and say whether it is to be analysed. The same report twice is once.

        Raises NotFound, Forbidden, Invalid, TraceMissing, AlreadyReported, and StaleFence for a report that came
        too late, which is kept as evidence.
        """
        _require_reason(report)
        digest = documents.digest_of(report)
        freed: frozenset[str] = frozenset()
        with self._db.write() as connection:
            row = _locked(connection, attempt_id, who)
            if row.report_digest == digest:
                return row.state in ("leased", "running")
            late = row.report_digest is None and (row.fence != report.fence or row.state not in ("leased", "running"))
            if late:
                self._keep_evidence(connection, row.seq, report, digest)
            elif row.report_digest is not None:
                raise AlreadyReported("another report closed this attempt")
            else:
                _require_traces(connection, row.seq, report)
                self._keep(connection, row.seq, report, digest)
                freed = self._close_at_once(connection, row, report, who)
        if late:
            raise StaleFence("the lease of this attempt has ended; the report is kept as evidence")
        self._db.wake(freed | {row.bench})
        return report.outcome in ("succeeded", "measurement_invalid")

    def _keep(self, connection: Connection, attempt_seq: int, report: AttemptReport, digest: str) -> None:
        now = self._db.now()
        body = report.model_dump(mode="json")
        documents.add(connection, attempt_seq, "report", body, now, digest=digest)
        reported = update(attempts).where(attempts.c.seq == attempt_seq)
        connection.execute(reported.values(reported_at=now, report_digest=digest))

    def _keep_evidence(self, connection: Connection, attempt_seq: int, report: AttemptReport, digest: str) -> None:
        if digest not in {row.digest for row in documents.every(connection, attempt_seq, "late_report")}:
            body = report.model_dump(mode="json")
            documents.add(connection, attempt_seq, "late_report", body, self._db.now(), digest=digest)

    def _close_at_once(
        self, connection: Connection, row: Row[Any], report: AttemptReport, who: Principal
    ) -> frozenset[str]:
        """Close an attempt without a result; return the benches that may take its job now."""
        if report.outcome not in ("failed", "cancelled"):
            return frozenset()
        error = report.error or AGENT_STOPPED
        closing.close_attempt(
            self._db, connection, row.seq, report.outcome, error=error, energy_absent=report.energy_absent
        )
        cause = Cause(who.name, error.message)
        state = connection.execute(select(jobs.c.state).where(jobs.c.seq == row.job_seq)).scalar_one()
        if report.outcome == "cancelled" and state == JobState.CANCELLING:
            transitions.advance(self._db, connection, row.job_seq, JobEvent.FAIL, cause)
        else:
            closing.retry_or_fail(self._db, connection, row, error, cause, exclude=self._exclude)
        return closing.fitting_benches(connection, row.job_seq)

    def waiting_for_analysis(self) -> tuple[str, ...]:
        """Return the attempts with a report that nobody analyses."""
        query = select(attempts.c.id).where(self._is_unanalysed()).order_by(attempts.c.seq)
        with self._db.read() as connection:
            return tuple(connection.execute(query).scalars())

    def begin_analysis(self, attempt_id: str, *, hold_s: float) -> AnalysisInput | None:
        """Take an attempt's analysis for `hold_s`; None when it is done or another server has it."""
        until = self._db.now() + timedelta(seconds=hold_s)
        taken = update(attempts).where(attempts.c.id == attempt_id, self._is_unanalysed())
        with self._db.write() as connection:
            row = connection.execute(taken.values(analysis_until_at=until).returning(attempts)).first()
            if row is None:
                return None
            spec = connection.execute(select(jobs.c.spec).where(jobs.c.seq == row.job_seq)).scalar_one()
            job = JobSpec.model_validate(spec)
            problem = problem_of(job.workload)
            return AnalysisInput(
                attempt_id=attempt_id,
                spec=job,
                bench=BenchRecord.model_validate(documents.get(connection, row.seq, "bench")),
                report=AttemptReport.model_validate(documents.get(connection, row.seq, "report")),
                best=targets.best(connection, problem.key) if problem else None,
            )

    def hold_analyses(self, attempt_ids: Collection[str], *, hold_s: float) -> None:
        """Prolong the analyses that this server is at."""
        until = self._db.now() + timedelta(seconds=hold_s)
        held = update(attempts).where(attempts.c.id.in_(attempt_ids), is_open)
        with self._db.write() as connection:
            connection.execute(held.values(analysis_until_at=until))

    def release_analyses(self) -> None:
        """Let every analysis be taken at once: for the one server of a SQLite file, when it starts."""
        with self._db.write() as connection:
            connection.execute(update(attempts).where(is_open).values(analysis_until_at=None))

    def finish(self, attempt_id: str, verdict: Verdict) -> bool:
        """Store a verdict and end attempt and job; False when the attempt had ended already."""
        with self._db.write() as connection:
            query = select(attempts, jobs.c.workload).join(jobs, jobs.c.seq == attempts.c.job_seq)
            row = connection.execute(
                query.where(attempts.c.id == attempt_id, is_open).with_for_update(of=attempts)
            ).first()
            if row is None:
                return False
            self._keep_verdict(connection, row, verdict)
            targets.keep(self._db, connection, row, verdict)
            kept = verdict.error.model_dump(mode="json") if verdict.error else None
            cause = Cause(ANALYSIS, f"attempt {row.number} is {verdict.quality}")
            transitions.advance(self._db, connection, row.job_seq, JobEvent.SUCCEED, cause, error=kept)
        return True

    def _keep_verdict(self, connection: Connection, row: Row[Any], verdict: Verdict) -> None:
        now = self._db.now()
        closing.close_attempt(
            self._db,
            connection,
            row.seq,
            verdict.state,
            error=verdict.error,
            quality=verdict.quality,
            codes=list(verdict.codes),
            energy_absent=verdict.energy_absent,
        )
        if verdict.verified is not None:
            documents.add(connection, row.seq, "verified", verdict.verified.model_dump(mode="json"), now)
        if verdict.energy is not None:
            documents.add(connection, row.seq, "energy", verdict.energy.model_dump(mode="json"), now)
            if verdict.quality != "invalid" and verdict.energy.cells:
                connection.execute(insert(energy_cells), cell_rows(row, verdict.energy, now))

    def _is_unanalysed(self) -> ColumnElement[bool]:
        c = attempts.c
        unheld = or_(c.analysis_until_at.is_(None), c.analysis_until_at < self._db.now())
        return is_open & c.reported_at.is_not(None) & unheld


def _require_reason(report: AttemptReport) -> None:
    if report.outcome == "failed" and report.error is None:
        problem = FieldProblem(field="error", message="needed with the outcome 'failed'", code="missing")
        raise Invalid("a failed attempt needs its error", problems=[problem])
    if report.outcome == "measurement_invalid" and report.error is None and not report.energy_absent:
        problem = FieldProblem(
            field="energy_absent", message="needed, or an error, when energy is withheld", code="missing"
        )
        raise Invalid("withheld energy needs its reason", problems=[problem])


def _locked(connection: Connection, attempt_id: str, who: Principal) -> Row[Any]:
    row = connection.execute(select(attempts).where(attempts.c.id == attempt_id).with_for_update()).first()
    if row is None:
        raise not_found("attempt", attempt_id)
    who.require_bench(row.bench)
    return row


def _require_traces(connection: Connection, attempt_seq: int, report: AttemptReport) -> None:
    query = select(traces.c.digest).where(traces.c.attempt_seq == attempt_seq, traces.c.complete)
    held = set(connection.execute(query).scalars())
    missing = [
        FieldProblem(field=f"traces[{i}].digest", message=f"'{ref.digest}' was not uploaded", code="trace_missing")
        for i, ref in enumerate(report.traces)
        if ref.digest.removeprefix("sha256:") not in held
    ]
    if missing:
        raise TraceMissing(
            f"{len(missing)} of {len(report.traces)} traces were not uploaded",
            problems=missing,
            next_step="Upload the traces, then send the report again.",
        )
