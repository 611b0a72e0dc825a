"""Request heads and bodies that must arrive in time. Not for their size: that is `bodies`."""

from __future__ import annotations

import asyncio
from contextlib import suppress
from time import monotonic

from starlette.types import Message, Receive, Send
from uvicorn.protocols.http.h11_impl import H11Protocol

from neurorig_protocols.refusals import UploadStalled
from neurorig_server.settings import Settings


class _HeadLimit(H11Protocol):
    """A connection that is closed when no whole head arrives within `head_s` of its begin or of the last answer."""

    head_s: float
    _late: asyncio.TimerHandle | None = None

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]  # as in the base class
        """Wait for the first head."""
        super().connection_made(transport)
        self._await_head()

    def on_response_complete(self) -> None:
        """Wait for the next head."""
        self._await_head()
        super().on_response_complete()

    def connection_lost(self, exc: Exception | None) -> None:
        """Wait no more."""
        super().connection_lost(exc)
        self._forget()

    def _await_head(self) -> None:
        self._forget()
        self._late = self.loop.call_later(self.head_s, self._end_without_head)

    def _forget(self) -> None:
        if self._late is not None:
            self._late.cancel()
            self._late = None

    def _end_without_head(self) -> None:
        # A request that is being answered has its head; when it is answered, the wait begins anew.
        if self.cycle is None or self.cycle.response_complete:
            self.timeout_keep_alive_handler()


def limited(head_s: float) -> type[asyncio.Protocol]:
    """Return the protocol of connections whose heads must arrive within `head_s` seconds."""
    return type("HeadLimit", (_HeadLimit,), {"head_s": head_s})


class Progress:
    """A `receive` that raises UploadStalled when fewer than `stall_bytes` arrive in `stall_s` of waiting.

    Only the time that the server waits for the client counts. Behind the body's end nothing is limited: a request
    that waits for work hears of a lost connection this way.
    """

    def __init__(self, receive: Receive, settings: Settings) -> None:
        self._receive = receive
        self._within_s = settings.stall_s
        self._least = settings.stall_bytes
        self._left_s = self._within_s
        self._arrived = 0
        self._over = False

    async def __call__(self) -> Message:
        """Return the next message of the connection."""
        if self._over:
            return await self._receive()
        if self._left_s <= 0:
            raise self._stalled()
        began = monotonic()
        try:
            async with asyncio.timeout(self._left_s):
                message = await self._receive()
        except TimeoutError as late:
            self._left_s = 0
            raise self._stalled() from late
        self._note(message, monotonic() - began)
        return message

    def before_answer(self, send: Send, *, drain_bytes: int) -> Send:
        """Return a `send` for answers to a request whose body may not have been read to its end.

        A client that is still sending cannot read the answer, so up to `drain_bytes` of the rest are read and thrown
        away first; a connection whose body has not ended by then is closed behind the answer.
        """

        async def sending(message: Message) -> None:
            if message["type"] == "http.response.start" and not self._over:
                with suppress(UploadStalled):
                    await self._drain(drain_bytes)
                if not self._over:
                    message = {**message, "headers": [*message.get("headers", ()), (b"connection", b"close")]}
            await send(message)

        return sending

    async def _drain(self, most: int) -> None:
        drained = 0
        while not self._over and drained < most:
            drained += len((await self()).get("body", b""))

    def _note(self, message: Message, waited_s: float) -> None:
        self._over = not message.get("more_body", False)
        self._arrived += len(message.get("body", b""))
        self._left_s -= waited_s
        if self._arrived >= self._least:
            self._arrived, self._left_s = 0, self._within_s

    def _stalled(self) -> UploadStalled:
        return UploadStalled(
            f"fewer than {self._least} bytes of the body arrived within {self._within_s:g} s",
            next_step="Send it again over a steadier connection; what a trace upload had before this chunk is kept.",
        )
