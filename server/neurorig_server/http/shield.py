"""The outermost middleware: an unforeseen failure becomes a 500 that hides internals and can be found in the log."""

from __future__ import annotations

import logging

from starlette.types import ASGIApp, Message, Receive, Scope, Send

from neurorig_server.http.problems import answer, problem
from neurorig_server.ids import new_id

log = logging.getLogger(__name__)


class Shield:
    """Answers 500 with a correlation id, which the log line of the exception carries too."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass a request on and answer for what it raises."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        started = False

        async def watched(message: Message) -> None:
            nonlocal started
            started = started or message["type"] == "http.response.start"
            await send(message)

        try:
            await self._app(scope, receive, watched)
        except Exception:
            correlation_id = new_id()
            log.exception("request failed, correlation id %s: %s %s", correlation_id, scope["method"], scope["path"])
            if started:
                raise
            found = problem(
                500,
                "internal_error",
                "the server failed to handle the request",
                next_step="Give the correlation id to the server's operator, who finds it in the log.",
                correlation_id=correlation_id,
            )
            await answer(found)(scope, receive, send)
