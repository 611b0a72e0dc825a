"""The asyncio client. One method per route; lists follow the pages, `wait` outlives a restart of the server.

`neurorig.aio.AsyncClient` and `neurorig.client.Client` offer the same methods; the second is generated from the first.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator, Callable, Iterable, Mapping, Sequence
from datetime import datetime
from pathlib import Path
from typing import Any, Self, TypeVar

import httpx

from neurorig import calls
from neurorig.connection import RETRY_S, Connection, Resend
from neurorig.errors import Unreachable
from neurorig.uploads import named, renamed
from neurorig.waiting import Waiting
from neurorig_protocols.api.attempts import AttemptView, SolutionView, TraceInfo, TraceSeries
from neurorig_protocols.api.benches import BenchView
from neurorig_protocols.api.campaigns import CampaignCreated, CampaignView
from neurorig_protocols.api.comparisons import CampaignSummary, ComparisonEntry, ComparisonView
from neurorig_protocols.api.energy import EnergyAbsent, EnergyTable
from neurorig_protocols.api.evaluations import EvaluationView
from neurorig_protocols.api.files import FileView
from neurorig_protocols.api.jobs import JobView
from neurorig_protocols.api.targets import TargetDetail, TargetList, TargetView
from neurorig_protocols.api.tokens import TokenCreated, TokenView
from neurorig_protocols.api.tunings import TuningView
from neurorig_protocols.energy import EnergyMatrix
from neurorig_protocols.job import JobSpec
from neurorig_protocols.workloads.qubo.qubo_targets import Proposal

T = TypeVar("T")


class AsyncClient:
    """A connection to a server, to be closed or used as an asynchronous context.

    Every method that asks the server raises `ApiError` when the server refuses and `Unreachable` when no server
    answers; the methods below name the codes of `ApiError` that are theirs. A request that makes or changes something
    carries a key by which the server recognises it: when the connection is lost before the answer arrives, the request
    is sent again for up to `retry_s`, and takes effect once.

    Args:
        server: address of the server; the default is NEURORIG_SERVER, else http://127.0.0.1:8321.
        token: API token; the default is NEURORIG_TOKEN.
        timeout_s: seconds without an answer after which a request has failed.
        retry_s: seconds for which a request that may be repeated is sent again.

    Example:
        async with AsyncClient("http://127.0.0.1:8321", token="…") as client:
            async for job in client.jobs(state="succeeded"):
                print(job.id)
    """

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
        """Close the connection. The client cannot be used afterwards."""
        await self._http.aclose()

    async def send(self, call: calls.Call[T]) -> T:
        """Send one request of `neurorig.calls`; every route can be reached this way.

        Args:
            call: the request and how its answer is read.

        Returns:
            What `call` makes of the answer.

        Raises:
            ApiError: the server refused, or the answer is not one of a neurorig server (code unexpected_answer).
            Unreachable: no server answered, for `retry_s` if the request may be repeated.
        """
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

    async def _follow(self, page_at: Callable[[str | None], calls.Call[calls.Page[T]]]) -> AsyncIterator[T]:
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
    ) -> JobView:
        """Queue a job.

        Args:
            spec: the job: workload, and optionally needs, plan, solver, tags, priority.
            idempotency_key: a repeated call with the same key and job returns the job of the first call.
            wait_for_bench: queue the job even if no registered bench fits it yet.

        Returns:
            The job as it was queued.

        Raises:
            ApiError: code infeasible when no bench fits, with what each bench lacks in `fields`; code invalid_request
                when the job is malformed, with every violated field; code idempotency_key_reused when the key belongs
                to another job.

        Example:
            >>> scenario = {"kind": "fixed-timeout", "timeout_s": 0.01}
            >>> workload = {"name": "qubo-mis", "n": 10, "density": 0.01, "seed": 0, "scenario": scenario}
            >>> job = await client.submit({"workload": workload}, wait_for_bench=True)
            >>> print(job.state)
            queued
        """
        return await self.send(calls.submit(spec, idempotency_key=idempotency_key, wait_for_bench=wait_for_bench))

    def jobs(self, *, page_size: int = 100, **filters: calls.Param) -> AsyncIterator[JobView]:
        """Iterate over jobs, newest first.

        Args:
            page_size: jobs per request, 1 to 200.
            **filters: state, workload, board, tag, campaign; None does not filter.

        Returns:
            An iterator that asks for the next page when it is needed.

        Example:
            >>> [job.id async for job in client.jobs(state="failed")]
            []
        """
        return self._follow(lambda cursor: calls.job_page({"limit": page_size, **filters}, cursor))

    async def job(self, job_id: str) -> JobView:
        """Return one job with its attempts; a queued one with its position and the reason why it waits.

        Args:
            job_id: id of the job.

        Raises:
            ApiError: code not_found.
        """
        return await self.send(calls.job(job_id))

    async def cancel(self, job_id: str) -> JobView:
        """Request that a job end.

        It ends at once where its board can stop a run, else after the window that is being measured.

        Args:
            job_id: id of the job.

        Returns:
            The job after the request: `cancelled`, or `cancelling` until its agent has stopped.

        Raises:
            ApiError: code not_found; code illegal_transition when the job has ended; code forbidden when it belongs to
                someone else and the token lacks the scope operate.
        """
        return await self.send(calls.cancel(job_id))

    async def submit_campaign(
        self,
        name: str,
        base: JobSpec | Mapping[str, Any],
        grid: Mapping[str, Iterable[Any]],
        *,
        idempotency_key: str | None = None,
    ) -> CampaignCreated:
        """Queue every combination of a grid of jobs, or none of them.

        Args:
            name: name of the campaign.
            base: the job that all share.
            grid: dotted paths of the job, each with the values it takes; the last path varies fastest.
            idempotency_key: a repeated call with the same key and grid returns the campaign of the first call.

        Returns:
            Ids of the campaign and of its jobs, in the order of the grid.

        Raises:
            ApiError: as for `submit`, for the first job that is refused.

        Example:
            grid = {"workload.n": [250, 500], "workload.seed": range(5)}
            created = await client.submit_campaign("two sizes", {"workload": workload}, grid)
        """
        return await self.send(calls.submit_campaign(name, base, grid, idempotency_key=idempotency_key))

    def campaigns(self, *, page_size: int = 100, **filters: calls.Param) -> AsyncIterator[CampaignView]:
        """Iterate over campaigns, newest first.

        Args:
            page_size: campaigns per request, 1 to 200.
            **filters: name (a part of it, in any case), owner (name of a token), tag (of one of the campaign's jobs).

        Returns:
            An iterator that asks for the next page when it is needed.

        Example:
            >>> [campaign.name async for campaign in client.campaigns(name="no such name")]
            []
        """
        return self._follow(lambda cursor: calls.campaign_page({"limit": page_size, **filters}, cursor))

    async def campaign(self, campaign_id: str) -> CampaignView:
        """Return a campaign: its jobs counted by state, and the share (0 to 1) that has ended.

        Args:
            campaign_id: id of the campaign.

        Raises:
            ApiError: code not_found.
        """
        return await self.send(calls.campaign(campaign_id))

    async def campaign_summary(self, campaign_id: str) -> CampaignSummary:
        """Return the benchmark's tables of a campaign as they stand now.

        Args:
            campaign_id: id of the campaign.

        Returns:
            Means over seeds and times to solution; what is missing is named. Times in s, energies in J, powers in W.

        Raises:
            ApiError: code not_found.
        """
        return await self.send(calls.campaign_summary(campaign_id))

    async def compare(
        self,
        left: Mapping[str, str],
        right: Mapping[str, str],
        *,
        name: str = "",
        idempotency_key: str | None = None,
    ) -> ComparisonView:
        """Compare two sides that solve the same problems; both may still be running.

        Args:
            left: {"job": id} or {"campaign": id}; ratios are left over right.
            right: likewise.
            name: name of the comparison.
            idempotency_key: a repeated call with the same key and sides returns the comparison of the first call.

        Returns:
            The comparison with its numbers as they stand now; a ratio that cannot be given carries the reason.

        Raises:
            ApiError: code not_found when a side does not exist.

        Example:
            found = await client.compare({"campaign": chip}, {"campaign": processor}, name="chip against CPU")
        """
        return await self.send(calls.create_comparison(left, right, name, idempotency_key=idempotency_key))

    def comparisons(self, *, page_size: int = 100, **filters: calls.Param) -> AsyncIterator[ComparisonEntry]:
        """Iterate over comparisons without their numbers, newest first.

        Args:
            page_size: comparisons per request, 1 to 200.
            **filters: name (a part of it, in any case), owner (name of a token).

        Returns:
            An iterator that asks for the next page when it is needed; `comparison` returns the numbers.

        Example:
            >>> [entry.id async for entry in client.comparisons(owner="nobody")]
            []
        """
        return self._follow(lambda cursor: calls.comparison_page({"limit": page_size, **filters}, cursor))

    async def comparison(self, comparison_id: str) -> ComparisonView:
        """Return a comparison with its numbers as they stand now.

        Args:
            comparison_id: id of the comparison.

        Raises:
            ApiError: code not_found.
        """
        return await self.send(calls.comparison(comparison_id))

    async def targets(self, **filters: calls.Param) -> TargetList:
        """Return official and best verified targets.

        Args:
            **filters: workload, n, density, seed, problem (digest of an uploaded problem).

        Returns:
            The targets, and whether there are more than were returned.

        Example:
            >>> found = await client.targets(n=10, seed=0, density=0.01)
            >>> [target.n for target in found.items]
            [10]
        """
        return await self.send(calls.targets(filters))

    async def target(self, key: str) -> TargetDetail:
        """Return one target with its solution and who held the record before.

        Args:
            key: key of the target, as `targets` returns it.

        Raises:
            ApiError: code not_found.
        """
        return await self.send(calls.target(key))

    async def target_solution(self, key: str) -> bytes:
        """Return the best verified solution as the bytes of a solution file (JSON).

        Args:
            key: key of the target, as `targets` returns it.

        Raises:
            ApiError: code not_found when there is no such target or no verified solution of it.
        """
        return await self.send(calls.target_solution(key))

    async def propose_target(self, proposal: Proposal) -> TargetView:
        """Propose a solution as the new best one; the server recomputes its cost.

        Args:
            proposal: problem, solution and where it was found.

        Returns:
            The target with the proposal as its best solution.

        Raises:
            ApiError: code target_not_better when it does not beat the present best.
        """
        return await self.send(calls.propose_target(proposal))

    async def declare_tuning(self, declaration: Mapping[str, Any], *, idempotency_key: str | None = None) -> TuningView:
        """Freeze a tuning declaration; declaring the same one again returns the first.

        Args:
            declaration: benchmark, board, solver and its parameters as constants or functions of n and density.
            idempotency_key: a repeated call with the same key returns the declaration of the first call.

        Returns:
            The declaration with its digest, by which jobs name it.

        Raises:
            ApiError: code invalid_request, with every violated field.
        """
        return await self.send(calls.declare_tuning(declaration, idempotency_key=idempotency_key))

    async def tuning(self, digest: str) -> TuningView:
        """Return a tuning declaration.

        Args:
            digest: `sha256:` and 64 hexadecimal digits.

        Raises:
            ApiError: code not_found.
        """
        return await self.send(calls.tuning(digest))

    def tunings(self, *, page_size: int = 100) -> AsyncIterator[TuningView]:
        """Iterate over tuning declarations, newest first.

        Args:
            page_size: declarations per request, 1 to 200.
        """
        return self._follow(lambda cursor: calls.tuning_page(page_size, cursor))

    async def open_evaluation(
        self, benchmark: str = "qubo-mis", *, comment: str = "", idempotency_key: str | None = None
    ) -> EvaluationView:
        """Open an evaluation round: the server commits to a secret that it publishes later.

        Args:
            benchmark: name of the benchmark.
            comment: what the round is for.
            idempotency_key: a repeated call with the same key returns the round of the first call.

        Returns:
            The open round with its commitment.
        """
        return await self.send(calls.open_evaluation(benchmark, comment, idempotency_key=idempotency_key))

    async def freeze_evaluation(
        self, round_id: str, digest: str, *, nonce: str, idempotency_key: str | None = None
    ) -> EvaluationView:
        """Freeze a declaration into a round: the seeds are drawn and the secret is published.

        Args:
            round_id: id of the round.
            digest: digest of the tuning declaration.
            nonce: random bytes of your own, in hexadecimal.
            idempotency_key: a repeated call with the same key returns the round of the first call.

        Returns:
            The revealed round with secret and seeds.

        Raises:
            ApiError: code not_found for an unknown round or declaration; code evaluation_revealed when another
                declaration is frozen into the round.
        """
        return await self.send(calls.freeze_evaluation(round_id, digest, nonce, idempotency_key=idempotency_key))

    async def evaluation(self, round_id: str) -> EvaluationView:
        """Return an evaluation round.

        Args:
            round_id: id of the round.

        Raises:
            ApiError: code not_found.
        """
        return await self.send(calls.evaluation(round_id))

    def evaluations(self, *, page_size: int = 100) -> AsyncIterator[EvaluationView]:
        """Iterate over evaluation rounds, newest first.

        Args:
            page_size: rounds per request, 1 to 200.
        """
        return self._follow(lambda cursor: calls.evaluation_page(page_size, cursor))

    async def submit_evaluation(
        self,
        round_id: str,
        jobs: Mapping[str, Any],
        *,
        idempotency_key: str | None = None,
        wait_for_bench: bool = False,
    ) -> CampaignCreated:
        """Queue the jobs of a revealed round as a campaign.

        Args:
            round_id: id of the round.
            jobs: `scenario`, and optionally sizes, densities, needs, plan, tags.
            idempotency_key: a repeated call with the same key returns the campaign of the first call.
            wait_for_bench: queue the jobs even if no registered bench fits them yet.

        Returns:
            Ids of the campaign and of its jobs.

        Raises:
            ApiError: as for `submit`; a conflict (status 409) when the round is not revealed.
        """
        call = calls.submit_evaluation(round_id, jobs, idempotency_key=idempotency_key, wait_for_bench=wait_for_bench)
        return await self.send(call)

    async def benches(self) -> list[BenchView]:
        """Return all benches as their agents registered them."""
        return await self.send(calls.benches())

    async def bench(self, name: str) -> BenchView:
        """Return one bench.

        Args:
            name: name of the bench.

        Raises:
            ApiError: code not_found.
        """
        return await self.send(calls.bench(name))

    async def attempt(self, attempt_id: str) -> AttemptView:
        """Return one attempt: times in s, answer as reported and as recomputed, quality, provenance.

        Args:
            attempt_id: id of the attempt.

        Raises:
            ApiError: code not_found.
        """
        return await self.send(calls.attempt(attempt_id))

    async def solution(self, attempt_id: str, *, names: Sequence[str] = ()) -> SolutionView:
        """Return how an attempt set the variables of its problem, by the submitter's own names.

        Args:
            attempt_id: id of the attempt.
            names: names of the variables, in their order; the default are those of the uploaded file, else numbers
                from 0.

        Returns:
            0 or 1 of each variable, in the order of the problem, and the cost that the server recomputed.

        Raises:
            ApiError: code not_found; the attempt has no solution of a problem.
            ClientError: the names do not fit the problem.

        Example:
            found = await client.solution(attempt.id)
            print(found.cost, found.ones, found.solution["x0"])
        """
        found = await self.send(calls.solution(attempt_id))
        return renamed(found, names) if names else found

    async def energy(self, attempt_id: str) -> EnergyMatrix | EnergyAbsent:
        """Return the energy of an attempt in joules, component by phase.

        Args:
            attempt_id: id of the attempt.

        Returns:
            The energies, or an `EnergyAbsent` with the reason why there are none.

        Raises:
            ApiError: code not_found.

        Example:
            found = await client.energy(job.last_attempt.id)
            rows = found.rows()  # for example pandas.DataFrame(rows); no rows when there is no energy
        """
        return await self.send(calls.energy(attempt_id))

    async def energies(self, *, group_by: Iterable[str] = (), **filters: calls.Param) -> EnergyTable:
        """Return the mean energy of one window over attempts, in joules; virtual and physical are never mixed.

        Args:
            group_by: of component, phase, board, bench, workload.
            **filters: workload, board, component, phase, reality, since, until.

        Returns:
            A tuple with one row per group; its method `rows()` returns plain dictionaries.

        Example:
            >>> (await client.energies(group_by=["board"], reality="virtual")).rows()
            []
        """
        found = await self.send(calls.energies(filters, group_by))
        return EnergyTable(found.rows)

    async def traces(self, attempt_id: str) -> list[TraceInfo]:
        """Return what was recorded in an attempt, one entry per monitor.

        Args:
            attempt_id: id of the attempt.

        Raises:
            ApiError: code not_found.
        """
        return await self.send(calls.traces(attempt_id))

    async def trace(self, attempt_id: str, monitor: str, *, points: int = 2000) -> TraceSeries:
        """Return one monitor's trace, thinned to bins that keep every extreme.

        Args:
            attempt_id: id of the attempt.
            monitor: id of the monitor.
            points: the most bins per rail.

        Returns:
            Powers in W; times in ns on the monitor's clock.

        Raises:
            ApiError: code not_found.
        """
        return await self.send(calls.trace(attempt_id, monitor, points))

    async def trace_parquet(self, attempt_id: str, monitor: str) -> bytes:
        """Return one monitor's trace with every sample, as a Parquet file.

        Args:
            attempt_id: id of the attempt.
            monitor: id of the monitor.

        Returns:
            Bytes for `neurorig_protocols.trace.from_parquet` or any reader of Parquet.

        Raises:
            ApiError: code not_found.
        """
        return await self.send(calls.trace_parquet(attempt_id, monitor))

    async def upload(
        self,
        content: Path | bytes,
        *,
        kind: str,
        name: str | None = None,
        form: str | None = None,
        **options: calls.Param,
    ) -> FileView:
        """Upload a file that jobs can name.

        Args:
            content: the file, or its bytes.
            kind: what the file is, for example `qubo` or `nir`.
            name: name to show; the default is the name of the file.
            form: format of a problem; the default is to recognise it.
            **options: of a problem: sense, vartype, decimals.

        Returns:
            The file's digest, by which jobs name it, and what the server found in it.

        Raises:
            ApiError: when the server cannot read the file as what it is said to be.
        """
        data, label = await asyncio.to_thread(named, content, name)
        return await self.send(calls.upload(data, kind=kind, name=label, options={"format": form, **options}))

    def files(self, *, page_size: int = 100, **filters: calls.Param) -> AsyncIterator[FileView]:
        """Iterate over uploaded files, newest first.

        Args:
            page_size: files per request, 1 to 200.
            **filters: kind, name.
        """
        return self._follow(lambda cursor: calls.file_page({"limit": page_size, **filters}, cursor))

    async def file(self, digest: str) -> FileView:
        """Return one uploaded file's name and facts.

        Args:
            digest: `sha256:` and 64 hexadecimal digits.

        Raises:
            ApiError: code not_found.
        """
        return await self.send(calls.file(digest))

    async def file_content(self, digest: str) -> bytes:
        """Return a file's bytes as the server keeps them.

        Args:
            digest: `sha256:` and 64 hexadecimal digits.

        Raises:
            ApiError: code not_found.
        """
        return await self.send(calls.file_content(digest))

    async def delete_file(self, digest: str) -> None:
        """Delete one of your files.

        Args:
            digest: `sha256:` and 64 hexadecimal digits.

        Raises:
            ApiError: code not_found; code file_in_use while a job or a target names it.
        """
        await self.send(calls.delete_file(digest))

    async def create_token(
        self, name: str, scopes: Iterable[str], *, bench: str | None = None, expires_at: datetime | None = None
    ) -> TokenCreated:
        """Create a token; needs the scope admin.

        Args:
            name: name of the token.
            scopes: of read, submit, operate, agent, admin.
            bench: the one bench of an agent's token.
            expires_at: when the token ends, an aware time; None: never.

        Returns:
            The token with its secret, which the server shows only this once.

        Raises:
            ApiError: code forbidden without the scope admin.

        Example:
            >>> (await client.create_token("notebook", ["read", "submit"])).name
            'notebook'
        """
        return await self.send(calls.create_token(name, scopes, bench, expires_at))

    async def tokens(self) -> tuple[TokenView, ...]:
        """Return all tokens, without their secrets; needs the scope admin.

        Raises:
            ApiError: code forbidden without the scope admin.
        """
        return await self.send(calls.tokens())

    async def revoke_token(self, token_id: str) -> None:
        """End a token now; needs the scope admin. Revoking it again changes nothing.

        Args:
            token_id: id of the token, as `tokens` lists it.

        Raises:
            ApiError: code not_found; code forbidden without the scope admin.
        """
        await self.send(calls.revoke_token(token_id))

    async def wait(
        self,
        job_ids: Iterable[str],
        on_update: Callable[[JobView], None] | None = None,
        *,
        on_outage: Callable[[Unreachable], None] | None = None,
        on_round: Callable[[], None] | None = None,
        poll_s: float = 0.5,
        patience_s: float = 600.0,
    ) -> list[JobView]:
        """Wait until all jobs have ended, whatever way.

        Args:
            job_ids: ids of the jobs.
            on_update: called with each job that changed.
            on_outage: called with each failure while the server does not answer; the wait goes on.
            on_round: called before each look; may raise to give up.
            poll_s: seconds between two looks.
            patience_s: seconds of one outage after which its failure is raised.

        Returns:
            The jobs in the order given.

        Raises:
            ApiError: code not_found for an unknown job.
            Unreachable: the server did not answer for `patience_s`.

        Example:
            (done,) = await client.wait([job.id])
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
