"""The static files of the pages, from this package and the plotly wheel, at addresses that change with them."""

from __future__ import annotations

import gzip
import hashlib
import re
from functools import cache
from importlib.resources import files

from fastapi import APIRouter, Request, Response

from neurorig_protocols.refusals import not_found

# Names and types of all there is: nothing a client says becomes a path.
TYPES = {
    "app.css": "text/css; charset=utf-8",
    "charts.js": "text/javascript; charset=utf-8",
    "icon.svg": "image/svg+xml",
    "plotly.min.js": "text/javascript; charset=utf-8",
}

FOR_EVER = "public, max-age=31536000, immutable"

router = APIRouter(include_in_schema=False)


@cache
def content(name: str) -> bytes:
    """Return the bytes of an asset; KeyError for any other name."""
    if name not in TYPES:
        raise KeyError(name)
    if name == "plotly.min.js":
        return files("plotly").joinpath("package_data", name).read_bytes()
    return files("neurorig_server.web").joinpath("static", name).read_bytes()


@cache
def _compressed(name: str) -> bytes:
    return gzip.compress(content(name), compresslevel=6, mtime=0)


@cache
def foreign_style_ids() -> tuple[str, ...]:
    """Return the ids under which plotly adds style sheets of a map library; whatever has the id keeps them out."""
    found = re.findall(rb'getElementById\("([0-9a-f]{64})"\)', content("plotly.min.js"))
    return tuple(sorted({name.decode() for name in found}))


@cache
def version(name: str) -> str:
    """Return what changes when the asset does."""
    return hashlib.sha256(content(name)).hexdigest()[:12]


def url(name: str) -> str:
    """Return the address of an asset, which may be cached for ever."""
    return f"/static/{version(name)}/{name}"


@router.get("/static/{of}/{name}")
def static(of: str, name: str, request: Request) -> Response:
    """Serve an asset; under the address of another version it is served too, but not to be kept."""
    if name not in TYPES:
        raise not_found("static file", name)
    headers = {
        "Cache-Control": FOR_EVER if of == version(name) else "no-cache",
        "Vary": "Accept-Encoding",
        "X-Content-Type-Options": "nosniff",
    }
    if "gzip" not in request.headers.get("accept-encoding", ""):
        return Response(content(name), media_type=TYPES[name], headers=headers)
    headers["Content-Encoding"] = "gzip"
    return Response(_compressed(name), media_type=TYPES[name], headers=headers)
