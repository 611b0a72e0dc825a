"""The blocking client. One method per route; `jobs` follows the pages, `wait` outlives a restart of the server."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable, Iterator, Mapping
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


class Client:
    """A connection to a server, to be closed or used as a context.

    server: address; default NEURORIG_SERVER, else http://127.0.0.1:8321. token: default NEURORIG_TOKEN.
    Raises ApiError when the server refuses and Unreachable when there is none. What makes or changes something is sent
    with a key by which the server knows it again: when the connection is lost before the answer came, it is sent again
    for up to `retry_s`, and done once.
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
        """Send one request of `neurorig.calls` and return its view: every route is open this way."""
        resend = Resend(self._retry_s, repeatable=call.repeatable)
        while True:
            try:
                return self._send_once(call)
            except Unreachable as error:
                pause_s = resend.pause_s(error, time.monotonic())
            time.sleep(pause_s)

    def _send_once(self, call: calls.Call[T]) -> T:
        try:
            response = self._http.request(**call.request_arguments())
        except httpx.TransportError as error:
            raise self._connection.lost(error) from error
        return call.read(response)

    def _follow(self, page_at: Callable[[str | None], calls.Call[Page[T]]]) -> Iterator[T]:
        """Yield what stands on the pages, asking for a page only when it is needed."""
        cursor = None
        while True:
            page = self.send(page_at(cursor))
            yield from page.items
            cursor = page.next
            if cursor is None:
                return

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
        return self._follow(lambda cursor: calls.job_page({"limit": page_size, **filters}, cursor))

    def job(self, job_id: str) -> views.JobView:
        """Return one job."""
        return self.send(calls.job(job_id))

    def cancel(self, job_id: str) -> views.JobView:
        """Ask that a job end: at once where its board can stop a run, else after the window that is being measured."""
        return self.send(calls.cancel(job_id))

    def submit_campaign(
        self,
        name: str,
        base: JobSpec | Mapping[str, Any],
        grid: Mapping[str, Iterable[Any]],
        *,
        idempotency_key: str | None = None,
    ) -> views.CampaignCreated:
        """Ask for a grid of jobs: `grid` maps dotted paths of the job to the values they take."""
        return self.send(calls.submit_campaign(name, base, grid, idempotency_key=idempotency_key))

    def campaign(self, campaign_id: str) -> views.CampaignView:
        """Return how far a campaign is."""
        return self.send(calls.campaign(campaign_id))

    def campaign_summary(self, campaign_id: str) -> benchmark_views.CampaignSummaryView:
        """Return the benchmark's tables of a campaign as they stand now."""
        return self.send(calls.campaign_summary(campaign_id))

    def compare(
        self,
        left: Mapping[str, str],
        right: Mapping[str, str],
        *,
        name: str = "",
        idempotency_key: str | None = None,
    ) -> benchmark_views.ComparisonView:
        """Join two sides, each {"job": id} or {"campaign": id}; ratios are left over right."""
        return self.send(calls.create_comparison(left, right, name, idempotency_key=idempotency_key))

    def comparison(self, comparison_id: str) -> benchmark_views.ComparisonView:
        """Return a comparison with its numbers as they stand now."""
        return self.send(calls.comparison(comparison_id))

    def targets(self, **filters: calls.Param) -> target_views.TargetList:
        """Return official and best verified targets. Filters: workload, n, density, seed, problem."""
        return self.send(calls.targets(filters))

    def target(self, key: str) -> target_views.TargetView:
        """Return one target with its solution and who held the record before."""
        return self.send(calls.target(key))

    def target_solution(self, key: str) -> bytes:
        """Return the best verified solution as the bytes of a solution file."""
        return self.send(calls.target_solution(key))

    def propose_target(self, proposal: Proposal) -> target_views.TargetView:
        """Propose a solution; ApiError with the code target_not_better when it does not beat the present best."""
        return self.send(calls.propose_target(proposal))

    def declare_tuning(
        self, declaration: Mapping[str, Any], *, idempotency_key: str | None = None
    ) -> rule_views.TuningView:
        """Freeze a tuning declaration; the same one again returns the first."""
        return self.send(calls.declare_tuning(declaration, idempotency_key=idempotency_key))

    def tuning(self, digest: str) -> rule_views.TuningView:
        """Return a tuning declaration."""
        return self.send(calls.tuning(digest))

    def tunings(self, *, page_size: int = 100) -> Iterator[rule_views.TuningView]:
        """Yield tuning declarations, newest first."""
        return self._follow(lambda cursor: calls.tuning_page(page_size, cursor))

    def open_evaluation(
        self, benchmark: str = "qubo-mis", *, comment: str = "", idempotency_key: str | None = None
    ) -> rule_views.EvaluationView:
        """Open an evaluation round: the server publishes its commitment."""
        return self.send(calls.open_evaluation(benchmark, comment, idempotency_key=idempotency_key))

    def freeze_evaluation(
        self, round_id: str, digest: str, *, nonce: str, idempotency_key: str | None = None
    ) -> rule_views.EvaluationView:
        """Freeze a declaration into a round: the seeds are drawn. `nonce`: your own random bytes in hexadecimal."""
        return self.send(calls.freeze_evaluation(round_id, digest, nonce, idempotency_key=idempotency_key))

    def evaluation(self, round_id: str) -> rule_views.EvaluationView:
        """Return an evaluation round."""
        return self.send(calls.evaluation(round_id))

    def evaluations(self, *, page_size: int = 100) -> Iterator[rule_views.EvaluationView]:
        """Yield evaluation rounds, newest first."""
        return self._follow(lambda cursor: calls.evaluation_page(page_size, cursor))

    def submit_evaluation(
        self,
        round_id: str,
        jobs: Mapping[str, Any],
        *,
        idempotency_key: str | None = None,
        wait_for_bench: bool = False,
    ) -> views.CampaignCreated:
        """Ask for the jobs of a revealed round: `scenario`, and optionally sizes, densities, needs, plan, tags."""
        call = calls.submit_evaluation(round_id, jobs, idempotency_key=idempotency_key, wait_for_bench=wait_for_bench)
        return self.send(call)

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

    def upload(
        self,
        content: Path | bytes,
        *,
        kind: str,
        name: str | None = None,
        form: str | None = None,
        **options: calls.Param,
    ) -> file_views.FileView:
        """Upload a file and return what it is. Options of a problem: form (its format), sense, vartype, decimals."""
        data, label = named(content, name)
        return self.send(calls.upload(data, kind=kind, name=label, options={"format": form, **options}))

    def files(self, *, page_size: int = 100, **filters: calls.Param) -> Iterator[file_views.FileView]:
        """Yield uploaded files, newest first. Filters: kind, name."""
        return self._follow(lambda cursor: calls.file_page({"limit": page_size, **filters}, cursor))

    def file(self, digest: str) -> file_views.FileView:
        """Return one uploaded file's name and facts."""
        return self.send(calls.file(digest))

    def file_content(self, digest: str) -> bytes:
        """Return a file's bytes as the server keeps them."""
        return self.send(calls.file_content(digest))

    def delete_file(self, digest: str) -> None:
        """Delete one of your files; ApiError with the code file_in_use while a job or a target names it."""
        self.send(calls.delete_file(digest))

    def create_token(
        self, name: str, scopes: Iterable[str], *, bench: str | None = None, expires_at: datetime | None = None
    ) -> views.TokenCreated:
        """Make a token (needs the scope admin); an agent's token is bound to its bench. `expires_at` is aware."""
        return self.send(calls.create_token(name, scopes, bench, expires_at))

    def tokens(self) -> tuple[views.TokenView, ...]:
        """Return all tokens, without their secrets (needs the scope admin)."""
        return self.send(calls.tokens())

    def revoke_token(self, token_id: str) -> None:
        """End a token now (needs the scope admin); revoking it again changes nothing."""
        self.send(calls.revoke_token(token_id))

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
