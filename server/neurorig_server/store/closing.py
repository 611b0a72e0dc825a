"""How an attempt ends and what that does to its job. Parts of transactions, shared by leases and reports."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

from sqlalchemy import Connection, Row, delete, func, insert, select, update

from neurorig_protocols.errors import ErrorRecord
from neurorig_protocols.job import JobEvent, JobState
from neurorig_server.store import requirements, transitions
from neurorig_server.store.database import Database
from neurorig_server.store.tables import attempts, exclusions, is_open, jobs
from neurorig_server.store.transitions import Cause


def close_attempt(
    db: Database, connection: Connection, attempt_seq: int, state: str, *, error: ErrorRecord | None, **values: Any
) -> None:
    """Give an open attempt its final state; RuntimeError when it has one already."""
    closed = update(attempts).where(attempts.c.seq == attempt_seq, is_open)
    kept = error.model_dump(mode="json") if error else None
    done = connection.execute(closed.values(state=state, ended_at=db.now(), error=kept, **values))
    if not done.rowcount:
        raise RuntimeError(f"attempt row {attempt_seq} was closed twice")


def retry_or_fail(
    db: Database,
    connection: Connection,
    attempt: Row[Any],
    error: ErrorRecord,
    cause: Cause,
    *,
    exclude: timedelta,
) -> JobState:
    """Queue the job again after a retryable failure while attempts are left; otherwise fail it with the error."""
    job = connection.execute(select(jobs).where(jobs.c.seq == attempt.job_seq)).one()
    kept = error.model_dump(mode="json")
    if not error.retryable or job.attempts - _returned(connection, job.seq) >= job.max_attempts:
        return transitions.advance(db, connection, job.seq, JobEvent.FAIL, cause, error=kept)
    _pass_over(db, connection, job, attempt.bench, exclude)
    return transitions.advance(db, connection, job.seq, JobEvent.REQUEUE, cause, error=kept)


def fitting_benches(connection: Connection, job_seq: int) -> frozenset[str]:
    """Return the benches that could run a job."""
    requirement = connection.execute(select(jobs.c.requirement_id).where(jobs.c.seq == job_seq)).scalar_one()
    return requirements.fitting_benches(connection, requirement)


def _returned(connection: Connection, job_seq: int) -> int:
    """Return how many attempts of a job were handed back before they began."""
    back = select(func.count()).where(attempts.c.job_seq == job_seq, attempts.c.state == "returned")
    return int(connection.execute(back).scalar_one())


def _pass_over(db: Database, connection: Connection, job: Row[Any], bench: str, exclude: timedelta) -> None:
    """Keep the job off the bench that failed it for a while, if another fitting bench has not failed it."""
    here = exclusions.c.job_seq == job.seq
    connection.execute(delete(exclusions).where(here, exclusions.c.bench == bench))
    now = db.now()
    out = select(exclusions.c.bench).where(here, exclusions.c.until_at > now)
    others = requirements.fitting_benches(connection, job.requirement_id) - {bench}
    if others - frozenset(connection.execute(out).scalars()):
        connection.execute(insert(exclusions).values(job_seq=job.seq, bench=bench, until_at=now + exclude))
    else:
        connection.execute(delete(exclusions).where(here))
