"""Results of whole campaigns in three queries, however many jobs they have. Not for one attempt: `attempts.py`."""

from __future__ import annotations

from typing import Any

from sqlalchemy import ColumnElement, Connection, Row, Select, and_, func, select
from sqlalchemy.sql.selectable import FromClause

from neurorig_protocols.benchmarks.results import Result
from neurorig_protocols.job import JobSpec, JobState
from neurorig_server.results import ANSWER_FIELDS, Pieces, result_of
from neurorig_server.store.tables import attempts, documents, energy_cells, jobs


def of_campaign(connection: Connection, campaign_id: str) -> list[Result]:
    """Return the results of a campaign's jobs, in the order of their submission."""
    return _results(connection, jobs.c.campaign_id == campaign_id)


def of_job(connection: Connection, job_id: str) -> list[Result]:
    """Return the result of one job as a list of one; empty when there is no such job."""
    return _results(connection, jobs.c.id == job_id)


def _results(connection: Connection, wanted: ColumnElement[bool]) -> list[Result]:
    durations = {row.attempt_seq: row for row in connection.execute(_durations(wanted))}
    pieces = {row.job_seq: _pieces(row, durations.get(row.seq)) for row in connection.execute(_attempts(wanted))}
    asked = select(jobs.c.seq, jobs.c.id, jobs.c.state, jobs.c.spec, jobs.c.error).where(wanted).order_by(jobs.c.seq)
    return [
        result_of(row.id, JobState(row.state), JobSpec.model_validate(row.spec), row.error, pieces.get(row.seq))
        for row in connection.execute(asked)
    ]


def _attempts(wanted: ColumnElement[bool]) -> Select[Any]:
    """Select every attempt that closed with a result; only the parts of its documents that are used are read out."""
    source: FromClause = attempts.join(jobs, jobs.c.seq == attempts.c.job_seq)
    parts: list[ColumnElement[Any]] = []
    for kind in ("report", "verified", "energy"):
        document = documents.alias(kind)
        source = source.outerjoin(document, and_(document.c.attempt_seq == attempts.c.seq, document.c.kind == kind))
        parts += _parts(kind, document.c.body)
    c = attempts.c
    columns = (c.seq, c.job_seq, c.id, c.bench, c.board, c.reality, c.codes, c.energy_absent, c.error)
    query = select(*columns, *parts).select_from(source)
    # Of several attempts of a job the last one is its result: it stands last.
    return query.where(wanted, c.state.in_(("succeeded", "measurement_invalid"))).order_by(c.job_seq, c.number)


def _parts(kind: str, body: Any) -> list[ColumnElement[Any]]:
    if kind == "report":
        return [body["answer"][field].label(field) for field in ANSWER_FIELDS]
    if kind == "energy":
        return [body["totals"].label("totals"), body["boundary"].label("boundary")]
    return [body.label("verified")]


def _durations(wanted: ColumnElement[bool]) -> Select[Any]:
    c = energy_cells.c
    source = energy_cells.join(attempts, attempts.c.seq == c.attempt_seq).join(jobs, jobs.c.seq == attempts.c.job_seq)
    query = select(c.attempt_seq, func.max(c.duration_s).label("run_s"), func.max(c.windows).label("runs"))
    return query.select_from(source).where(wanted, c.phase == "run").group_by(c.attempt_seq)


def _pieces(row: Row[Any], duration: Row[Any] | None) -> Pieces:
    return Pieces(
        attempt=row.id,
        bench=row.bench,
        board=row.board,
        reality=row.reality,
        codes=tuple(row.codes),
        withheld=row.energy_absent or (row.error or {}).get("message"),
        answer={field: getattr(row, field) for field in ANSWER_FIELDS},
        verified=row.verified,
        # An invalid measurement has no cells, and its matrix, if any, is no result.
        totals=row.totals if duration else None,
        boundary=row.boundary if duration else None,
        run_s=duration.run_s if duration else None,
        runs=duration.runs if duration else None,
    )
