"""The blocking client. One method per route; `jobs` follows the pages, `wait` outlives a restart of the server."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable, Iterator, Mapping
from typing import Any, Self, TypeVar

import httpx

from neurorig import calls, views
from neurorig.connection import Connection
from neurorig.errors import Unreachable
from neurorig.waiting import Waiting
from neurorig_protocols.job import JobSpec

T = TypeVar("T")


class Client:
    """A connection to a server, to be closed or used as a context.

    server: address; default NEURORIG_SERVER, else http://127.0.0.1:8321. token: default NEURORIG_TOKEN.
    Raises ApiError when the server refuses and Unreachable when there is none.
    """

    def __init__(self, server: str | None = None, token: str | None = None, *, timeout_s: float = 30.0) -> None:
        self._connection = Connection.of(server, token, timeout_s)
        self._http = httpx.Client(**self._connection.client_arguments())

    @property
    def server(self) -> str:
        """The server's address."""
        return self._connection.server

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def close(self) -> None:
        """Close the connection."""
        self._http.close()

    def send(self, call: calls.Call[T]) -> T:
        """Send one request of `neurorig.calls` and return its view."""
        try:
            response = self._http.request(**call.request_arguments())
        except httpx.TransportError as error:
            raise self._connection.lost(error) from error
        return call.read(response)

    def submit(
        self,
        spec: JobSpec | Mapping[str, Any],
        *,
        idempotency_key: str | None = None,
        wait_for_bench: bool = False,
    ) -> views.JobView:
        """Ask for a job. With the same key, a repeated call returns the first call's job."""
        return self.send(calls.submit(spec, idempotency_key=idempotency_key, wait_for_bench=wait_for_bench))

    def jobs(self, *, page_size: int = 100, **filters: calls.Param) -> Iterator[views.JobView]:
        """Yield jobs, newest first. Filters: state, workload, board, tag, campaign."""
        cursor = None
        while True:
            page = self.send(calls.job_page({"limit": page_size, **filters}, cursor))
            yield from page.items
            cursor = page.next
            if cursor is None:
                return

    def job(self, job_id: str) -> views.JobView:
        """Return one job."""
        return self.send(calls.job(job_id))

    def cancel(self, job_id: str) -> views.JobView:
        """Ask that a job end; a window that is being measured is finished first."""
        return self.send(calls.cancel(job_id))

    def submit_campaign(
        self, name: str, base: JobSpec | Mapping[str, Any], grid: Mapping[str, Iterable[Any]]
    ) -> views.CampaignCreated:
        """Ask for a grid of jobs: `grid` maps dotted paths of the job to the values they take."""
        return self.send(calls.submit_campaign(name, base, grid))

    def campaign(self, campaign_id: str) -> views.CampaignView:
        """Return how far a campaign is."""
        return self.send(calls.campaign(campaign_id))

    def benches(self) -> list[views.BenchView]:
        """Return all benches."""
        return self.send(calls.benches())

    def bench(self, name: str) -> views.BenchView:
        """Return one bench."""
        return self.send(calls.bench(name))

    def attempt(self, attempt_id: str) -> views.AttemptView:
        """Return one attempt."""
        return self.send(calls.attempt(attempt_id))

    def energy(self, attempt_id: str) -> views.EnergyView | views.EnergyAbsent:
        """Return the energy of an attempt, component by phase, or why there is none."""
        return self.send(calls.energy(attempt_id))

    def energies(self, *, group_by: Iterable[str] = (), **filters: calls.Param) -> tuple[views.EnergyRow, ...]:
        """Return grouped means. Filters: workload, board, component, phase, reality, since, until."""
        return self.send(calls.energies(filters, group_by)).rows

    def traces(self, attempt_id: str) -> list[views.TraceInfo]:
        """Return what was recorded in an attempt."""
        return self.send(calls.traces(attempt_id))

    def trace(self, attempt_id: str, monitor: str, *, points: int = 2000) -> views.TraceSeries:
        """Return one monitor's trace, thinned to at most `points` bins that keep every extreme."""
        return self.send(calls.trace(attempt_id, monitor, points))

    def trace_parquet(self, attempt_id: str, monitor: str) -> bytes:
        """Return one monitor's trace, every sample; read it with `neurorig_protocols.trace.from_parquet`."""
        return self.send(calls.trace_parquet(attempt_id, monitor))

    def create_token(self, name: str, scopes: Iterable[str], *, bench: str | None = None) -> views.TokenCreated:
        """Make a token (needs the scope admin); an agent's token is bound to its bench."""
        return self.send(calls.create_token(name, scopes, bench))

    def wait(
        self,
        job_ids: Iterable[str],
        on_update: Callable[[views.JobView], None] | None = None,
        *,
        on_outage: Callable[[Unreachable], None] | None = None,
        on_round: Callable[[], None] | None = None,
        poll_s: float = 0.5,
        patience_s: float = 600.0,
    ) -> list[views.JobView]:
        """Return the jobs once all have ended, in the order given.

        on_update gets each view that changed. While the server does not answer, on_outage gets each failure and the
        wait goes on; after `patience_s` of one outage the failure is raised. on_round is called before each look and
        may raise to give up.
        """
        waiting = Waiting(job_ids, poll_s=poll_s, patience_s=patience_s)
        while waiting.open:
            if on_round:
                on_round()
            try:
                for job_id in waiting.open:
                    view = self.job(job_id)
                    if waiting.take(view) and on_update:
                        on_update(view)
                pause_s = waiting.pause_s()
            except Unreachable as error:
                pause_s = waiting.outage(error, time.monotonic())
                if on_outage:
                    on_outage(error)
            if waiting.open:
                time.sleep(pause_s)
        return waiting.result()
