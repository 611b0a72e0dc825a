"""Runs the application under uvicorn until SIGTERM or SIGINT, then ends in order."""

from __future__ import annotations

import signal
import socket
from collections.abc import Callable

import uvicorn
from fastapi import FastAPI

from neurorig_server.http.slow_clients import limited
from neurorig_server.services import Services

GRACE_S = 15
"""How long requests may go on after the stop was asked for."""


class _Server(uvicorn.Server):
    """Says when it is ready, and sends waiting lease requests home when it is to stop."""

    def __init__(self, config: uvicorn.Config, services: Services, ready: Callable[[], None]) -> None:
        super().__init__(config)
        self._services = services
        self._ready = ready

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        """Start, then say so."""
        await super().startup(sockets)
        if self.started:
            self._ready()

    async def shutdown(self, sockets: list[socket.socket] | None = None) -> None:
        """Wake who waits for work, so that no connection is held open, then stop."""
        self._services.wake.stop()
        await super().shutdown(sockets)


def run(app: FastAPI, listener: socket.socket, *, ready: Callable[[], None]) -> None:
    """Serve on a listening socket until a signal; `ready` is called once requests are answered."""
    services: Services = app.state.services
    config = uvicorn.Config(
        app,
        http=limited(services.settings.stall_s),
        log_config=None,
        access_log=False,
        timeout_graceful_shutdown=GRACE_S,
        lifespan="on",
    )
    for number in (signal.SIGTERM, signal.SIGINT):
        # The framework raises the signal once more when all is closed; by then there is nothing left to end.
        signal.signal(number, _pass)
    _Server(config, services, ready).run(sockets=[listener])


def _pass(_number: int, _frame: object) -> None:
    return
