"""The asyncio client: the blocking one's methods as coroutines, over the same requests."""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator, Callable, Iterable, Mapping
from datetime import datetime
from pathlib import Path
from typing import Any, Self, TypeVar

import httpx

from neurorig import benchmark_views, calls, file_views, rule_views, target_views, views
from neurorig.connection import RETRY_S, Connection, Resend
from neurorig.errors import Unreachable
from neurorig.uploads import named
from neurorig.view_base import Page
from neurorig.waiting import Waiting
from neurorig_protocols.benchmarks.targets import Proposal
from neurorig_protocols.job import JobSpec

T = TypeVar("T")


class AsyncClient:
    """A connection to a server, to be closed or used as an asynchronous context; arguments as for `Client`."""

    def __init__(
        self,
        server: str | None = None,
        token: str | None = None,
        *,
        timeout_s: float = 30.0,
        retry_s: float = RETRY_S,
    ) -> None:
        self._connection = Connection.of(server, token, timeout_s)
        self._retry_s = retry_s
        self._http = httpx.AsyncClient(**self._connection.client_arguments())

    @property
    def server(self) -> str:
        """The server's address."""
        return self._connection.server

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(self, *_: object) -> None:
        await self.close()

    async def close(self) -> None:
        """Close the connection."""
        await self._http.aclose()

    async def send(self, call: calls.Call[T]) -> T:
        """Send one request of `neurorig.calls` and return its view: every route is open this way."""
        resend = Resend(self._retry_s, repeatable=call.repeatable)
        while True:
            try:
                return await self._send_once(call)
            except Unreachable as error:
                pause_s = resend.pause_s(error, time.monotonic())
            await asyncio.sleep(pause_s)

    async def _send_once(self, call: calls.Call[T]) -> T:
        try:
            response = await self._http.request(**call.request_arguments())
        except httpx.TransportError as error:
            raise self._connection.lost(error) from error
        return call.read(response)

    async def _follow(self, page_at: Callable[[str | None], calls.Call[Page[T]]]) -> AsyncIterator[T]:
        """Yield what stands on the pages, asking for a page only when it is needed."""
        cursor = None
        while True:
            page = await self.send(page_at(cursor))
            for item in page.items:
                yield item
            cursor = page.next
            if cursor is None:
                return

    async def submit(
        self,
        spec: JobSpec | Mapping[str, Any],
        *,
        idempotency_key: str | None = None,
        wait_for_bench: bool = False,
    ) -> views.JobView:
        """Ask for a job. With the same key, a repeated call returns the first call's job."""
        return await self.send(calls.submit(spec, idempotency_key=idempotency_key, wait_for_bench=wait_for_bench))

    def jobs(self, *, page_size: int = 100, **filters: calls.Param) -> AsyncIterator[views.JobView]:
        """Yield jobs, newest first. Filters: state, workload, board, tag, campaign."""
        return self._follow(lambda cursor: calls.job_page({"limit": page_size, **filters}, cursor))

    async def job(self, job_id: str) -> views.JobView:
        """Return one job."""
        return await self.send(calls.job(job_id))

    async def cancel(self, job_id: str) -> views.JobView:
        """Ask that a job end: at once where its board can stop a run, else after the window that is being measured."""
        return await self.send(calls.cancel(job_id))

    async def submit_campaign(
        self,
        name: str,
        base: JobSpec | Mapping[str, Any],
        grid: Mapping[str, Iterable[Any]],
        *,
        idempotency_key: str | None = None,
    ) -> views.CampaignCreated:
        """Ask for a grid of jobs: `grid` maps dotted paths of the job to the values they take."""
        return await self.send(calls.submit_campaign(name, base, grid, idempotency_key=idempotency_key))

    async def campaign(self, campaign_id: str) -> views.CampaignView:
        """Return how far a campaign is."""
        return await self.send(calls.campaign(campaign_id))

    async def campaign_summary(self, campaign_id: str) -> benchmark_views.CampaignSummaryView:
        """Return the benchmark's tables of a campaign as they stand now."""
        return await self.send(calls.campaign_summary(campaign_id))

    async def compare(
        self,
        left: Mapping[str, str],
        right: Mapping[str, str],
        *,
        name: str = "",
        idempotency_key: str | None = None,
    ) -> benchmark_views.ComparisonView:
        """Join two sides, each {"job": id} or {"campaign": id}; ratios are left over right."""
        return await self.send(calls.create_comparison(left, right, name, idempotency_key=idempotency_key))

    async def comparison(self, comparison_id: str) -> benchmark_views.ComparisonView:
        """Return a comparison with its numbers as they stand now."""
        return await self.send(calls.comparison(comparison_id))

    async def targets(self, **filters: calls.Param) -> target_views.TargetList:
        """Return official and best verified targets. Filters: workload, n, density, seed, problem."""
        return await self.send(calls.targets(filters))

    async def target(self, key: str) -> target_views.TargetView:
        """Return one target with its solution and who held the record before."""
        return await self.send(calls.target(key))

    async def target_solution(self, key: str) -> bytes:
        """Return the best verified solution as the bytes of a solution file."""
        return await self.send(calls.target_solution(key))

    async def propose_target(self, proposal: Proposal) -> target_views.TargetView:
        """Propose a solution; ApiError with the code target_not_better when it does not beat the present best."""
        return await self.send(calls.propose_target(proposal))

    async def declare_tuning(
        self, declaration: Mapping[str, Any], *, idempotency_key: str | None = None
    ) -> rule_views.TuningView:
        """Freeze a tuning declaration; the same one again returns the first."""
        return await self.send(calls.declare_tuning(declaration, idempotency_key=idempotency_key))

    async def tuning(self, digest: str) -> rule_views.TuningView:
        """Return a tuning declaration."""
        return await self.send(calls.tuning(digest))

    def tunings(self, *, page_size: int = 100) -> AsyncIterator[rule_views.TuningView]:
        """Yield tuning declarations, newest first."""
        return self._follow(lambda cursor: calls.tuning_page(page_size, cursor))

    async def open_evaluation(
        self, benchmark: str = "qubo-mis", *, comment: str = "", idempotency_key: str | None = None
    ) -> rule_views.EvaluationView:
        """Open an evaluation round: the server publishes its commitment."""
        return await self.send(calls.open_evaluation(benchmark, comment, idempotency_key=idempotency_key))

    async def freeze_evaluation(
        self, round_id: str, digest: str, *, nonce: str, idempotency_key: str | None = None
    ) -> rule_views.EvaluationView:
        """Freeze a declaration into a round: the seeds are drawn. `nonce`: your own random bytes in hexadecimal."""
        return await self.send(calls.freeze_evaluation(round_id, digest, nonce, idempotency_key=idempotency_key))

    async def evaluation(self, round_id: str) -> rule_views.EvaluationView:
        """Return an evaluation round."""
        return await self.send(calls.evaluation(round_id))

    def evaluations(self, *, page_size: int = 100) -> AsyncIterator[rule_views.EvaluationView]:
        """Yield evaluation rounds, newest first."""
        return self._follow(lambda cursor: calls.evaluation_page(page_size, cursor))

    async def submit_evaluation(
        self,
        round_id: str,
        jobs: Mapping[str, Any],
        *,
        idempotency_key: str | None = None,
        wait_for_bench: bool = False,
    ) -> views.CampaignCreated:
        """Ask for the jobs of a revealed round: `scenario`, and optionally sizes, densities, needs, plan, tags."""
        call = calls.submit_evaluation(round_id, jobs, idempotency_key=idempotency_key, wait_for_bench=wait_for_bench)
        return await self.send(call)

    async def benches(self) -> list[views.BenchView]:
        """Return all benches."""
        return await self.send(calls.benches())

    async def bench(self, name: str) -> views.BenchView:
        """Return one bench."""
        return await self.send(calls.bench(name))

    async def attempt(self, attempt_id: str) -> views.AttemptView:
        """Return one attempt."""
        return await self.send(calls.attempt(attempt_id))

    async def energy(self, attempt_id: str) -> views.EnergyView | views.EnergyAbsent:
        """Return the energy of an attempt, component by phase, or why there is none."""
        return await self.send(calls.energy(attempt_id))

    async def energies(self, *, group_by: Iterable[str] = (), **filters: calls.Param) -> tuple[views.EnergyRow, ...]:
        """Return grouped means. Filters: workload, board, component, phase, reality, since, until."""
        return (await self.send(calls.energies(filters, group_by))).rows

    async def traces(self, attempt_id: str) -> list[views.TraceInfo]:
        """Return what was recorded in an attempt."""
        return await self.send(calls.traces(attempt_id))

    async def trace(self, attempt_id: str, monitor: str, *, points: int = 2000) -> views.TraceSeries:
        """Return one monitor's trace, thinned to at most `points` bins that keep every extreme."""
        return await self.send(calls.trace(attempt_id, monitor, points))

    async def trace_parquet(self, attempt_id: str, monitor: str) -> bytes:
        """Return one monitor's trace, every sample; read it with `neurorig_protocols.trace.from_parquet`."""
        return await self.send(calls.trace_parquet(attempt_id, monitor))

    async def upload(
        self,
        content: Path | bytes,
        *,
        kind: str,
        name: str | None = None,
        form: str | None = None,
        **options: calls.Param,
    ) -> file_views.FileView:
        """Upload a file and return what it is. Options of a problem: form (its format), sense, vartype, decimals."""
        data, label = await asyncio.to_thread(named, content, name)
        return await self.send(calls.upload(data, kind=kind, name=label, options={"format": form, **options}))

    def files(self, *, page_size: int = 100, **filters: calls.Param) -> AsyncIterator[file_views.FileView]:
        """Yield uploaded files, newest first. Filters: kind, name."""
        return self._follow(lambda cursor: calls.file_page({"limit": page_size, **filters}, cursor))

    async def file(self, digest: str) -> file_views.FileView:
        """Return one uploaded file's name and facts."""
        return await self.send(calls.file(digest))

    async def delete_file(self, digest: str) -> None:
        """Delete one of your files; ApiError with the code file_in_use while a job or a target names it."""
        await self.send(calls.delete_file(digest))

    async def file_content(self, digest: str) -> bytes:
        """Return a file's bytes as the server keeps them."""
        return await self.send(calls.file_content(digest))

    async def create_token(
        self, name: str, scopes: Iterable[str], *, bench: str | None = None, expires_at: datetime | None = None
    ) -> views.TokenCreated:
        """Make a token (needs the scope admin); an agent's token is bound to its bench. `expires_at` is aware."""
        return await self.send(calls.create_token(name, scopes, bench, expires_at))

    async def tokens(self) -> tuple[views.TokenView, ...]:
        """Return all tokens, without their secrets (needs the scope admin)."""
        return await self.send(calls.tokens())

    async def revoke_token(self, token_id: str) -> None:
        """End a token now (needs the scope admin); revoking it again changes nothing."""
        await self.send(calls.revoke_token(token_id))

    async def wait(
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
                    view = await self.job(job_id)
                    if waiting.take(view) and on_update:
                        on_update(view)
                pause_s = waiting.pause_s()
            except Unreachable as error:
                pause_s = waiting.outage(error, time.monotonic())
                if on_outage:
                    on_outage(error)
            if waiting.open:
                await asyncio.sleep(pause_s)
        return waiting.result()
