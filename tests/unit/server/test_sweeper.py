"""The clockwork behind the requests keeps going."""

from __future__ import annotations

import asyncio
import contextlib
import logging
from collections.abc import Iterator
from pathlib import Path

import pytest
from server_kit import job
from store_kit import ADMIN, Clock, bench_record

from neurorig_protocols.job import JobSpec
from neurorig_server.services import Services, build
from neurorig_server.settings import Settings
from neurorig_server.store import schema_revision
from neurorig_server.store.store import Store
from neurorig_server.sweeper import sweep


@pytest.fixture
def clock() -> Clock:
    """The clock of the store."""
    return Clock()


@pytest.fixture
def services(tmp_path: Path, clock: Clock) -> Iterator[Services]:
    """The parts of a server with one bench; nothing runs."""
    settings = Settings(data_dir=tmp_path, sweep_s=0.01)
    store = Store(settings, clock=clock)
    schema_revision.upgrade(store.db)
    store.benches.register(bench_record(), ADMIN)
    yield build(settings, store)
    store.close()


async def sweep_until(services: Services, done: asyncio.Event) -> None:
    """Sweep until something has happened."""
    sweeping = asyncio.create_task(sweep(services))
    try:
        await asyncio.wait_for(done.wait(), 20)
    finally:
        sweeping.cancel()
        with contextlib.suppress(asyncio.CancelledError):
            await sweeping


def test_overdue_lease_is_ended_counted_and_logged(
    services: Services, clock: Clock, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    """One turn loses the attempt, counts it and says which bench fell silent."""
    services.store.jobs.submit(JobSpec.model_validate(job()), ADMIN)
    lease = services.store.leases.claim("bench-a", ADMIN)
    assert lease is not None
    clock.advance(16)

    async def scene() -> None:
        done = asyncio.Event()

        async def resume() -> None:
            done.set()

        monkeypatch.setattr(services.analyst, "resume", resume)
        await sweep_until(services, done)

    with caplog.at_level(logging.WARNING):
        asyncio.run(scene())

    assert services.store.attempts.get(lease.attempt_id).state == "lost"
    assert b"neurorig_lease_expiries_total 1.0" in services.metrics.page()
    assert f"attempt {lease.attempt_id} on bench bench-a is lost, its job is queued" in caplog.text


def test_turn_that_fails_is_logged_and_the_next_one_comes(
    services: Services, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    """Whatever a turn raises, leases go on to be ended."""

    async def scene() -> int:
        done = asyncio.Event()
        turns = 0

        async def resume() -> None:
            nonlocal turns
            turns += 1
            if turns < 3:
                raise ZeroDivisionError
            done.set()

        monkeypatch.setattr(services.analyst, "resume", resume)
        await sweep_until(services, done)
        return turns

    with caplog.at_level(logging.ERROR):
        assert asyncio.run(scene()) >= 3

    assert caplog.text.count("the sweeper's turn failed") >= 2
    assert "ZeroDivisionError" in caplog.text
