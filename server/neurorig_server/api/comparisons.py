"""Routes of comparisons."""

from __future__ import annotations

from fastapi import APIRouter, Response

from neurorig_server.api.params import Id, IdempotencyKey
from neurorig_server.auth import Reader, Submitter
from neurorig_server.comparison_views import ComparisonRequest, ComparisonView
from neurorig_server.services import ServicesDep

router = APIRouter(prefix="/comparisons", tags=["comparisons"])


@router.post("", status_code=201)
def create_comparison(
    asked: ComparisonRequest, services: ServicesDep, who: Submitter, response: Response, key: IdempotencyKey = None
) -> ComparisonView:
    """Join two jobs or campaigns that solve the same problems. They may still be running."""
    view = services.store.comparisons.create(asked, who, key=key)
    response.headers["Location"] = f"/api/v1/comparisons/{view.id}"
    return view


@router.get("/{comparison_id}")
def get_comparison(comparison_id: Id, services: ServicesDep, _who: Reader) -> ComparisonView:
    """Show both sides pair by pair; every ratio is a number, a bound, or the reason why there is none."""
    return services.store.comparisons.get(comparison_id)
