"""Use cases on campaigns: a grid of jobs submitted as one."""

from __future__ import annotations

from collections.abc import Sequence

from sqlalchemy import func, insert, select

from neurorig_protocols.api.campaigns import CampaignCreated, CampaignView
from neurorig_protocols.job import TERMINAL_STATES, JobSpec, JobState
from neurorig_server.ids import new_id
from neurorig_server.store import admission, evaluations, idempotency
from neurorig_server.store.database import Database
from neurorig_server.store.errors import not_found
from neurorig_server.store.idempotency import Key
from neurorig_server.store.jobs import insert_jobs, placed
from neurorig_server.store.tables import campaigns, jobs
from neurorig_server.store.tokens import Principal


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
            admission.require_possible(spec)
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
        by_state = select(jobs.c.state, func.count()).where(jobs.c.campaign_id == campaign_id).group_by(jobs.c.state)
        with self._db.read() as connection:
            row = connection.execute(select(campaigns).where(campaigns.c.id == campaign_id)).first()
            if row is None:
                raise not_found("campaign", campaign_id)
            states = {JobState(state): count for state, count in connection.execute(by_state)}
        count = sum(states.values())
        ended = sum(states.get(state, 0) for state in TERMINAL_STATES)
        return CampaignView(
            id=row.id,
            name=row.name,
            created_at=row.created_at,
            count=count,
            states=states,
            complete=ended / count,
        )
