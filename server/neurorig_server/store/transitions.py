"""How jobs and attempts change state: one statement built from the transition table, and closing an attempt."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from sqlalchemy import ColumnElement, Connection, case, insert, select, update

from neurorig_protocols.job import TRANSITIONS, JobEvent, JobState, sources
from neurorig_protocols.refusals import IllegalTransition
from neurorig_server.store.database import Database
from neurorig_server.store.tables import among, job_events, jobs


@dataclass(frozen=True)
class Cause:
    """Who moved a job and why; both are kept."""

    who: str
    why: str


def next_state(event: JobEvent) -> ColumnElement[str]:
    """Return the SQL expression of the state after an event."""
    moves = {str(state): str(after) for (state, e), after in TRANSITIONS.items() if e == event}
    return case(moves, value=jobs.c.state)


def is_legal(event: JobEvent) -> ColumnElement[bool]:
    """Return the SQL condition under which an event is legal."""
    return among(jobs.c.state, sources(event))


def advance(
    db: Database, connection: Connection, job_seq: int, event: JobEvent, cause: Cause, **values: Any
) -> JobState:
    """Move a job, set further columns and return its new state; IllegalTransition when the table forbids it."""
    row = connection.execute(
        update(jobs)
        .where(jobs.c.seq == job_seq, is_legal(event))
        .values(state=next_state(event), updated_at=db.now(), **values)
        .returning(jobs.c.state)
    ).first()
    if row is None:
        state = connection.execute(select(jobs.c.state).where(jobs.c.seq == job_seq)).scalar_one()
        raise IllegalTransition(f"a job that is {state} cannot {event}")
    record(db, connection, [(job_seq, JobState(row.state))], event, cause)
    return JobState(row.state)


def record(
    db: Database,
    connection: Connection,
    moved: Sequence[tuple[int, JobState]],
    event: JobEvent | str,
    cause: Cause,
) -> None:
    """Add one line per (job, new state) to the jobs' histories."""
    now = db.now()
    lines = [
        {"job_seq": seq, "at": now, "event": str(event), "state": str(state), "who": cause.who, "why": cause.why}
        for seq, state in moved
    ]
    connection.execute(insert(job_events), lines)
