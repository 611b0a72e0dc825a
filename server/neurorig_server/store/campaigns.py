"""Use cases on campaigns: a grid of jobs submitted as one."""

from __future__ import annotations

from collections.abc import Sequence

from sqlalchemy import func, insert, select

from neurorig_protocols.job import TERMINAL_STATES, JobSpec, JobState
from neurorig_server import admission
from neurorig_server.ids import new_id
from neurorig_server.store import references, requirements, tunings
from neurorig_server.store.database import Database
from neurorig_server.store.errors import not_found
from neurorig_server.store.files import require_files
from neurorig_server.store.jobs import insert_jobs
from neurorig_server.store.tables import campaigns, jobs
from neurorig_server.store.tokens import Principal
from neurorig_server.views import CampaignCreated, CampaignView


class Campaigns:
    """Use cases on campaigns."""

    def __init__(self, db: Database) -> None:
        self._db = db

    def submit(
        self, name: str, specs: Sequence[JobSpec], who: Principal, *, wait_for_bench: bool = False
    ) -> CampaignCreated:
        """Queue all jobs of a grid or none: Infeasible when one of them fits no bench, unless `wait_for_bench`."""
        fitting: set[str] = set()
        asked: dict[str, int] = {}
        placed: list[tuple[JobSpec, int]] = []
        for spec in specs:
            admission.require_possible(spec)
        with self._db.write() as connection:
            require_files(connection, specs)
            specs = tunings.settle(connection, specs)
            specs = references.resolve(connection, specs)
            for spec in specs:
                key = requirements.digest(spec)
                if key not in asked:
                    asked[key] = requirements.ensure(self._db, connection, spec)
                    if not wait_for_bench:
                        requirements.require_feasible(connection, asked[key], spec)
                    fitting |= requirements.fitting_benches(connection, asked[key])
                placed.append((spec, asked[key]))
            campaign_id = new_id()
            connection.execute(
                insert(campaigns).values(id=campaign_id, name=name, submitted_by=who.id, created_at=self._db.now())
            )
            ids = insert_jobs(self._db, connection, placed, who, campaign_id=campaign_id)
        self._db.wake(frozenset(fitting))
        return CampaignCreated(id=campaign_id, jobs=tuple(ids), count=len(ids))

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
