"""All routers of /api/v1 as one, with the problems that every route may answer."""

from __future__ import annotations

from typing import Any

from fastapi import APIRouter, Depends

from neurorig_protocols.api.problems import ProblemDetails
from neurorig_server.api import (
    attempt_routes,
    bench_routes,
    campaign_routes,
    evaluation_routes,
    file_routes,
    job_routes,
    lease_routes,
    target_routes,
    token_routes,
)
from neurorig_server.http import parameters
from neurorig_server.http.problems import MEANINGS, MEDIA_TYPE

PREFIX = "/api/v1"

RESPONSES: dict[int | str, dict[str, Any]] = {
    status: {"description": meaning, "model": ProblemDetails, "content": {MEDIA_TYPE: {}}}
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
