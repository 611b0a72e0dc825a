"""The middleware that reads request bodies: bounded and in time while they arrive, of the right type, and storable.

Not for what the body says: validators see it afterwards.
"""

from __future__ import annotations

from starlette.datastructures import Headers
from starlette.requests import ClientDisconnect
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from neurorig_server.problems import Problem, answer, problem, refused
from neurorig_server.progress import Progress
from neurorig_server.settings import Settings
from neurorig_server.storable import NotStorable, require_storable
from neurorig_server.store.errors import UploadStalled

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


def _type_problem(scope: Scope, body: bytes) -> Problem | None:
    if not body or not scope["path"].startswith("/api/"):
        return None
    given = Headers(scope=scope).get("content-type", "").partition(";")[0].strip().lower()
    wanted = ("application/octet-stream",) if scope["method"] == "PATCH" or _is_upload(scope) else ("application/json",)
    if given in wanted:
        return None
    said = given or "nothing"
    return problem(415, "unsupported_media_type", f"the Content-Type must be {wanted[0]}, the request says {said}")


def _content_problem(scope: Scope, body: bytes) -> Problem | None:
    if scope["method"] == "PATCH" or not scope["path"].startswith("/api/"):
        return None
    try:
        require_storable(body)
    except NotStorable as error:
        return problem(400 if error.code == "invalid_json" else 422, error.code, error.message)
    return None
