"""The asyncio client: the blocking one's methods as coroutines, over the same requests."""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator, Callable, Iterable, Mapping
from pathlib import Path
from typing import Any, Self, TypeVar

import httpx

from neurorig import calls, file_views, views
from neurorig.connection import Connection
from neurorig.errors import Unreachable
from neurorig.uploads import named
from neurorig.waiting import Waiting
from neurorig_protocols.job import JobSpec

T = TypeVar("T")


class AsyncClient:
    """A connection to a server, to be closed or used as an asynchronous context; arguments as for `Client`."""

    def __init__(self, server: str | None = None, token: str | None = None, *, timeout_s: float = 30.0) -> None:
        self._connection = Connection.of(server, token, timeout_s)
        self._http = httpx.AsyncClient(**self._connection.client_arguments())

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(self, *_: object) -> None:
        await self.close()

    async def close(self) -> None:
        """Close the connection."""
        await self._http.aclose()

    async def send(self, call: calls.Call[T]) -> T:
        """Send one request of `neurorig.calls` and return its view: every route is open this way."""
        try:
            response = await self._http.request(**call.request_arguments())
        except httpx.TransportError as error:
            raise self._connection.lost(error) from error
        return call.read(response)

    async def submit(
        self,
        spec: JobSpec | Mapping[str, Any],
        *,
        idempotency_key: str | None = None,
        wait_for_bench: bool = False,
    ) -> views.JobView:
        """Ask for a job. With the same key, a repeated call returns the first call's job."""
        return await self.send(calls.submit(spec, idempotency_key=idempotency_key, wait_for_bench=wait_for_bench))

    async def jobs(self, *, page_size: int = 100, **filters: calls.Param) -> AsyncIterator[views.JobView]:
        """Yield jobs, newest first. Filters: state, workload, board, tag, campaign."""
        cursor = None
        while True:
            page = await self.send(calls.job_page({"limit": page_size, **filters}, cursor))
            for view in page.items:
                yield view
            cursor = page.next
            if cursor is None:
                return

    async def job(self, job_id: str) -> views.JobView:
        """Return one job."""
        return await self.send(calls.job(job_id))

    async def cancel(self, job_id: str) -> views.JobView:
        """Ask that a job end; a window that is being measured is finished first."""
        return await self.send(calls.cancel(job_id))

    async def attempt(self, attempt_id: str) -> views.AttemptView:
        """Return one attempt."""
        return await self.send(calls.attempt(attempt_id))

    async def energy(self, attempt_id: str) -> views.EnergyView | views.EnergyAbsent:
        """Return the energy of an attempt, component by phase, or why there is none."""
        return await self.send(calls.energy(attempt_id))

    async def upload(
        self,
        content: Path | bytes,
        *,
        kind: str,
        name: str | None = None,
        form: str | None = None,
        **options: calls.Param,
    ) -> file_views.FileView:
        """Upload a file and return what it is; arguments as for `Client.upload`."""
        data, label = await asyncio.to_thread(named, content, name)
        return await self.send(calls.upload(data, kind=kind, name=label, options={"format": form, **options}))

    async def file(self, digest: str) -> file_views.FileView:
        """Return one uploaded file's name and facts."""
        return await self.send(calls.file(digest))

    async def wait(
        self,
        job_ids: Iterable[str],
        on_update: Callable[[views.JobView], None] | None = None,
        *,
        poll_s: float = 0.5,
        patience_s: float = 600.0,
    ) -> list[views.JobView]:
        """Return the jobs once all have ended, in the order given; goes on through an outage of the server."""
        waiting = Waiting(job_ids, poll_s=poll_s, patience_s=patience_s)
        while waiting.open:
            try:
                for job_id in waiting.open:
                    view = await self.job(job_id)
                    if waiting.take(view) and on_update:
                        on_update(view)
                pause_s = waiting.pause_s()
            except Unreachable as error:
                pause_s = waiting.outage(error, time.monotonic())
            if waiting.open:
                await asyncio.sleep(pause_s)
        return waiting.result()
