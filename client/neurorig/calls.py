"""The server's routes as values: what to send and how to read the answer. Both clients share them; no I/O here."""

from __future__ import annotations

import secrets
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, Generic, Protocol, TypeVar
from urllib.parse import quote

import httpx
from pydantic import BaseModel, ValidationError

from neurorig.errors import ApiError, Unreachable, from_problem
from neurorig_protocols import answers
from neurorig_protocols.api.attempts import AttemptView, SolutionView, TraceInfo, TraceSeries
from neurorig_protocols.api.benches import BenchView
from neurorig_protocols.api.campaigns import CampaignCreated, CampaignPage, CampaignView
from neurorig_protocols.api.comparisons import CampaignSummary, ComparisonPage, ComparisonView
from neurorig_protocols.api.energy import EnergyAbsent, EnergyRows
from neurorig_protocols.api.evaluations import EvaluationPage, EvaluationView
from neurorig_protocols.api.files import FilePage, FileView
from neurorig_protocols.api.jobs import JobPage, JobView
from neurorig_protocols.api.targets import TargetDetail, TargetList, TargetView
from neurorig_protocols.api.tokens import TokenCreated, TokenView
from neurorig_protocols.api.tunings import TuningPage, TuningView
from neurorig_protocols.energy import EnergyMatrix
from neurorig_protocols.job import JobSpec
from neurorig_protocols.workloads.qubo.qubo_targets import Proposal

T = TypeVar("T")
Answer_co = TypeVar("Answer_co", covariant=True)
Item_co = TypeVar("Item_co", covariant=True)

API = "/api/v1"

UPLOAD_TIMEOUT_S = 300.0

# A restarting server, or a proxy in front of one that is down: not an answer to the request.
NOT_NOW = (502, 503, 504)

KEY_HEADER = "Idempotency-Key"
KEY_BYTES = 16

Json = Mapping[str, Any]
Param = str | int | float | bool | None


class Page(Protocol[Item_co]):
    """A page of a list; `next` is the cursor of the page after it."""

    @property
    def items(self) -> Sequence[Item_co]:
        """The records on this page."""

    @property
    def next(self) -> str | None:
        """The cursor of the next page, None on the last one."""


@dataclass(frozen=True)
class Call(Generic[Answer_co]):
    """One request. `parse` turns the successful answer into its record."""

    method: str
    path: str
    parse: Callable[[httpx.Response], Answer_co]
    params: Mapping[str, Param] = field(default_factory=dict)
    body: Json | None = None
    headers: Mapping[str, str] = field(default_factory=dict)
    content: bytes | None = None
    timeout_s: float | None = None

    @property
    def repeatable(self) -> bool:
        """Whether the request may be sent again when its answer was lost: the server knows it by its key."""
        return KEY_HEADER in self.headers

    def request_arguments(self) -> dict[str, Any]:
        """Return the arguments of httpx's `request`; parameters that are None are left out."""
        arguments: dict[str, Any] = {
            "method": self.method,
            "url": self.path,
            "params": {key: value for key, value in self.params.items() if value is not None},
            "headers": dict(self.headers),
        }
        if self.timeout_s is not None:
            arguments["timeout"] = self.timeout_s
        if self.content is not None:
            arguments["content"] = self.content
        return arguments if self.body is None else {**arguments, "json": self.body}

    def read(self, response: httpx.Response) -> Answer_co:
        """Return the record; ApiError when the server refused, Unreachable when it is not up."""
        if response.status_code in NOT_NOW:
            raise Unreachable(f"the server at {response.url.host} answered {response.status_code}")
        if not response.is_success:
            raise from_problem(response.status_code, _problem(response))
        try:
            return self.parse(response)
        except (ValidationError, ValueError) as error:
            raise ApiError(
                f"the answer to {self.method} {self.path} is not what a neurorig server sends: {error}",
                status=response.status_code,
                code="unexpected_answer",
                next_step="check the server's address and version with `neurorig doctor`",
            ) from error


def _problem(response: httpx.Response) -> Json:
    try:
        problem = response.json()
    except ValueError:
        problem = None
    return problem if isinstance(problem, Mapping) else {"detail": response.text[:200]}


def _as(kind: type[T]) -> Callable[[httpx.Response], T]:
    return lambda response: answers.read(kind, response.content)


def _at(*parts: str) -> str:
    return "/".join((API, *(quote(part, safe="") for part in parts)))


def _json(body: BaseModel | Json) -> Json:
    if not isinstance(body, BaseModel):
        return body
    dumped: Json = body.model_dump(mode="json")
    return dumped


def _once(key: str | None) -> Mapping[str, str]:
    """Return the header that makes a request repeatable; without a key of the caller's own one is drawn."""
    return {KEY_HEADER: key or secrets.token_hex(KEY_BYTES)}


