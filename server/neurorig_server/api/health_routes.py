"""Routes at the root for those who run the server: alive, ready, metrics. Open to anyone, without secrets."""

from __future__ import annotations

from fastapi import APIRouter, Response
from sqlalchemy.exc import SQLAlchemyError

from neurorig_protocols.api.health import Alive, Ready
from neurorig_protocols.api.problems import ProblemDetails
from neurorig_server.http.problems import MEDIA_TYPE, answer, problem
from neurorig_server.metrics import CONTENT_TYPE
from neurorig_server.services import ServicesDep
from neurorig_server.store import schema_revision

router = APIRouter(tags=["health"])


@router.get("/healthz")
def get_health() -> Alive:
    """Say that the process is alive."""
    return Alive()


@router.get(
    "/readyz",
    response_model=Ready,
    responses={503: {"description": "Not ready.", "model": ProblemDetails, "content": {MEDIA_TYPE: {}}}},
)
def get_readiness(services: ServicesDep) -> Ready | Response:
    """Say whether requests can be served."""
    try:
        revision = schema_revision.current(services.store.db)
    except SQLAlchemyError:
        return answer(problem(503, "database_unavailable", "the database does not answer"))
    if revision != schema_revision.head():
        return answer(
            problem(503, "schema_differs", f"the database has revision {revision}, not {schema_revision.head()}")
        )
    return Ready(revision=revision)


@router.get("/metrics", response_class=Response, responses={200: {"content": {CONTENT_TYPE: {}}}})
def get_metrics(services: ServicesDep) -> Response:
    """Show the metrics in Prometheus's text form."""
    return Response(services.metrics.page(), media_type=CONTENT_TYPE)
