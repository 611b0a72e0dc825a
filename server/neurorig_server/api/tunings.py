"""Routes of tuning declarations. There is none to change or delete one: it is frozen from the moment it is made."""

from __future__ import annotations

from fastapi import APIRouter, Response

from neurorig_protocols.benchmarks.tuning import TuningDeclaration
from neurorig_server.api.params import Cursor, IdempotencyKey, PageLimit, TuningDigest
from neurorig_server.auth import Reader, Submitter
from neurorig_server.services import ServicesDep
from neurorig_server.tuning_views import TuningPage, TuningView

router = APIRouter(prefix="/tunings", tags=["tunings"])


@router.post("", status_code=201, responses={200: {"description": "It was declared before.", "model": TuningView}})
def declare_tuning(
    declaration: TuningDeclaration,
    services: ServicesDep,
    who: Submitter,
    response: Response,
    key: IdempotencyKey = None,
) -> TuningView:
    """Freeze a tuning declaration. Its digest is its identity: the same one again is the first one, with 200."""
    view, is_new = services.store.tunings.declare(declaration, who, key=key)
    response.status_code = 201 if is_new else 200
    response.headers["Location"] = f"/api/v1/tunings/{view.digest}"
    return view


@router.get("")
def list_tunings(services: ServicesDep, _who: Reader, limit: PageLimit = 50, cursor: Cursor = None) -> TuningPage:
    """List tuning declarations, newest first."""
    return services.store.tunings.list(limit=limit, cursor=cursor)


@router.get("/{digest}")
def get_tuning(digest: TuningDigest, services: ServicesDep, _who: Reader) -> TuningView:
    """Show one tuning declaration."""
    return services.store.tunings.get(digest)
