"""The agent's side of the server's REST interface. Outbound connections only; users have `neurorig.Client`.

Connection failures, 5xx, 408 and 429 are tried again with jittered backoff; every other answer that says no becomes an
exception.
"""

from __future__ import annotations

import contextlib
import secrets
import time
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any, Self, TypeVar

import httpx
from pydantic import ValidationError

from neurorig_protocols.errors import InfraError, LeaseLost, UserError
from neurorig_protocols.job import BenchRecord
from neurorig_protocols.lease import (
    FENCE_HEADER,
    PROTOCOL_HEADER,
    PROTOCOL_VERSION,
    UPLOAD_OFFSET_HEADER,
    Lease,
    LeaseRequest,
    LeaseReturn,
    Renewal,
    RenewalAnswer,
)
from neurorig_protocols.records import Record
from neurorig_protocols.report import AttemptReport
from neurorig_protocols.workloads.qubo.qubo_targets import Proposal

CHUNK_BYTES = 8 << 20
UPLOAD_LENGTH_HEADER = "Upload-Length"

_BACKOFF_S = 0.2
_BACKOFF_CAP_S = 10.0
_TIMEOUT_S = 30.0
_TRY_AGAIN = (httpx.codes.REQUEST_TIMEOUT, httpx.codes.TOO_MANY_REQUESTS)
_LOST_CODES = ("lease_lost", "stale_fence")
_JSON = {"Content-Type": "application/json"}

Message = TypeVar("Message", bound=Record)

_dice = secrets.SystemRandom()


class ServerUnreachable(InfraError):
    """The server did not answer, or only with 5xx, for as long as the agent was patient."""

    code = "server_unreachable"


class ServerRefused(UserError):
    """The server answered no; `detail` has status, code and errors."""

    code = "server_refused"

    @property
    def status(self) -> int:
        """HTTP status of the answer."""
        return int(self.detail["status"])


def new_lease_id() -> str:
    """Return 48 random bits as the id of a lease that is asked for."""
    return secrets.token_hex(6)


def backoff_s(attempt: int) -> float:
    """Return a random wait in seconds below a bound that doubles with each attempt (0, 1, …), at most 10 s."""
    return _dice.uniform(0.0, min(_BACKOFF_CAP_S, _BACKOFF_S * 2 ** min(attempt, 16)))


