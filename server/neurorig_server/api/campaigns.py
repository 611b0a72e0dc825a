"""Routes of campaigns."""

from __future__ import annotations

from fastapi import APIRouter, Response

from neurorig_server import grid
from neurorig_server.api.params import Id, IdempotencyKey, WaitForBench
from neurorig_server.auth import Reader, Submitter
from neurorig_server.comparison_views import CampaignSummary
from neurorig_server.grid import CampaignRequest
from neurorig_server.services import ServicesDep
from neurorig_server.store.idempotency import Key
from neurorig_server.views import CampaignCreated, CampaignView

router = APIRouter(prefix="/campaigns", tags=["campaigns"])


@router.post("", status_code=201)
def submit_campaign(
    *,
    campaign: CampaignRequest,
    services: ServicesDep,
    who: Submitter,
    response: Response,
    key: IdempotencyKey = None,
    wait_for_bench: WaitForBench = False,
) -> CampaignCreated:
    """Queue every combination of a grid, or none of them."""
    specs = grid.expand(campaign)
    once = Key.of(who, key, "campaign", campaign)
    created = services.store.campaigns.submit(campaign.name, specs, who, once=once, wait_for_bench=wait_for_bench)
    response.headers["Location"] = f"/api/v1/campaigns/{created.id}"
    return created


@router.get("/{campaign_id}")
def get_campaign(campaign_id: Id, services: ServicesDep, _who: Reader) -> CampaignView:
    """Show how far a campaign is."""
    return services.store.campaigns.get(campaign_id)


@router.get("/{campaign_id}/summary")
def get_campaign_summary(campaign_id: Id, services: ServicesDep, _who: Reader) -> CampaignSummary:
    """Show the benchmark's tables of a campaign as they stand now: means over seeds, time to solution."""
    return services.store.comparisons.summary(campaign_id)