def submit(spec: JobSpec | Json, *, idempotency_key: str | None, wait_for_bench: bool) -> Call[JobView]:
    """POST /jobs."""
    return Call(
        "POST",
        _at("jobs"),
        _as(JobView),
        params={"wait_for_bench": "true" if wait_for_bench else None},
        body=_json(spec),
        headers=_once(idempotency_key),
    )


def job_page(filters: Mapping[str, Param], cursor: str | None) -> Call[JobPage]:
    """GET /jobs."""
    return Call("GET", _at("jobs"), _as(JobPage), params={**filters, "cursor": cursor})


def job(job_id: str) -> Call[JobView]:
    """GET /jobs/{id}."""
    return Call("GET", _at("jobs", job_id), _as(JobView))


def cancel(job_id: str) -> Call[JobView]:
    """POST /jobs/{id}/cancel."""
    return Call("POST", _at("jobs", job_id, "cancel"), _as(JobView))


def submit_campaign(
    name: str, base: JobSpec | Json, grid: Mapping[str, Iterable[Any]], *, idempotency_key: str | None
) -> Call[CampaignCreated]:
    """POST /campaigns."""
    body = {"name": name, "base": _json(base), "grid": {path: list(values) for path, values in grid.items()}}
    headers = _once(idempotency_key)
    return Call("POST", _at("campaigns"), _as(CampaignCreated), body=body, headers=headers)


def campaign_page(filters: Mapping[str, Param], cursor: str | None) -> Call[CampaignPage]:
    """GET /campaigns."""
    return Call("GET", _at("campaigns"), _as(CampaignPage), params={**filters, "cursor": cursor})


def campaign(campaign_id: str) -> Call[CampaignView]:
    """GET /campaigns/{id}."""
    return Call("GET", _at("campaigns", campaign_id), _as(CampaignView))


def campaign_summary(campaign_id: str) -> Call[CampaignSummary]:
    """GET /campaigns/{id}/summary."""
    return Call("GET", _at("campaigns", campaign_id, "summary"), _as(CampaignSummary))


def create_comparison(left: Json, right: Json, name: str, *, idempotency_key: str | None) -> Call[ComparisonView]:
    """POST /comparisons."""
    body = {"left": left, "right": right, "name": name}
    headers = _once(idempotency_key)
    return Call("POST", _at("comparisons"), _as(ComparisonView), body=body, headers=headers)


def comparison_page(filters: Mapping[str, Param], cursor: str | None) -> Call[ComparisonPage]:
    """GET /comparisons."""
    params = {**filters, "cursor": cursor}
    return Call("GET", _at("comparisons"), _as(ComparisonPage), params=params)


def comparison(comparison_id: str) -> Call[ComparisonView]:
    """GET /comparisons/{id}."""
    return Call("GET", _at("comparisons", comparison_id), _as(ComparisonView))


def targets(filters: Mapping[str, Param]) -> Call[TargetList]:
    """GET /targets."""
    return Call("GET", _at("targets"), _as(TargetList), params=filters)


def target(key: str) -> Call[TargetDetail]:
    """GET /targets/{key}."""
    return Call("GET", _at("targets", key), _as(TargetDetail))


def target_solution(key: str) -> Call[bytes]:
    """GET /targets/{key}/solution."""
    return Call("GET", _at("targets", key, "solution"), lambda response: response.content)


def propose_target(proposal: Proposal) -> Call[TargetView]:
    """POST /targets."""
    return Call("POST", _at("targets"), _as(TargetView), body=_json(proposal), timeout_s=120.0)


def declare_tuning(declaration: Json, *, idempotency_key: str | None) -> Call[TuningView]:
    """POST /tunings."""
    headers = _once(idempotency_key)
    return Call("POST", _at("tunings"), _as(TuningView), body=declaration, headers=headers)


def tuning(digest: str) -> Call[TuningView]:
    """GET /tunings/{digest}."""
    return Call("GET", _at("tunings", digest), _as(TuningView))


def tuning_page(limit: int, cursor: str | None) -> Call[TuningPage]:
    """GET /tunings."""
    return Call("GET", _at("tunings"), _as(TuningPage), params={"limit": limit, "cursor": cursor})


def open_evaluation(benchmark: str, comment: str, *, idempotency_key: str | None) -> Call[EvaluationView]:
    """POST /evaluations."""
    body = {"benchmark": benchmark, "comment": comment}
    headers = _once(idempotency_key)
    return Call("POST", _at("evaluations"), _as(EvaluationView), body=body, headers=headers)


def freeze_evaluation(round_id: str, digest: str, nonce: str, *, idempotency_key: str | None) -> Call[EvaluationView]:
    """POST /evaluations/{id}/freeze."""
    body, headers = {"tuning": digest, "nonce": nonce}, _once(idempotency_key)
    path = _at("evaluations", round_id, "freeze")
    return Call("POST", path, _as(EvaluationView), body=body, headers=headers)


def evaluation(round_id: str) -> Call[EvaluationView]:
    """GET /evaluations/{id}."""
    return Call("GET", _at("evaluations", round_id), _as(EvaluationView))


