"""Where the server is and how a client presents itself; the same for both clients and for the command."""

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
        raise ClientError(f"'{server}' is no server address", next_step=f"write it like {DEFAULT_SERVER}")
    return server.rstrip("/")
