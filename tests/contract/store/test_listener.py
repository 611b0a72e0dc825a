"""Contract between servers on one PostgreSQL: what one commits wakes the others."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import Any

import pytest
from sqlalchemy import text

from neurorig_protocols.job import JobSpec
from neurorig_server.store.store import Store
from neurorig_server.store.tokens import Principal
from neurorig_server.store.wake import Listener, Wake

# One process serves a SQLite file, so there is nobody to tell.
pytestmark = pytest.mark.parametrize("database_url", ["postgresql"], indirect=True)


def plain(store: Store) -> str:
    """Return the store's URL as psycopg takes it."""
    return store.db.url.set(drivername="postgresql").render_as_string(hide_password=False)


async def _heard(wake: Wake) -> None:
    """Wait until the listener listens."""
    async with asyncio.timeout(10):
        while wake.sleep_s < 1:
            await asyncio.sleep(0)


def test_submission_on_one_server_wakes_a_waiting_request_on_another(
    store: Store, admin: Principal, spec: Callable[..., JobSpec], bench: Callable[..., Any]
) -> None:
    """The event of the fitting bench is set through the database alone."""

    async def scene() -> tuple[bool, bool]:
        wake = Wake(poll_s=5)
        wake.bind()
        listener = Listener(plain(store), wake)
        listener.start()
        try:
            await _heard(wake)
            with wake.ticket("bench-a") as fits, wake.ticket("bench-b") as other:
                await asyncio.sleep(0)
                fits.clear()
                other.clear()
                await asyncio.to_thread(store.jobs.submit, spec(needs={"board": "virtual-loihi"}), admin)
                await asyncio.wait_for(fits.wait(), 10)
                return fits.is_set(), other.is_set()
        finally:
            await asyncio.to_thread(listener.stop)

    bench()
    bench("bench-b", board="host-cpu")

    assert asyncio.run(scene()) == (True, False)


def test_listener_comes_back_after_its_connection_was_cut(store: Store, caplog: pytest.LogCaptureFixture) -> None:
    """While cut off, requests look more often; afterwards everyone looks once and the listener hears again."""

    async def scene() -> None:
        wake = Wake(poll_s=5)
        wake.bind()
        listener = Listener(plain(store), wake)
        listener.start()
        try:
            await _heard(wake)
            with wake.ticket("bench-a") as event:
                event.clear()
                await asyncio.to_thread(_cut, store)
                await asyncio.wait_for(event.wait(), 10)
            await _heard(wake)
        finally:
            await asyncio.to_thread(listener.stop)

    asyncio.run(scene())

    assert "lease requests poll" in caplog.text


def _cut(store: Store) -> None:
    """End every other connection of the database."""
    with store.db.write() as connection:
        others = "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE query LIKE 'LISTEN%'"
        connection.execute(text(others))
