"""Bodies of requests: their size, and what validators let pass that no database or answer can hold."""

from __future__ import annotations

import json
import math
import re
from typing import Any

from starlette.datastructures import Headers
from starlette.requests import ClientDisconnect
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from neurorig_protocols.api.problems import ProblemDetails
from neurorig_protocols.refusals import UploadStalled
from neurorig_server.http.problems import answer, problem, refused
from neurorig_server.http.slow_clients import Progress
from neurorig_server.settings import Settings

MAX_DEPTH = 64

_SUSPECT = re.compile(rb"\\u(?:0000|[dD][89a-fA-F])|\x00|NaN|Infinity|[eE]\+?\d{3}")
"""Bodies without any of these, and with few brackets, need no second look."""


class NotStorable(ValueError):
    """The body is refused; `code` is the problem's code."""

    def __init__(self, code: str, message: str) -> None:
        super().__init__(message)
        self.code = code
        self.message = message


def require_storable(body: bytes) -> None:
    """Raise NotStorable for a body that is not JSON, or holds what cannot be stored."""
    if not _SUSPECT.search(body) and body.count(b"[") + body.count(b"{") <= MAX_DEPTH:
        return
    try:
        found = json.loads(body, parse_constant=_no_constant)
    except (ValueError, RecursionError) as error:
        raise NotStorable("invalid_json", "the body is not JSON") from error
    _walk(found)


def _walk(value: Any) -> None:
    waiting = [(value, 1)]
    while waiting:
        at, depth = waiting.pop()
        if isinstance(at, dict):
            for key in at:
                _check_text(key)
            waiting += [(inner, depth + 1) for inner in at.values()]
        elif isinstance(at, list):
            waiting += [(inner, depth + 1) for inner in at]
        elif isinstance(at, str):
            _check_text(at)
        elif isinstance(at, float) and not math.isfinite(at):
            raise NotStorable("invalid_number", "the body holds a number that is too large")
        if depth > MAX_DEPTH:
            raise NotStorable("too_deep", f"the body is nested more than {MAX_DEPTH} levels deep")


def _check_text(text: str) -> None:
    if "\x00" in text or any("\ud800" <= c <= "\udfff" for c in text):
        raise NotStorable("invalid_text", "the body holds text with a NUL or half of a surrogate pair")


def _no_constant(name: str) -> float:
    raise ValueError(f"{name} is not JSON")


DRAIN_BYTES = 64 << 20
"""A client that is still sending cannot read the answer: so much of an oversized body is read and thrown away."""


class BodyGuard:
    """Refuses bodies that stall (408), are too large (413), of another type (415), or cannot be stored (422)."""

    def __init__(self, app: ASGIApp, settings: Settings) -> None:
        self._app = app
        self._settings = settings

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Read the body, then refuse the request or pass it on."""
        if scope["type"] != "http" or scope["method"] not in ("POST", "PUT", "PATCH"):
            await self._app(scope, receive, send)
            return
        arriving = Progress(receive, self._settings)
        if _is_upload(scope):
            # Bounded where it is received, after the sender is known: a file is not held in memory.
            refusal = _type_problem(scope, b"?")
            ending = arriving.before_answer(send, drain_bytes=DRAIN_BYTES)
            await (answer(refusal) if refusal else self._app)(scope, arriving, ending)
            return
        limit = self._limit(scope)
        try:
            body = await _read(arriving, limit)
        except ClientDisconnect:
            return
        except UploadStalled as stalled:
            await refused(stalled)(scope, receive, arriving.before_answer(send, drain_bytes=0))
            return
        if body is None:
            refusal = problem(
                413, "body_too_large", f"the body is larger than {limit} bytes, the limit of this request"
            )
        else:
            refusal = _type_problem(scope, body) or _content_problem(scope, body)
        if refusal is not None:
            await answer(refusal)(scope, receive, arriving.before_answer(send, drain_bytes=0))
        elif body is not None:
            await self._app(scope, _replay(body, receive), send)

    def _limit(self, scope: Scope) -> int:
        if scope["method"] == "PATCH":
            return self._settings.max_chunk_bytes
        if scope["path"].endswith("/report"):
            return self._settings.max_report_bytes
        return self._settings.max_json_bytes


def _is_upload(scope: Scope) -> bool:
    return scope["method"] == "POST" and bool(scope["path"] == "/api/v1/files")


async def _read(receive: Receive, limit: int) -> bytes | None:
    """Return the whole body, None when it is larger than the limit; ClientDisconnect when it breaks off."""
    parts: list[bytes] = []
    size = 0
    while True:
        message = await receive()
        if message["type"] != "http.request":
            raise ClientDisconnect
        chunk = message.get("body", b"")
        size += len(chunk)
        if size <= limit:
            parts.append(chunk)
        if not message.get("more_body", False) or size > limit + DRAIN_BYTES:
            return b"".join(parts) if size <= limit else None


def _replay(body: bytes, receive: Receive) -> Receive:
    """Return a `receive` that gives the body first and then what the connection gives."""
    waiting = True

    async def replay() -> Message:
        nonlocal waiting
        if waiting:
            waiting = False
            return {"type": "http.request", "body": body, "more_body": False}
        return await receive()

    return replay


def _type_problem(scope: Scope, body: bytes) -> ProblemDetails | None:
    if not body or not scope["path"].startswith("/api/"):
        return None
    given = Headers(scope=scope).get("content-type", "").partition(";")[0].strip().lower()
    wanted = ("application/octet-stream",) if scope["method"] == "PATCH" or _is_upload(scope) else ("application/json",)
    if given in wanted:
        return None
    said = given or "nothing"
    return problem(415, "unsupported_media_type", f"the Content-Type must be {wanted[0]}, the request says {said}")


def _content_problem(scope: Scope, body: bytes) -> ProblemDetails | None:
    if scope["method"] == "PATCH" or not scope["path"].startswith("/api/"):
        return None
    try:
        require_storable(body)
    except NotStorable as error:
        return problem(400 if error.code == "invalid_json" else 422, error.code, error.message)
    return None
