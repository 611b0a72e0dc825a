"""The answer to what nobody foresaw."""

from __future__ import annotations

import asyncio
import json
import logging
from typing import Any

import pytest
from starlette.types import Receive, Scope, Send

from neurorig_server.http.shield import Shield

SCOPE: Scope = {"type": "http", "method": "GET", "path": "/x", "headers": []}


def run(app: Any, scope: Scope = SCOPE) -> list[dict[str, Any]]:
    """Return what an application sends."""
    sent: list[dict[str, Any]] = []

    async def send(message: Any) -> None:
        sent.append(message)

    async def receive() -> Any:
        return {"type": "http.disconnect"}

    asyncio.run(Shield(app)(scope, receive, send))
    return sent


async def breaks(scope: Scope, receive: Receive, send: Send) -> None:
    """Raise something with a secret in it."""
    raise RuntimeError("password=hunter2")


def test_failure_is_hidden_and_can_be_found(caplog: pytest.LogCaptureFixture) -> None:
    """The answer holds no internals; its correlation id stands in the log beside the exception."""
    with caplog.at_level(logging.ERROR):
        start, body = run(breaks)

    problem = json.loads(body["body"])
    assert (start["status"], problem["code"]) == (500, "internal_error")
    assert "hunter2" not in body["body"].decode()
    assert problem["correlation_id"] in caplog.text
    assert "hunter2" in caplog.text


def test_failure_after_the_answer_began_is_raised() -> None:
    """A half-sent answer is not followed by a second one."""

    async def late(scope: Scope, receive: Receive, send: Send) -> None:
        await send({"type": "http.response.start", "status": 200, "headers": []})
        raise RuntimeError

    with pytest.raises(RuntimeError):
        run(late)


def test_other_protocols_pass() -> None:
    """The lifespan is none of its business."""
    with pytest.raises(RuntimeError, match="hunter2"):
        run(breaks, {"type": "lifespan"})
