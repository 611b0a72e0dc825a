"""Failures of pages as pages: what a person can read, with the status that a program can."""

from __future__ import annotations

import re
from collections.abc import Callable, Coroutine
from http import HTTPStatus
from typing import Any
from urllib.parse import urlsplit

from fastapi import FastAPI, Request, Response
from fastapi.exceptions import RequestValidationError
from fastapi.responses import HTMLResponse
from fastapi.routing import APIRoute
from starlette.exceptions import HTTPException

from neurorig_protocols.refusals import Refused, Unauthorised
from neurorig_server.http import problems
from neurorig_server.http.auth import COOKIE
from neurorig_server.http.problems import status_of
from neurorig_server.store.database import utc_now
from neurorig_server.web.templating import page

TITLES = {401: "Sign in first", 403: "Not allowed", 404: "Not found", 422: "That address has a mistake"}

UNROUTED = {
    404: "There is no page at {path}.",
    405: "The page at {path} cannot be used that way: {method} is not possible there.",
}
"""What the framework refuses outside of any route, for people."""


def install(app: FastAPI) -> None:
    """Answer people with a page where there is no route; programs get the problem that they got before."""
    app.add_exception_handler(HTTPException, _unrouted)


async def _unrouted(request: Request, error: Exception) -> Response:
    if not isinstance(error, HTTPException) or error.status_code not in UNROUTED or not _wants_page(request):
        return await problems.refused_by_framework(request, error)
    detail = UNROUTED[error.status_code].format(path=request.url.path, method=request.method)
    found = error_page(error.status_code, problems.CODES[error.status_code], detail)
    found.headers.update(error.headers or {})
    return found


def _wants_page(request: Request) -> bool:
    """Say whether a person asks: HTML is accepted, and at least as gladly as JSON, outside of the API."""
    if f"{request.url.path}/".startswith("/api/"):
        return False
    accepted = _accepted(request.headers.get("accept", ""))
    html = accepted.get("text/html", 0.0)
    return html > 0 and html >= accepted.get("application/json", 0.0)


def _accepted(header: str) -> dict[str, float]:
    """Return the media types of an Accept header with their weights; a weight that is none counts as 0."""
    found: dict[str, float] = {}
    for item in header.lower().split(","):
        name, *parameters = (part.strip() for part in item.split(";"))
        weights = [value.strip() for key, _, value in (p.partition("=") for p in parameters) if key.strip() == "q"]
        found[name] = _weight(weights[0]) if weights else 1.0
    return found


def _weight(text: str) -> float:
    return float(text) if re.fullmatch(r"[01](\.\d{0,3})?", text) else 0.0


class PageRoute(APIRoute):
    """A route whose refusals are pages; a missing token is answered with the sign-in form."""

    def get_route_handler(self) -> Callable[[Request], Coroutine[Any, Any, Response]]:
        """Return the handler that FastAPI made, with refusals turned into pages."""
        handler = super().get_route_handler()

        async def handle(request: Request) -> Response:
            try:
                return await handler(request)
            except Unauthorised as refusal:
                return _signed_out(request, refusal)
            except Refused as refusal:
                return error_page(status_of(type(refusal)), refusal.code, refusal.message, next_step=refusal.next_step)
            except RequestValidationError as error:
                wrong = ", ".join(sorted({str(e["loc"][-1]) for e in error.errors()}))
                return error_page(422, "invalid_request", f"This part of the address is not acceptable: {wrong}.")

        return handle


def error_page(status: int, code: str, detail: str, *, next_step: str | None = None) -> HTMLResponse:
    """Return a failure as a page."""
    title = TITLES.get(status, HTTPStatus(status).phrase)
    context = {"title": title, "detail": detail, "code": code, "status": status, "next_step": next_step}
    return page("error.html", context | {"now": utc_now()}, status=status)


def sign_in_page(problem: str | None, next_path: str, *, status: int = 200) -> HTMLResponse:
    """Return the sign-in form; afterwards the browser goes on to `next_path`."""
    context = {"page": "login", "problem": problem, "next_path": next_path, "now": utc_now()}
    return page("login.html", context, status=status)


def own_path(text: str) -> str:
    """Return a path of this server, "/" for whatever could lead elsewhere."""
    parts = urlsplit(text)
    foreign = parts.scheme or parts.netloc or not text.startswith("/") or text.startswith(("//", "/\\"))
    return "/" if foreign or any(c < " " or c == "\\" for c in text) else text


def _signed_out(request: Request, refusal: Unauthorised) -> Response:
    had_token = COOKIE in request.cookies
    problem = f"{refusal.message.capitalize()}." if had_token else "These pages need a token."
    here = request.url.path + (f"?{request.url.query}" if request.url.query else "")
    response = sign_in_page(problem, own_path(here), status=401)
    if had_token:
        response.delete_cookie(COOKIE)
    return response
