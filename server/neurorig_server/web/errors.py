"""Failures of pages as pages: what a person can read, with the status that a program can."""

from __future__ import annotations

from collections.abc import Callable, Coroutine
from http import HTTPStatus
from typing import Any
from urllib.parse import urlsplit

from fastapi import Request, Response
from fastapi.exceptions import RequestValidationError
from fastapi.responses import HTMLResponse
from fastapi.routing import APIRoute

from neurorig_server.auth import COOKIE
from neurorig_server.store.database import utc_now
from neurorig_server.store.errors import Refused, Unauthorised
from neurorig_server.web.templating import page

TITLES = {401: "Sign in first", 403: "Not allowed", 404: "Not found", 422: "That address has a mistake"}


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
                return error_page(refusal.status, refusal.code, refusal.message, next_step=refusal.next_step)
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
