"""The REST reference as pages: operations and records of the server's own OpenAPI document, readable offline."""

from __future__ import annotations

from collections.abc import Iterator
from functools import lru_cache
from typing import Any

from fastapi import APIRouter, FastAPI, Request, Response
from fastapi.responses import RedirectResponse

from neurorig_protocols.refusals import Refused
from neurorig_server.http.auth import COOKIE
from neurorig_server.http.problems import MEANINGS, status_of
from neurorig_server.services import ServicesDep
from neurorig_server.web import openapi_text
from neurorig_server.web.error_pages import PageRoute
from neurorig_server.web.templating import page

USUAL = ("/redoc", "/api", "/api/docs", "/api/redoc", "/api/v1", "/api/v1/docs", "/api/v1/redoc")
"""Where people look for a REST reference."""

router = APIRouter(route_class=PageRoute)


# Like the OpenAPI document itself, these pages hold nothing that is secret and ask for no token.
@router.get("/docs")
def docs(request: Request, services: ServicesDep) -> Response:
    """Show every operation by tag."""
    return page("docs.html", _common(request, services) | _operations(request.app))


@router.get("/docs/records")
def docs_records(request: Request, services: ServicesDep) -> Response:
    """Show every record that operations take and return."""
    return page("docs_records.html", _common(request, services) | {"records": _records(request.app)})


def _elsewhere() -> Response:
    return RedirectResponse("/docs", status_code=308)


for address in USUAL:
    router.add_api_route(address, _elsewhere, methods=["GET"])


def _common(request: Request, services: Any) -> dict[str, Any]:
    return {"page": "docs", "now": services.store.db.now(), "signed_in": COOKIE in request.cookies}


@lru_cache(maxsize=1)
def _operations(app: FastAPI) -> dict[str, Any]:
    statuses = [str(status) for status in MEANINGS]
    return {
        "tags": openapi_text.operations(app.openapi(), statuses),
        "statuses": MEANINGS.items(),
        "codes": sorted({(cls.code, status_of(cls), _first_line(cls)) for cls in _refusals(Refused)}),
    }


@lru_cache(maxsize=1)
def _records(app: FastAPI) -> list[openapi_text.RecordText]:
    return openapi_text.records(app.openapi())


def _refusals(cls: type[Refused]) -> Iterator[type[Refused]]:
    for sub in cls.__subclasses__():
        yield sub
        yield from _refusals(sub)


def _first_line(cls: type[Refused]) -> str:
    return (cls.__doc__ or "").partition("\n")[0]
