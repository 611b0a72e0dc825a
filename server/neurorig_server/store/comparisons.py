"""Use cases on comparisons and summaries: what is stored is which sides belong together, the numbers are computed."""

from __future__ import annotations

from typing import Any

from sqlalchemy import Connection, Row, insert, select

from neurorig_protocols.benchmarks.comparison import compare
from neurorig_protocols.benchmarks.results import Result
from neurorig_protocols.benchmarks.summary import Summary, summarise_campaign
from neurorig_server.collector import held_off
from neurorig_server.comparison_views import CampaignSummary, ComparisonRequest, ComparisonView, Side
from neurorig_server.ids import new_id
from neurorig_server.store import idempotency, results
from neurorig_server.store.database import Database
from neurorig_server.store.errors import not_found
from neurorig_server.store.idempotency import Key
from neurorig_server.store.tables import campaigns, jobs
from neurorig_server.store.tables_comparisons import comparisons
from neurorig_server.store.tokens import Principal


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

    def summary(self, campaign_id: str) -> CampaignSummary:
        """Return a campaign's tables as they stand now; NotFound."""
        with held_off(), self._db.read() as connection:
            row = connection.execute(select(campaigns).where(campaigns.c.id == campaign_id)).first()
            if row is None:
                raise not_found("campaign", campaign_id)
            summary = summarise_campaign(results.of_campaign(connection, campaign_id))
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


def _sides(row: Row[Any]) -> tuple[Side, Side]:
    left = Side(job=row.left_job, campaign=row.left_campaign)
    return left, Side(job=row.right_job, campaign=row.right_campaign)


def _require(connection: Connection, side: Side) -> None:
    table, wanted, noun = (jobs, side.job, "job") if side.job else (campaigns, side.campaign, "campaign")
    if connection.execute(select(table.c.seq).where(table.c.id == wanted)).first() is None:
        raise not_found(noun, str(wanted))


def _results(connection: Connection, side: Side) -> list[Result]:
    if side.job:
        return results.of_job(connection, side.job)
    return results.of_campaign(connection, str(side.campaign))
