"""Counts for the metrics page. Read only."""

from __future__ import annotations

from dataclasses import dataclass

from sqlalchemy import func, select

from neurorig_server.store.database import Database
from neurorig_server.store.tables import attempts, is_queued, jobs


@dataclass(frozen=True)
class Counts:
    """Jobs and attempts by state; age of the oldest waiting job in seconds, 0 when none waits."""

    jobs: dict[str, int]
    attempts: dict[str, int]
    oldest_queued_s: float


def counts(db: Database) -> Counts:
    """Count jobs and attempts by state."""
    with db.read() as connection:
        by_job = connection.execute(select(jobs.c.state, func.count()).group_by(jobs.c.state)).all()
        by_attempt = connection.execute(select(attempts.c.state, func.count()).group_by(attempts.c.state))
        oldest = connection.execute(select(jobs.c.created_at).where(is_queued).order_by(jobs.c.seq).limit(1)).scalar()
        return Counts(
            jobs=dict(by_job),
            attempts=dict(by_attempt.all()),
            oldest_queued_s=(db.now() - oldest).total_seconds() if oldest else 0.0,
        )
