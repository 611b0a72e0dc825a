"""Contract of the table of transitions: the database moves jobs exactly as the table says."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from sqlalchemy import update
from sqlalchemy.exc import IntegrityError

from neurorig_protocols.job import TRANSITIONS, JobEvent, JobSpec, JobState
from neurorig_protocols.refusals import IllegalTransition
from neurorig_server.store import transitions
from neurorig_server.store.store import Store
from neurorig_server.store.tables import jobs
from neurorig_server.store.tokens import Principal
from neurorig_server.store.transitions import Cause


@pytest.fixture
def job_id(store: Store, admin: Principal, spec: Callable[..., JobSpec], bench: Callable[..., Any]) -> str:
    """The only job of the database."""
    bench()
    return store.jobs.submit(spec(), admin).id


def test_every_pair_of_state_and_event_moves_as_the_table_says(store: Store, job_id: str) -> None:
    """A legal event leads to the table's state, an illegal one is refused and changes nothing."""
    for state in JobState:
        for event in JobEvent:
            with store.db.write() as connection:
                connection.execute(update(jobs).values(state=str(state)))
            after = _advance(store, event)

            assert after == TRANSITIONS.get((state, event)), f"{state} --{event}-->"
            assert store.jobs.get(job_id).state == (after or state)


def _advance(store: Store, event: JobEvent) -> JobState | None:
    try:
        with store.db.write() as connection:
            return transitions.advance(store.db, connection, 1, event, Cause("test", "test"))
    except IllegalTransition:
        return None


def test_database_itself_refuses_an_unknown_state(store: Store, job_id: str) -> None:
    """No other writer can bring in a state that the table does not have."""
    with pytest.raises(IntegrityError), store.db.write() as connection:
        connection.execute(update(jobs).where(jobs.c.id == job_id).values(state="lost"))
