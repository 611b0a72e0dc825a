"""A body must keep arriving: so many bytes in so much waiting, whatever its pieces."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest

from neurorig_protocols.refusals import UploadStalled
from neurorig_server.http.slow_clients import Progress
from neurorig_server.settings import Settings

SETTINGS = Settings(data_dir=Path("unused"), stall_s=0.2, stall_bytes=100)
END = {"type": "http.request", "body": b"", "more_body": False}


def part(size: int) -> dict[str, Any]:
    """A piece of a body."""
    return {"type": "http.request", "body": b"x" * size, "more_body": True}


class Connection:
    """Gives messages, each as soon as it is asked for, and then is silent."""

    def __init__(self, messages: Sequence[Any]) -> None:
        self._messages = list(messages)

    async def receive(self) -> Any:
        """Return the next message."""
        if self._messages:
            return self._messages.pop(0)
        return await asyncio.Event().wait()


def test_a_body_that_arrives_passes() -> None:
    """Piece by piece, and what comes behind its end has no deadline."""

    async def main() -> int:
        progress = Progress(Connection([part(10), part(90), END]).receive, SETTINGS)
        size = 0
        while (message := await progress())["more_body"]:
            size += len(message["body"])
        with pytest.raises(TimeoutError):
            await asyncio.wait_for(progress(), 3 * SETTINGS.stall_s)
        return size

    assert asyncio.run(main()) == 100


@pytest.mark.parametrize("before", [0, 99, 100, 250])
def test_silence_ends_a_body(before: int) -> None:
    """From the first byte on, and in the middle; once ended it stays so."""

    async def main() -> None:
        progress = Progress(Connection([part(before)]).receive, SETTINGS)
        await progress()
        for _ in range(2):
            with pytest.raises(UploadStalled, match="fewer than 100 bytes"):
                await progress()

    asyncio.run(main())


@pytest.mark.parametrize(("size", "pieces"), [(1, 5), (19, 5), (25, None)])
def test_a_byte_now_and_then_is_not_progress(monkeypatch: pytest.MonkeyPatch, size: int, pieces: int | None) -> None:
    """The time of all waits counts until enough has arrived, and then it counts anew."""
    now = [0.0]
    monkeypatch.setattr("neurorig_server.http.slow_clients.monotonic", lambda: now[0])

    async def drip() -> Any:
        now[0] += SETTINGS.stall_s / 4.9
        return part(size)

    async def main() -> int | None:
        progress = Progress(drip, SETTINGS)
        for taken in range(100):
            try:
                await progress()
            except UploadStalled:
                return taken
        return None

    assert asyncio.run(main()) == pieces


def test_slow_work_of_the_server_is_not_the_clients(monkeypatch: pytest.MonkeyPatch) -> None:
    """Only waiting counts: a disk that takes longer than the deadline between two pieces ends nothing."""
    now = [0.0]
    monkeypatch.setattr("neurorig_server.http.slow_clients.monotonic", lambda: now[0])

    async def main() -> None:
        progress = Progress(Connection([part(1), part(1), END]).receive, SETTINGS)
        for _ in range(3):
            await progress()
            now[0] += 10

    asyncio.run(main())


@pytest.mark.parametrize(
    ("rest", "closed"), [([END], False), ([part(200), END], False), ([part(300), part(300), END], True), ([], True)]
)
def test_an_early_answer_waits_for_the_rest(rest: list[Any], closed: bool) -> None:
    """A bounded rest is read first; a connection whose body does not end is closed behind the answer."""
    sent: list[Any] = []

    async def send(message: Any) -> None:
        sent.append(message)

    async def main() -> None:
        progress = Progress(Connection([part(1), *rest]).receive, SETTINGS)
        await progress()
        ending = progress.before_answer(send, drain_bytes=500)
        await ending({"type": "http.response.start", "status": 403, "headers": [(b"a", b"b")]})
        await ending({"type": "http.response.body", "body": b"no"})

    asyncio.run(main())
    assert sent[0]["status"] == 403
    assert ((b"connection", b"close") in sent[0]["headers"]) is closed
    assert sent[1]["body"] == b"no"
