"""All routers of /api/v1 as one, with the problems that every route may answer."""

from __future__ import annotations

from typing import Any

from fastapi import APIRouter, Depends

from neurorig_server.api import (
    attempt_routes,
    bench_routes,
    campaign_routes,
    evaluation_routes,
    file_routes,
    job_routes,
    lease_routes,
    parameters,
    target_routes,
    token_routes,
)
from neurorig_server.http.problems import MEDIA_TYPE, Problem

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

api = APIRouter(prefix=PREFIX, responses=RESPONSES, dependencies=[Depends(parameters.require_known_version)])
ROUTERS = (
    job_routes.router,
    campaign_routes.router,
    campaign_routes.comparison_router,
    evaluation_routes.tuning_router,
    evaluation_routes.router,
    bench_routes.router,
    lease_routes.router,
    attempt_routes.router,
    lease_routes.upload_router,
    file_routes.router,
    target_routes.router,
    attempt_routes.energy_router,
    token_routes.router,
)
for router in ROUTERS:
    api.include_router(router)