class ServerClient:
    """One agent's conversation with one server. Thread-safe as httpx clients are.

    `patience_s` bounds how long a call is tried again, in seconds; `wait` is called with each pause in seconds and
    answers whether to give up now.
    """

    def __init__(
        self, url: str, token: str, *, patience_s: float = 30.0, wait: Callable[[float], bool] | None = None
    ) -> None:
        self._patience_s = patience_s
        self._wait = wait or _just_wait
        self._http = httpx.Client(
            base_url=url.rstrip("/") + "/api/v1",
            headers={"Authorization": f"Bearer {token}", PROTOCOL_HEADER: str(PROTOCOL_VERSION)},
            timeout=_TIMEOUT_S,
        )

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def close(self) -> None:
        """Hang up."""
        self._http.close()

    def put_bench(self, bench: BenchRecord) -> None:
        """Tell the server what this bench is."""
        self._call("PUT", f"/benches/{bench.profile.name}", json=bench.model_dump(mode="json"))

    def lease(self, bench: str, wait_s: float, lease_id: str) -> Lease | None:
        """Ask for work and wait up to `wait_s` seconds for it; asked once, because the caller asks again anyway.

        `lease_id`, from `new_lease_id`, is the id that a lease will have; LeaseLost when that lease has ended.
        """
        request = LeaseRequest(bench=bench, wait_s=wait_s, lease_id=lease_id)
        answer = self._call(
            "POST", "/leases", json=request.model_dump(mode="json"), patience_s=0, timeout=wait_s + _TIMEOUT_S
        )
        return None if answer.status_code == httpx.codes.NO_CONTENT else _parsed(Lease, answer)

    def hand_back(self, bench: str, lease_id: str, *, patience_s: float = 2.0) -> None:
        """Hand back the lease of this id whether or not it was ever given; LeaseLost when it has ended already."""
        back = LeaseReturn(bench=bench)
        url = f"/leases/{lease_id}/return"
        self._call("POST", url, json=back.model_dump(mode="json"), patience_s=patience_s, timeout=5.0)

    def start(self, lease: Lease, *, patience_s: float = 2.0) -> None:
        """Say that the attempt begins."""
        self._call("POST", f"/leases/{lease.lease_id}/start", json={"fence": lease.fence}, patience_s=patience_s)

    def renew(self, lease_id: str, renewal: Renewal) -> RenewalAnswer:
        """Send one heartbeat; asked once, the next one comes soon. LeaseLost when the fence is stale."""
        answer = self._call(
            "POST", f"/leases/{lease_id}/renew", json=renewal.model_dump(mode="json"), patience_s=0, timeout=10.0
        )
        return _parsed(RenewalAnswer, answer)

    def upload_trace(self, attempt_id: str, fence: int, digest: str, path: Path) -> None:
        """Upload a file in chunks, from wherever an earlier upload of it ended; LeaseLost when the fence is stale."""
        url = f"/attempts/{attempt_id}/traces/{digest.removeprefix('sha256:')}"
        length = path.stat().st_size
        offset = self._offset(url)
        with path.open("rb") as file:
            while offset < length:
                file.seek(offset)
                headers = {
                    UPLOAD_OFFSET_HEADER: str(offset),
                    UPLOAD_LENGTH_HEADER: str(length),
                    FENCE_HEADER: str(fence),
                    "Content-Type": "application/octet-stream",
                }
                offset = self._patch(url, file.read(CHUNK_BYTES), headers)

    def fetch_file(self, digest: str, path: Path, *, max_bytes: int) -> None:
        """Write the bytes of an uploaded file to `path`, whatever they are; InfraError beyond `max_bytes`."""

        def once() -> httpx.Response:
            with self._http.stream("GET", f"/files/{digest}/content", timeout=120.0) as answer:
                if not answer.is_success:
                    answer.read()
                    return answer
                with path.open("wb") as file:
                    for chunk in answer.iter_bytes():
                        file.write(chunk)
                        if file.tell() > max_bytes:
                            raise InfraError(f"the file is larger than {max_bytes} bytes", where=digest)
                return answer

        self._patiently(once, self._patience_s, f"GET /files/{digest}/content")

    def best_cost(self, key: str) -> int | None:
        """Return the best verified cost of a problem by its key, None when no solution is known."""
        try:
            answer = self._call("GET", f"/targets/{key}")
        except ServerRefused as refused:
            if refused.status == httpx.codes.NOT_FOUND:
                return None
            raise
        best = answer.json().get("best")
        return int(best["cost"]) if best else None

    def propose(self, proposal: Proposal) -> None:
        """Propose a solution as best verified target; ServerRefused when it is not better."""
        self._call("POST", "/targets", json=proposal.model_dump(mode="json"), timeout=120.0)

    def report(self, attempt_id: str, report: AttemptReport) -> None:
        """Close an attempt; sending the same report again is harmless. LeaseLost when the fence is stale."""
        content = report.model_dump_json().encode()
        self._call("POST", f"/attempts/{attempt_id}/report", content=content, headers=_JSON)

    def _offset(self, url: str) -> int:
        try:
            answer = self._call("HEAD", url)
        except ServerRefused as refused:
            if refused.status == httpx.codes.NOT_FOUND:
                return 0
            raise
        return int(answer.headers.get(UPLOAD_OFFSET_HEADER, 0))

    def _patch(self, url: str, chunk: bytes, headers: dict[str, str]) -> int:
        try:
            answer = self._call("PATCH", url, content=chunk, headers=headers, timeout=120.0)
        except ServerRefused as refused:
            # A chunk may have arrived although its answer did not: the server knows where it stands.
            if refused.status == httpx.codes.CONFLICT and (offset := self._offset(url)) != int(
                headers[UPLOAD_OFFSET_HEADER]
            ):
                return offset
            raise
        return int(answer.headers[UPLOAD_OFFSET_HEADER])

    def _call(
        self,
        method: str,
        url: str,
        *,
        json: Any = None,
        content: bytes | None = None,
        headers: Mapping[str, str] | None = None,
        timeout: float = _TIMEOUT_S,
        patience_s: float | None = None,
    ) -> httpx.Response:
        def once() -> httpx.Response:
            return self._http.request(method, url, json=json, content=content, headers=headers, timeout=timeout)

        return self._patiently(once, self._patience_s if patience_s is None else patience_s, f"{method} {url}")

    def _patiently(self, once: Callable[[], httpx.Response], patience_s: float, where: str) -> httpx.Response:
        deadline = time.monotonic() + patience_s
        attempt = 0
        while True:
            why, pause_s = "", backoff_s(attempt)
            try:
                answer = once()
            except httpx.TransportError as error:
                why = f"{type(error).__name__}: {error}"
            else:
                if answer.status_code < 500 and answer.status_code not in _TRY_AGAIN:
                    return _accepted(answer)
                why = f"it answers {answer.status_code}"
                pause_s = max(pause_s, _retry_after_s(answer))
            attempt += 1
            if time.monotonic() + pause_s >= deadline or self._wait(pause_s):
                raise ServerUnreachable(
                    f"the server at {self._http.base_url.host} cannot be used: {why}",
                    where=where,
                    next_step="Nothing is lost: the agent tries again.",
                )


def _just_wait(seconds: float) -> bool:
    time.sleep(seconds)
    return False


def _retry_after_s(answer: httpx.Response) -> float:
    text = answer.headers.get("Retry-After", "")
    return min(float(text), 60.0) if text.isdigit() else 0.0


def _accepted(answer: httpx.Response) -> httpx.Response:
    if answer.is_success:
        return answer
    problem: dict[str, Any] = {}
    with contextlib.suppress(ValueError):
        body = answer.json()
        problem = body if isinstance(body, dict) else {}
    message = str(problem.get("detail") or problem.get("title") or f"the server answers {answer.status_code}")
    next_step = problem.get("next_step")
    raised = LeaseLost if problem.get("code") in _LOST_CODES else ServerRefused
    raise raised(
        message,
        where=f"{answer.request.method} {answer.request.url.path}",
        next_step=None if next_step is None else str(next_step),
        status=answer.status_code,
        problem=str(problem.get("code", "")),
        errors=problem.get("errors", []),
    )


def _parsed(model: type[Message], answer: httpx.Response) -> Message:
    try:
        return model.model_validate_json(answer.content)
    except ValidationError as error:
        raise InfraError(
            f"the server's answer is not protocol {PROTOCOL_VERSION}: {error.error_count()} fields are wrong",
            where=f"{answer.request.method} {answer.request.url.path}",
            next_step="Bring agent and server to the same release.",
        ) from error
