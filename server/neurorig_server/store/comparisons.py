"""Use cases on comparisons and summaries: which sides belong together; their numbers are computed when asked for."""

from __future__ import annotations

from typing import Any

from sqlalchemy import ColumnElement, Connection, Row, Select, and_, func, insert, select
from sqlalchemy.sql.selectable import FromClause

from neurorig_protocols.api.comparisons import (
    CampaignSummary,
    ComparisonEntry,
    ComparisonPage,
    ComparisonRequest,
    ComparisonView,
    Side,
)
from neurorig_protocols.benchmarks.comparison import compare
from neurorig_protocols.benchmarks.summary import Summary, summarise_campaign
from neurorig_protocols.benchmarks.trial_results import Result
from neurorig_protocols.job import JobSpec, JobState
from neurorig_protocols.refusals import not_found
from neurorig_server.ids import new_id
from neurorig_server.recompute.campaign_results import ANSWER_FIELDS, Pieces, result_of
from neurorig_server.store import idempotency
from neurorig_server.store.benchmark_tables import comparisons
from neurorig_server.store.database import Database
from neurorig_server.store.idempotency import Key
from neurorig_server.store.owned import OwnedFilter, newest_first
from neurorig_server.store.paging import cut
from neurorig_server.store.tables import attempts, campaigns, documents, energy_cells, jobs
from neurorig_server.store.tokens import Principal
from neurorig_server.threads import held_off


def of_campaign(connection: Connection, campaign_id: str) -> list[Result]:
    """Return the results of a campaign's jobs, in the order of their submission."""
    return _campaign_results(connection, jobs.c.campaign_id == campaign_id)


def of_job(connection: Connection, job_id: str) -> list[Result]:
    """Return the result of one job as a list of one; empty when there is no such job."""
    return _campaign_results(connection, jobs.c.id == job_id)


def _campaign_results(connection: Connection, wanted: ColumnElement[bool]) -> list[Result]:
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


class Comparisons:
    """Use cases on comparisons and on the summaries of campaigns."""

    def __init__(self, db: Database) -> None:
        self._db = db

    def create(self, asked: ComparisonRequest, who: Principal, *, key: str | None = None) -> ComparisonView:
        """Join two sides; the same key and body return the comparison of the first time.

        Raises NotFound when a job or campaign is not there, KeyReused.
        """
        once = Key.of(who, key, "comparison", asked)
        with self._db.write() as connection:
            comparison_id = idempotency.once(self._db, connection, once, lambda: self._insert(connection, asked, who))
        return self.get(comparison_id)

    def _insert(self, connection: Connection, asked: ComparisonRequest, who: Principal) -> str:
        comparison_id = new_id()
        for side in (asked.left, asked.right):
            _require(connection, side)
        connection.execute(
            insert(comparisons).values(
                id=comparison_id,
                name=asked.name,
                left_job=asked.left.job,
                left_campaign=asked.left.campaign,
                right_job=asked.right.job,
                right_campaign=asked.right.campaign,
                submitted_by=who.id,
                created_at=self._db.now(),
            )
        )
        return comparison_id

    def get(self, comparison_id: str) -> ComparisonView:
        """Return a comparison with its numbers as they stand now; NotFound."""
        with held_off(), self._db.read() as connection:
            row = connection.execute(select(comparisons).where(comparisons.c.id == comparison_id)).first()
            if row is None:
                raise not_found("comparison", comparison_id)
            left, right = _sides(row)
            found = [_results(connection, side) for side in (left, right)]
            return ComparisonView(
                id=row.id,
                name=row.name,
                created_at=row.created_at,
                left=left,
                right=right,
                result=compare(*found),
            )

    def list(self, wanted: OwnedFilter, *, limit: int = 50, cursor: str | None = None) -> ComparisonPage:
        """Return a page of comparisons without their numbers, newest first.

        Args:
            wanted: what the list is narrowed to.
            limit: comparisons per page.
            cursor: `next` of the page before, None for the first page.

        Raises:
            Invalid: the cursor is not one of this server.
        """
        query = newest_first(comparisons, wanted, limit=limit, cursor=cursor)
        with self._db.read() as connection:
            page, more = cut(connection.execute(query).all(), limit)
        return ComparisonPage(items=tuple(_entry(row) for row in page), next=more)

    def summary(self, campaign_id: str) -> CampaignSummary:
        """Return a campaign's tables as they stand now; NotFound."""
        with held_off(), self._db.read() as connection:
            row = connection.execute(select(campaigns).where(campaigns.c.id == campaign_id)).first()
            if row is None:
                raise not_found("campaign", campaign_id)
            summary = summarise_campaign(of_campaign(connection, campaign_id))
        return CampaignSummary(
            id=row.id,
            name=row.name,
            created_at=row.created_at,
            complete=_complete(summary),
            summary=summary,
        )

    def of_campaign(self, campaign_id: str) -> tuple[str, ...]:
        """Return the ids of the comparisons that a campaign is a side of, newest first."""
        c = comparisons.c
        query = select(c.id).where((c.left_campaign == campaign_id) | (c.right_campaign == campaign_id))
        with self._db.read() as connection:
            return tuple(connection.execute(query.order_by(c.seq.desc()).limit(20)).scalars())


def _complete(summary: Summary) -> float:
    return 1 - summary.pending / summary.jobs if summary.jobs else 1.0


def _entry(row: Row[Any]) -> ComparisonEntry:
    left, right = _sides(row)
    return ComparisonEntry(id=row.id, name=row.name, created_at=row.created_at, owner=row.owner, left=left, right=right)


def _sides(row: Row[Any]) -> tuple[Side, Side]:
    left = Side(job=row.left_job, campaign=row.left_campaign)
    return left, Side(job=row.right_job, campaign=row.right_campaign)


def _require(connection: Connection, side: Side) -> None:
    table, wanted, noun = (jobs, side.job, "job") if side.job else (campaigns, side.campaign, "campaign")
    if connection.execute(select(table.c.seq).where(table.c.id == wanted)).first() is None:
        raise not_found(noun, str(wanted))


def _results(connection: Connection, side: Side) -> list[Result]:
    if side.job:
        return of_job(connection, side.job)
    return of_campaign(connection, str(side.campaign))
