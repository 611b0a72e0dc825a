"""Bodies are read within bounds and refused before the application sees them."""

from __future__ import annotations

import asyncio
import json
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from starlette.types import Receive, Scope, Send

from neurorig_server.http.bodies import DRAIN_BYTES, BodyGuard
from neurorig_server.settings import Settings

JSON = "application/json"
SETTINGS = Settings(data_dir=Path("unused"), max_json_bytes=100, max_report_bytes=200, max_chunk_bytes=300)


def ask(parts: list[bytes], *, method: str = "POST", path: str = "/api/v1/jobs", media: str = JSON) -> Any:
    """Send a body in parts; returns the status, and the body that reached the application."""
    reached: list[bytes] = []
    sent: list[Any] = []
    taken = 0
    messages = [{"type": "http.request", "body": part, "more_body": True} for part in parts]
    messages.append({"type": "http.request", "body": b"", "more_body": False})

    async def app(scope: Scope, receive: Receive, send: Send) -> None:
        message = await receive()
        reached.append(message["body"])
        assert message["more_body"] is False
        await send({"type": "http.response.start", "status": 200, "headers": []})

    async def receive() -> Any:
        nonlocal taken
        taken += 1
        return messages[taken - 1]

    async def send(message: Any) -> None:
        sent.append(message)

    headers = [(b"content-type", media.encode())] if media else []
    scope: Scope = {"type": "http", "method": method, "path": path, "headers": headers}
    asyncio.run(BodyGuard(app, SETTINGS)(scope, receive, send))
    return sent[0]["status"], reached, taken


def test_an_uploaded_file_is_left_to_its_route() -> None:
    """A file is bounded where it is received: here it passes piece by piece, with its type checked."""
    binary = "application/octet-stream"

    assert ask([b"x" * 500], path="/api/v1/files", media=JSON)[:2] == (415, [])

    seen: list[int] = []

    async def app(scope: Scope, receive: Receive, send: Send) -> None:
        assert scope["path"] == "/api/v1/files"
        while (message := await receive())["more_body"]:
            seen.append(len(message["body"]))
        await send({"type": "http.response.start", "status": 200, "headers": []})

    messages = iter([{"type": "http.request", "body": b"x" * 200, "more_body": more} for more in (True, True, False)])

    async def receive() -> Any:
        return next(messages)

    async def send(message: Any) -> None:
        assert message["status"] == 200

    scope = {"type": "http", "method": "POST", "path": "/api/v1/files", "headers": [(b"content-type", binary.encode())]}
    asyncio.run(BodyGuard(app, SETTINGS)(scope, receive, send))
    assert seen == [200, 200]


@given(st.lists(st.binary(max_size=40), max_size=12))
def test_body_passes_whole_or_not_at_all(parts: list[bytes]) -> None:
    """However a body is cut, it arrives as one piece up to the limit and is refused above it."""
    body = b"".join(parts)

    status, reached, _ = ask(parts, method="PATCH", media="application/octet-stream")

    assert (status, reached) == ((200, [body]) if len(body) <= 300 else (413, []))


@pytest.mark.parametrize(
    ("method", "path", "limit"),
    [
        ("POST", "/api/v1/jobs", 100),
        ("PUT", "/api/v1/benches/x", 100),
        ("POST", "/api/v1/attempts/x/report", 200),
        ("PATCH", "/api/v1/attempts/x/traces/y", 300),
    ],
)
def test_each_kind_of_request_has_its_limit(method: str, path: str, limit: int) -> None:
    """JSON, reports and chunks are bounded apart; the limit itself still passes."""
    media = "application/octet-stream" if method == "PATCH" else "application/json"

    assert ask([b" " * limit], method=method, path=path, media=media)[0] == 200
    assert ask([b" " * limit, b" "], method=method, path=path, media=media)[0] == 413


def test_oversized_body_is_read_to_its_end_so_that_the_answer_arrives() -> None:
    """A client that only listens after sending gets its 413; a body without end is cut off."""
    assert ask([b" " * 60] * 5)[2] == 6

    status, _, taken = ask([b" " * (1 << 20)] * 200)
    assert status == 413
    assert taken <= DRAIN_BYTES // (1 << 20) + 2


@pytest.mark.parametrize(("text", "status"), [("a\x00", 422), ("\ud800", 422), ("\U0001f9e0", 200)])
@pytest.mark.parametrize("shape", [lambda t: {"x": [t]}, lambda t: {t: 1}, lambda t: t])
def test_text_that_no_database_holds_is_refused_wherever_it_stands(text: str, status: int, shape: Any) -> None:
    """NUL and half pairs are found in values, keys and lists; whole pairs pass."""
    assert ask([json.dumps(shape(text)).encode()])[0] == status


@pytest.mark.parametrize(
    ("method", "path", "media", "status"),
    [
        ("POST", "/api/v1/jobs", "application/json; charset=utf-8", 200),
        ("POST", "/api/v1/jobs", "APPLICATION/JSON", 200),
        ("POST", "/api/v1/jobs", "", 415),
        ("PATCH", "/api/v1/x", "application/json", 415),
        ("POST", "/login", "application/x-www-form-urlencoded", 200),
    ],
)
def test_interface_takes_its_own_types_only(method: str, path: str, media: str, status: int) -> None:
    """The REST interface reads JSON and octets; pages read forms."""
    assert ask([b"{}"], method=method, path=path, media=media)[0] == status


def test_lost_connection_ends_quietly() -> None:
    """A client that goes away in the middle of its body leaves nothing behind."""
    answered: list[Any] = []

    async def app(scope: Scope, receive: Receive, send: Send) -> None:
        raise AssertionError("a half body reached the application")

    async def receive() -> Any:
        return {"type": "http.disconnect"}

    async def send(message: Any) -> None:
        answered.append(message)

    scope: Scope = {"type": "http", "method": "POST", "path": "/api/v1/jobs", "headers": []}
    asyncio.run(BodyGuard(app, SETTINGS)(scope, receive, send))

    assert answered == []
