"""All routers of /api/v1 as one, with the problems that every route may answer."""

from __future__ import annotations

from typing import Any

from fastapi import APIRouter, Depends

from neurorig_server.api import (
    attempts,
    benches,
    campaigns,
    comparisons,
    energy,
    evaluations,
    files,
    jobs,
    leases,
    protocol,
    targets,
    tokens,
    tunings,
    uploads,
)
from neurorig_server.problems import MEDIA_TYPE, Problem

PREFIX = "/api/v1"

MEANINGS = {
    400: "The body is not JSON.",
    401: "No token, or one that is unknown, expired or revoked.",
    403: "The token may not do this.",
    404: "No such thing.",
    408: "The body stopped arriving.",
    409: "It cannot be done now; `code` says why.",
    413: "The body is too large.",
    415: "The body has another type.",
    422: "The request is not acceptable; `errors` names every violated field.",
    500: "The server failed; the correlation id stands in its log.",
}
RESPONSES: dict[int | str, dict[str, Any]] = {
    status: {"description": meaning, "model": Problem, "content": {MEDIA_TYPE: {}}}
    for status, meaning in MEANINGS.items()
}

api = APIRouter(prefix=PREFIX, responses=RESPONSES, dependencies=[Depends(protocol.require_known_version)])
MODULES = (
    jobs, campaigns, comparisons, tunings, evaluations, benches, leases, attempts, uploads,
    files, targets, energy, tokens,
)  # fmt: skip
for module in MODULES:
    api.include_router(module.router)
