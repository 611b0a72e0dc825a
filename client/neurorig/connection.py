"""Where the server is, how a client presents itself, and how long a client bears a server that does not answer."""

from __future__ import annotations

import os
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlsplit

import httpx

from neurorig.errors import ClientError, Unreachable

DEFAULT_SERVER = "http://127.0.0.1:8321"

RETRY_S = 30.0
"""How long a request that has a key is sent again while no answer comes."""

_NEVER_SENT = (httpx.ConnectError, httpx.ConnectTimeout, httpx.PoolTimeout, httpx.UnsupportedProtocol)

_LOOPBACK = ("127.0.0.1", "localhost", "::1")


@dataclass(frozen=True)
class Connection:
    """A server's address and a token. Without arguments: NEURORIG_SERVER and NEURORIG_TOKEN."""

    server: str
    token: str | None
    timeout_s: float

    @classmethod
    def of(cls, server: str | None, token: str | None, timeout_s: float) -> Connection:
        """Fill in from the environment what was not given; ClientError when the address is none."""
        return cls(
            server=_checked(server or os.environ.get("NEURORIG_SERVER") or DEFAULT_SERVER),
            token=token or os.environ.get("NEURORIG_TOKEN") or None,
            timeout_s=timeout_s,
        )

    def client_arguments(self) -> dict[str, Any]:
        """Return the arguments of an httpx client."""
        # A proxy of the environment must not stand between this computer and itself.
        local = urlsplit(self.server).hostname in _LOOPBACK
        headers = {"Authorization": f"Bearer {self.token}"} if self.token else {}
        return {
            "base_url": self.server,
            "headers": {**headers, "Accept": "application/json"},
            "timeout": self.timeout_s,
            "trust_env": not local,
            "follow_redirects": False,
        }

    def lost(self, error: httpx.TransportError) -> Unreachable:
        """Say that no answer came."""
        return Unreachable(
            f"no answer from {self.server}: {error or type(error).__name__}",
            next_step="start one with `neurorig serve`, or set NEURORIG_SERVER to its address",
            was_sent=not isinstance(error, _NEVER_SENT),
        )


def _checked(server: str) -> str:
    try:
        parts = urlsplit(server)
        sound = parts.scheme in ("http", "https") and bool(parts.hostname) and (parts.port or 1) > 0
    except ValueError:
        sound = False
    if not sound:
        raise ClientError(f"'{server}' is not a server address", next_step=f"write it like {DEFAULT_SERVER}")
    return server.rstrip("/")


FIRST_PAUSE_S = 0.2
LONGEST_PAUSE_S = 5.0

MAYBE_DONE = "it may have been done: once the server answers look for it, or repeat it with its idempotency key"
"""What to do when a request was sent and no answer came."""


class Outage:
    """One outage after the other; `patience_s` bounds each of them."""

    def __init__(self, patience_s: float) -> None:
        self._patience_s = patience_s
        self._pause_s = FIRST_PAUSE_S
        self._since_s: float | None = None

    def end(self) -> None:
        """Note that the server answers."""
        self._since_s, self._pause_s = None, FIRST_PAUSE_S

    def pause_s(self, error: Unreachable, now_s: float) -> float:
        """Seconds until the next try, doubling up to 5 s; the error itself once the patience is over."""
        if self._since_s is None:
            self._since_s = now_s
        if now_s - self._since_s >= self._patience_s:
            raise error
        pause_s = self._pause_s
        self._pause_s = min(2 * pause_s, LONGEST_PAUSE_S)
        return pause_s


class Resend:
    """Sends one request again whose answer was lost, if it is `repeatable`: the server knows it by its key."""

    def __init__(self, patience_s: float, *, repeatable: bool) -> None:
        self._outage = Outage(patience_s)
        self._repeatable = repeatable
        self._was_sent = False

    def pause_s(self, error: Unreachable, now_s: float) -> float:
        """Seconds until the request is sent again; the error itself where it must not be, or in vain."""
        # Where nobody listened from the start nothing was lost, and the caller hears of it at once.
        self._was_sent = self._was_sent or error.was_sent
        if not (self._repeatable and self._was_sent):
            raise error
        error.next_step = MAYBE_DONE
        return self._outage.pause_s(error, now_s)
