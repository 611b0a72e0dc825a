"""Use cases that read attempts: the whole view, its energy matrix, its traces. Closing one is `reports.py`."""

from __future__ import annotations

from typing import Any

from pydantic import TypeAdapter
from sqlalchemy import Connection, Row, select

from neurorig_protocols.api.attempts import AttemptView, Evidence, SolutionView, TraceInfo
from neurorig_protocols.api.energy import EnergyAbsent
from neurorig_protocols.energy import EnergyMatrix
from neurorig_protocols.job import JobSpec
from neurorig_protocols.refusals import not_found
from neurorig_protocols.report import AttemptReport
from neurorig_protocols.workloads import registry
from neurorig_protocols.workloads.contract import ReportedAnswer
from neurorig_protocols.workloads.registry import InstalledAnswerView
from neurorig_server.store import documents
from neurorig_server.store.database import Database
from neurorig_server.store.evaluations import standings
from neurorig_server.store.files import names_of_variables
from neurorig_server.store.tables import attempts, jobs

_ANSWERS: TypeAdapter[ReportedAnswer] = TypeAdapter(InstalledAnswerView)


class Attempts:
    """Use cases that read attempts."""

    def __init__(self, db: Database) -> None:
        self._db = db

    def get(self, attempt_id: str) -> AttemptView:
        """Return one attempt; NotFound."""
        with self._db.read() as connection:
            row = _row(connection, attempt_id)
            report = documents.get(connection, row.seq, "report")
            verified = documents.get(connection, row.seq, "verified")
            late = documents.every(connection, row.seq, "late_report")
            (rank,) = standings(connection, [(JobSpec.model_validate(row.spec), row.submitted_at)])
        view = _view(row, AttemptReport.model_validate(report) if report else None, verified, late)
        return view.model_copy(update={"standing": rank})

    def energy(self, attempt_id: str) -> EnergyMatrix | EnergyAbsent:
        """Return an attempt's energy matrix, or why there is none; NotFound."""
        with self._db.read() as connection:
            row = _row(connection, attempt_id)
            body = documents.get(connection, row.seq, "energy")
        if body is not None:
            return EnergyMatrix.model_validate(body)
        if row.state in ("leased", "running"):
            return EnergyAbsent(absent="the attempt has not ended")
        error = (row.error or {}).get("message")
        return EnergyAbsent(absent=row.energy_absent or error or "the attempt measured no energy")

    def solution(self, attempt_id: str) -> SolutionView | None:
        """Return how an attempt set the variables of its problem; None where it has no such answer. NotFound."""
        with self._db.read() as connection:
            row = _row(connection, attempt_id)
            report = documents.get(connection, row.seq, "report")
            verified = documents.get(connection, row.seq, "verified")
            answer = _answer(AttemptReport.model_validate(report), verified) if report else None
            workload = registry.of_answer(answer)
            if workload is None:
                return None
            names = names_of_variables(connection, JobSpec.model_validate(row.spec), row.submitted_by)
        found = workload.solution(answer, 0 if names is None else names)
        if found is None:
            return None
        return SolutionView(
            attempt=row.id,
            job=row.job_id,
            names_from="numbers" if names is None else "file",
            cost=found.cost,
            value=found.value,
            solution=dict(found.bits),
        )

    def traces(self, attempt_id: str) -> tuple[TraceInfo, ...]:
        """Return the traces that the attempt's report names; NotFound."""
        with self._db.read() as connection:
            row = _row(connection, attempt_id)
            report = documents.get(connection, row.seq, "report") or {}
        return tuple(TraceInfo.model_validate(ref) for ref in report.get("traces", []))


def _row(connection: Connection, attempt_id: str) -> Row[Any]:
    job = (jobs.c.id.label("job_id"), jobs.c.spec, jobs.c.created_at.label("submitted_at"), jobs.c.submitted_by)
    query = select(attempts, *job).join(jobs, jobs.c.seq == attempts.c.job_seq)
    row = connection.execute(query.where(attempts.c.id == attempt_id)).first()
    if row is None:
        raise not_found("attempt", attempt_id)
    return row


def _view(row: Row[Any], report: AttemptReport | None, verified: Any, late: list[Row[Any]]) -> AttemptView:
    return AttemptView(
        id=row.id,
        job_id=row.job_id,
        number=row.number,
        bench=row.bench,
        board=row.board,
        reality=row.reality,
        state=row.state,
        quality=row.quality,
        codes=tuple(row.codes),
        times=report.times if report else (),
        answer=_answer(report, verified) if report else None,
        board_info=report.board if report else None,
        compiled=report.compiled if report else None,
        placement=report.placement if report else None,
        provenance=report.provenance if report else {},
        error=row.error,
        evidence=tuple(_evidence(line) for line in late),
        energy_absent=row.energy_absent,
        leased_at=row.leased_at,
        started_at=row.started_at,
        ended_at=row.ended_at,
    )


def _answer(report: AttemptReport, verified: Any) -> ReportedAnswer | None:
    if report.answer is None:
        return None
    return _ANSWERS.validate_python({**report.answer.model_dump(), "verified": verified})


def _evidence(line: Row[Any]) -> Evidence:
    return Evidence(kind=line.kind, digest=f"sha256:{line.digest}", received_at=line.at, outcome=line.body["outcome"])
