"""Analyses run in processes of their own, survive their deaths, and always end the attempt."""

from __future__ import annotations

import asyncio
import multiprocessing
import os
import signal
import subprocess
import sys
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import pytest
from server_kit import ANSWER, job
from store_kit import ADMIN, bench_record

from neurorig_protocols.job import JobSpec
from neurorig_protocols.report import AttemptReport
from neurorig_server.background import Analyst
from neurorig_server.recompute.verdict import Verdict
from neurorig_server.settings import Settings
from neurorig_server.store import schema_revision
from neurorig_server.store.store import Store


@pytest.fixture
def store(tmp_path: Path) -> Iterator[Store]:
    """A store with one bench."""
    made = Store(Settings(data_dir=tmp_path))
    schema_revision.upgrade(made.db)
    made.benches.register(bench_record(), ADMIN)
    yield made
    made.close()


@pytest.fixture
def reported(store: Store) -> Callable[[], str]:
    """Make attempts whose report waits for its analysis; returns their ids."""

    def make() -> str:
        store.jobs.submit(JobSpec.model_validate(job()), ADMIN)
        lease = store.leases.claim("bench-a", ADMIN)
        assert lease is not None
        body = {"fence": 1, "outcome": "succeeded", "answer": ANSWER}
        store.reports.accept(lease.attempt_id, AttemptReport.model_validate(body), ADMIN)
        return lease.attempt_id

    return make


@asynccontextmanager
async def analyst(store: Store, folder: Path) -> AsyncIterator[Analyst]:
    """A running analyst."""
    made = Analyst(Settings(data_dir=folder), store, str(folder / "traces"))
    made.start()
    try:
        yield made
    finally:
        await made.stop()


def test_reported_attempts_are_analysed_once_each(store: Store, reported: Callable[[], str], tmp_path: Path) -> None:
    """Asked for twice and found by the sweeper, an attempt is analysed once and its job has succeeded."""

    async def scene(ids: list[str]) -> None:
        async with analyst(store, tmp_path) as working:
            await asyncio.gather(*(working.finish(i, wait_s=60) for i in ids * 2), working.resume())

    ids = [reported() for _ in range(3)]
    asyncio.run(scene(ids))

    for attempt_id in ids:
        view = store.attempts.get(attempt_id)
        assert (view.state, view.quality) == ("succeeded", "valid")
        assert [line.event for line in store.jobs.history(view.job_id)].count("succeed") == 1


def test_dead_worker_is_replaced_and_the_analysis_repeated(
    store: Store, reported: Callable[[], str], tmp_path: Path
) -> None:
    """Killing the worker costs time and nothing else."""

    async def scene(attempt_id: str) -> None:
        async with analyst(store, tmp_path) as working:
            for child in multiprocessing.active_children():
                os.kill(child.pid or 0, signal.SIGKILL)
                await asyncio.to_thread(child.join)
            await working.finish(attempt_id, wait_s=60)

    attempt_id = reported()
    asyncio.run(scene(attempt_id))

    assert store.attempts.get(attempt_id).state == "succeeded"


def test_analysis_that_fails_ends_the_attempt_as_invalid(
    store: Store, reported: Callable[[], str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A report that breaks its analysis neither hangs its job nor hides what happened."""

    async def breaks(*_: Any) -> Verdict:
        raise ZeroDivisionError("secret detail")

    async def scene(attempt_id: str) -> None:
        working = Analyst(Settings(data_dir=tmp_path), store, "unused")
        await working.finish(attempt_id, wait_s=60)
        await working.stop()

    monkeypatch.setattr(Analyst, "_in_worker", breaks)
    attempt_id = reported()
    asyncio.run(scene(attempt_id))

    view = store.attempts.get(attempt_id)
    assert (view.state, view.quality, view.codes) == ("measurement_invalid", "invalid", ("analysis_failed",))
    assert view.error is not None
    assert "secret" not in view.model_dump_json()
    assert store.jobs.get(view.job_id).state == "succeeded"


def test_analysis_of_nothing_is_nothing(store: Store, tmp_path: Path) -> None:
    """An attempt that has ended, or never was, is passed over."""

    async def scene() -> None:
        working = Analyst(Settings(data_dir=tmp_path), store, "unused")
        await working.finish("nothing", wait_s=60)
        await working.stop()

    asyncio.run(scene())


ORPHANS = """
import multiprocessing, os, signal, sys
from concurrent.futures import ProcessPoolExecutor
from neurorig_server.background import prepare_worker

if __name__ == "__main__":
    pool = ProcessPoolExecutor(1, mp_context=multiprocessing.get_context("spawn"), initializer=prepare_worker)
    print(pool.submit(os.getpid).result(), flush=True)
    os.kill(os.getpid(), signal.SIGKILL)
"""


def test_workers_of_a_killed_server_end_by_themselves(tmp_path: Path) -> None:
    """Kill -9 of the server leaves no worker behind: the pipe that it inherited closes."""
    script = tmp_path / "server.py"
    script.write_text(ORPHANS)

    # The worker holds the write end of our pipe: the output ends when the last of them is gone.
    done = subprocess.run([sys.executable, str(script)], capture_output=True, timeout=60, check=False)

    assert done.returncode == -signal.SIGKILL
    assert int(done.stdout) > 0
