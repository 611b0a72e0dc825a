"""Has attempts recomputed in worker processes and stores the verdicts. The event loop only waits.

An analysis is held for a few seconds at a time; when a server dies, another one, or the same one restarted, takes it.
"""

from __future__ import annotations

import asyncio
import logging
import multiprocessing
import os
import signal
import threading
from concurrent.futures import ProcessPoolExecutor
from concurrent.futures.process import BrokenProcessPool

from starlette.concurrency import run_in_threadpool

from neurorig_protocols.errors import ErrorRecord
from neurorig_server.recompute.attempt import recompute, warm
from neurorig_server.recompute.verdict import AnalysisInput, Verdict
from neurorig_server.settings import Settings
from neurorig_server.store.store import Store

log = logging.getLogger(__name__)

HOLD_S = 10.0
"""How long an analysis belongs to this server between two prolongations."""


class Analyst:
    """Analyses reported attempts, each once."""

    def __init__(self, settings: Settings, store: Store, trace_location: str) -> None:
        self._workers = settings.analysis_workers
        self._store = store
        self._trace_location = trace_location
        self._pool: ProcessPoolExecutor | None = None
        self._tasks: dict[str, asyncio.Task[None]] = {}
        # Only what was really taken may be prolonged: holding a mere intention would lock this server out itself.
        self._taken: set[str] = set()

    def start(self) -> None:
        """Start the workers, so that the first analysis need not wait for imports."""
        self._pool = self._new_pool()
        for _ in range(self._workers):
            self._pool.submit(warm)

    async def stop(self) -> None:
        """End at once: an analysis that was cut short is done again after the next start."""
        for task in self._tasks.values():
            task.cancel()
        await asyncio.gather(*self._tasks.values(), return_exceptions=True)
        if self._pool is not None:
            # The pool would let its workers finish, imports included; this process starts no other children.
            for worker in multiprocessing.active_children():
                worker.terminate()
            await run_in_threadpool(self._pool.shutdown, cancel_futures=True)

    async def finish(self, attempt_id: str, *, wait_s: float) -> None:
        """Have an attempt analysed and wait at most `wait_s` seconds for it."""
        await asyncio.wait([self._begin(attempt_id)], timeout=wait_s)

    async def resume(self) -> None:
        """Begin with what no server is at, and hold on to what this one is at."""
        if self._taken:
            await run_in_threadpool(self._store.reports.hold_analyses, tuple(self._taken), hold_s=HOLD_S)
        for attempt_id in await run_in_threadpool(self._store.reports.waiting_for_analysis):
            self._begin(attempt_id)

    def _begin(self, attempt_id: str) -> asyncio.Task[None]:
        task = self._tasks.get(attempt_id)
        if task is None:
            task = asyncio.create_task(self._analyse(attempt_id), name=f"analysis {attempt_id}")
            self._tasks[attempt_id] = task
            task.add_done_callback(lambda done: self._end(attempt_id, done))
        return task

    def _end(self, attempt_id: str, task: asyncio.Task[None]) -> None:
        del self._tasks[attempt_id]
        self._taken.discard(attempt_id)
        if not task.cancelled() and task.exception() is not None:
            log.error(
                "the verdict on attempt %s was not stored, it will be tried again",
                attempt_id,
                exc_info=task.exception(),
            )

    async def _analyse(self, attempt_id: str) -> None:
        job = await run_in_threadpool(self._store.reports.begin_analysis, attempt_id, hold_s=HOLD_S)
        if job is None:
            return
        self._taken.add(attempt_id)
        try:
            verdict = await self._in_worker(job)
        except Exception as error:  # whatever a report does to its analysis, the attempt must end
            log.exception("analysis of attempt %s failed", attempt_id)
            verdict = failed_verdict(error)
        await run_in_threadpool(self._store.reports.finish, attempt_id, verdict)

    async def _in_worker(self, job: AnalysisInput) -> Verdict:
        """Run in a worker; a worker that died is replaced and the analysis tried once more."""
        pool = self._pool or self._new_pool()
        self._pool = pool
        try:
            return await asyncio.wrap_future(pool.submit(recompute, job, self._trace_location))
        except BrokenProcessPool:
            # Of several analyses that lost the same pool, one replaces it.
            fresh = self._new_pool() if self._pool is pool else self._pool
            self._pool = fresh
            return await asyncio.wrap_future(fresh.submit(recompute, job, self._trace_location))

    def _new_pool(self) -> ProcessPoolExecutor:
        return ProcessPoolExecutor(
            self._workers, mp_context=multiprocessing.get_context("spawn"), initializer=prepare_worker
        )


def failed_verdict(error: Exception) -> Verdict:
    """Return the verdict on an attempt that could not be analysed: kept, and invalid."""
    message = f"the server could not analyse the attempt: {type(error).__name__}"
    record = ErrorRecord(code="analysis_failed", fault="infra", retryable=False, message=message)
    return Verdict(
        state="measurement_invalid",
        quality="invalid",
        codes=("analysis_failed",),
        energy_absent=message,
        error=record,
    )


def prepare_worker() -> None:
    """Prepare a worker process: it leaves Ctrl-C to the server and ends when the server is gone."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    threading.Thread(target=_end_with_parent, daemon=True).start()


def _end_with_parent() -> None:
    parent = multiprocessing.parent_process()
    if parent is not None:
        parent.join()
        # Nobody is left to answer to, and a killed server cannot end its workers.
        os._exit(1)
