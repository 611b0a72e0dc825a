"""Connections whose request heads must arrive in time. Not for bodies: that is `progress.py`."""

from __future__ import annotations

import asyncio

from uvicorn.protocols.http.h11_impl import H11Protocol


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
