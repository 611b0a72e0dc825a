"""Use cases on campaigns: a grid of jobs submitted as one."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence
from typing import Any

from pydantic import Field
from sqlalchemy import Connection, Row, exists, func, insert, select

from neurorig_protocols.api.campaigns import CampaignCreated, CampaignPage, CampaignView
from neurorig_protocols.job import TERMINAL_STATES, JobSpec, JobState
from neurorig_protocols.refusals import not_found
from neurorig_server.ids import new_id
from neurorig_server.store import admission, evaluations, idempotency
from neurorig_server.store.database import Database
from neurorig_server.store.idempotency import Key
from neurorig_server.store.jobs import insert_jobs, placed
from neurorig_server.store.owned import OwnedFilter, newest_first
from neurorig_server.store.paging import cut
from neurorig_server.store.tables import campaigns, job_tags, jobs
from neurorig_server.store.tokens import Principal


class CampaignFilter(OwnedFilter):
    """What a list of campaigns is narrowed to; None does not matter."""

    tag: str | None = Field(
        default=None, min_length=1, max_length=64, pattern=r"^[^\x00]*$", description="a tag of one of its jobs"
    )


class Campaigns:
    """Use cases on campaigns."""

    def __init__(self, db: Database) -> None:
        self._db = db

    def submit(
        self,
        name: str,
        specs: Sequence[JobSpec],
        who: Principal,
        *,
        once: Key | None = None,
        wait_for_bench: bool = False,
        own_tags: frozenset[str] = frozenset(),
    ) -> CampaignCreated:
        """Queue all jobs of a grid or none; the same key and body return the campaign of the first time.

        `own_tags` are reserved ones that the server itself has put on these jobs. Raises Infeasible when a job fits no
        bench, unless `wait_for_bench`; ReservedTag, KeyReused.
        """
        fitting: set[str] = set()
        for spec in specs:
            admission.require_possible(spec, {})
        evaluations.require_free(specs, own_tags)
        with self._db.write() as connection:

            def make() -> str:
                found = placed(self._db, connection, specs, wait_for_bench=wait_for_bench, fitting=fitting)
                campaign_id, at = new_id(), self._db.now()
                values = {"id": campaign_id, "name": name, "submitted_by": who.id, "created_at": at}
                connection.execute(insert(campaigns).values(values))
                insert_jobs(self._db, connection, found, who, campaign_id=campaign_id)
                return campaign_id

            campaign_id = idempotency.once(self._db, connection, once, make)
            submitted = select(jobs.c.id).where(jobs.c.campaign_id == campaign_id).order_by(jobs.c.seq)
            ids = tuple(connection.execute(submitted).scalars())
        self._db.wake(frozenset(fitting))
        return CampaignCreated(id=campaign_id, jobs=ids, count=len(ids))

    def get(self, campaign_id: str) -> CampaignView:
        """Return a campaign with its jobs counted by state; NotFound."""
        query = newest_first(campaigns, CampaignFilter(), limit=1, cursor=None)
        with self._db.read() as connection:
            row = connection.execute(query.where(campaigns.c.id == campaign_id)).first()
            if row is None:
                raise not_found("campaign", campaign_id)
            (view,) = _views(connection, [row])
            return view

    def list(self, wanted: CampaignFilter, *, limit: int = 50, cursor: str | None = None) -> CampaignPage:
        """Return a page of campaigns, newest first.

        Args:
            wanted: what the list is narrowed to.
            limit: campaigns per page.
            cursor: `next` of the page before, None for the first page.

        Raises:
            Invalid: the cursor is not one of this server.
        """
        query = newest_first(campaigns, wanted, limit=limit, cursor=cursor)
        if wanted.tag is not None:
            tagged = exists().where(
                jobs.c.campaign_id == campaigns.c.id, job_tags.c.job_seq == jobs.c.seq, job_tags.c.tag == wanted.tag
            )
            query = query.where(tagged)
        with self._db.read() as connection:
            page, more = cut(connection.execute(query).all(), limit)
            return CampaignPage(items=_views(connection, page), next=more)


def _views(connection: Connection, rows: Sequence[Row[Any]]) -> tuple[CampaignView, ...]:
    """Return the views of campaign rows; the jobs of all of them are counted by one query."""
    c = jobs.c
    by_state = select(c.campaign_id, c.state, func.count()).where(c.campaign_id.in_([row.id for row in rows]))
    states: dict[str, dict[JobState, int]] = defaultdict(dict)
    for campaign_id, state, count in connection.execute(by_state.group_by(c.campaign_id, c.state)):
        states[campaign_id][JobState(state)] = count
    return tuple(_view(row, states[row.id]) for row in rows)


def _view(row: Row[Any], states: dict[JobState, int]) -> CampaignView:
    count = sum(states.values())
    ended = sum(states.get(state, 0) for state in TERMINAL_STATES)
    return CampaignView(
        id=row.id,
        name=row.name,
        created_at=row.created_at,
        count=count,
        states=states,
        # A list must not fail because of one campaign that has lost its jobs.
        complete=ended / count if count else 1.0,
        owner=row.owner,
    )