def evaluation_page(limit: int, cursor: str | None) -> Call[EvaluationPage]:
    """GET /evaluations."""
    params: Mapping[str, Param] = {"limit": limit, "cursor": cursor}
    return Call("GET", _at("evaluations"), _as(EvaluationPage), params=params)


def submit_evaluation(
    round_id: str, jobs: Json, *, idempotency_key: str | None, wait_for_bench: bool
) -> Call[CampaignCreated]:
    """POST /evaluations/{id}/jobs."""
    params: Mapping[str, Param] = {"wait_for_bench": "true" if wait_for_bench else None}
    path, headers = _at("evaluations", round_id, "jobs"), _once(idempotency_key)
    return Call("POST", path, _as(CampaignCreated), params=params, body=jobs, headers=headers)


def benches() -> Call[list[BenchView]]:
    """GET /benches."""
    return Call("GET", _at("benches"), _as(list[BenchView]))


def bench(name: str) -> Call[BenchView]:
    """GET /benches/{name}."""
    return Call("GET", _at("benches", name), _as(BenchView))


def attempt(attempt_id: str) -> Call[AttemptView]:
    """GET /attempts/{id}."""
    return Call("GET", _at("attempts", attempt_id), _as(AttemptView))


def solution(attempt_id: str) -> Call[SolutionView]:
    """GET /attempts/{id}/solution."""
    return Call("GET", _at("attempts", attempt_id, "solution"), _as(SolutionView))


def energy(attempt_id: str) -> Call[EnergyMatrix | EnergyAbsent]:
    """GET /attempts/{id}/energy."""
    either: Any = EnergyMatrix | EnergyAbsent
    return Call("GET", _at("attempts", attempt_id, "energy"), _as(either))


def energies(filters: Mapping[str, Param], group_by: Iterable[str]) -> Call[EnergyRows]:
    """GET /energy."""
    params = {**filters, "group_by": ",".join(group_by) or None}
    return Call("GET", _at("energy"), _as(EnergyRows), params=params)


def traces(attempt_id: str) -> Call[list[TraceInfo]]:
    """GET /attempts/{id}/trace."""
    return Call("GET", _at("attempts", attempt_id, "trace"), _as(list[TraceInfo]))


def trace(attempt_id: str, monitor: str, points: int) -> Call[TraceSeries]:
    """GET /attempts/{id}/trace of one monitor, thinned."""
    params: Mapping[str, Param] = {"monitor": monitor, "points": points}
    return Call("GET", _at("attempts", attempt_id, "trace"), _as(TraceSeries), params=params)


def trace_parquet(attempt_id: str, monitor: str) -> Call[bytes]:
    """GET /attempts/{id}/trace of one monitor, every sample."""
    params: Mapping[str, Param] = {"monitor": monitor, "format": "parquet"}
    return Call("GET", _at("attempts", attempt_id, "trace"), lambda response: response.content, params=params)


def upload(content: bytes, *, kind: str, name: str, options: Mapping[str, Param]) -> Call[FileView]:
    """POST /files. The server's check of a large problem takes longer than other answers."""
    return Call(
        "POST",
        _at("files"),
        _as(FileView),
        params={"kind": kind, "name": name, **options},
        headers={"Content-Type": "application/octet-stream"},
        content=content,
        timeout_s=UPLOAD_TIMEOUT_S,
    )


def file_page(filters: Mapping[str, Param], cursor: str | None) -> Call[FilePage]:
    """GET /files."""
    return Call("GET", _at("files"), _as(FilePage), params={**filters, "cursor": cursor})


def file(digest: str) -> Call[FileView]:
    """GET /files/{digest}."""
    return Call("GET", _at("files", digest), _as(FileView))


def file_content(digest: str) -> Call[bytes]:
    """GET /files/{digest}/content."""
    return Call("GET", _at("files", digest, "content"), lambda response: response.content)


def delete_file(digest: str) -> Call[None]:
    """DELETE /files/{digest}."""
    return Call("DELETE", _at("files", digest), lambda _: None)


def create_token(
    name: str, scopes: Iterable[str], bench: str | None, expires_at: datetime | None
) -> Call[TokenCreated]:
    """POST /tokens."""
    end = {"expires_at": expires_at.isoformat()} if expires_at else {}
    body = {"name": name, "scopes": list(scopes), "bench": bench, **end}
    return Call("POST", _at("tokens"), _as(TokenCreated), body=body)


def tokens() -> Call[tuple[TokenView, ...]]:
    """GET /tokens."""
    return Call("GET", _at("tokens"), _as(tuple[TokenView, ...]))


def revoke_token(token_id: str) -> Call[None]:
    """DELETE /tokens/{id}."""
    return Call("DELETE", _at("tokens", token_id), lambda _: None)


def health(path: str) -> Call[dict[str, Any]]:
    """GET /healthz or /readyz."""
    return Call("GET", path, _as(dict[str, Any]))
