"""neurorig's client: `Client` and `AsyncClient` in Python, the `neurorig` command on a terminal.

Everything here talks to a server by HTTP. Not for measuring: that is the agent's work, on the bench.

    from neurorig import Client

    with Client("http://127.0.0.1:8321") as client:
        job = client.submit({"workload": {"name": "mnist-digits", "count": 200}})
        [done] = client.wait([job.id])
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from neurorig.aio import AsyncClient
    from neurorig.client import Client
    from neurorig.errors import ApiError, ClientError, Unreachable

__all__ = ["ApiError", "AsyncClient", "Client", "ClientError", "Unreachable"]

_HOMES = {
    "ApiError": "neurorig.errors",
    "AsyncClient": "neurorig.aio",
    "Client": "neurorig.client",
    "ClientError": "neurorig.errors",
    "Unreachable": "neurorig.errors",
}


def __getattr__(name: str) -> object:
    # Loaded on first use: `neurorig agent run` must not pay for an HTTP client and its records.
    if name not in _HOMES:
        raise AttributeError(f"module 'neurorig' has no attribute '{name}'")
    return getattr(import_module(_HOMES[name]), name)


def __dir__() -> list[str]:
    # Completion in a notebook finds names by dir(), which does not see what is loaded on first use.
    return sorted({*globals(), *__all__})
