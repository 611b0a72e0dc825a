"""Routes of campaigns and comparisons."""

from __future__ import annotations

from typing import Annotated

from fastapi import APIRouter, Query, Response
from pydantic import Field

from neurorig_protocols.api.campaigns import CampaignCreated, CampaignPage, CampaignRequest, CampaignView
from neurorig_protocols.api.comparisons import CampaignSummary, ComparisonPage, ComparisonRequest, ComparisonView
from neurorig_server.api import submission
from neurorig_server.http.auth import Reader, Submitter
from neurorig_server.http.parameters import Id, IdempotencyKey, WaitForBench
from neurorig_server.services import ServicesDep
from neurorig_server.store.campaigns import CampaignFilter
from neurorig_server.store.idempotency import Key
from neurorig_server.store.owned import OwnedFilter

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
    specs = submission.expand(campaign)
    once = Key.of(who, key, "campaign", campaign)
    created = services.store.campaigns.submit(campaign.name, specs, who, once=once, wait_for_bench=wait_for_bench)
    response.headers["Location"] = f"/api/v1/campaigns/{created.id}"
    return created


class CampaignQuery(CampaignFilter):
    """A page of campaigns."""

    limit: int = Field(default=50, ge=1, le=200, description="campaigns per page")
    cursor: str | None = Field(default=None, max_length=64, description="`next` of the page before")


@router.get("")
def list_campaigns(query: Annotated[CampaignQuery, Query()], services: ServicesDep, _who: Reader) -> CampaignPage:
    """List campaigns, newest first, each with its jobs counted by state."""
    return services.store.campaigns.list(query, limit=query.limit, cursor=query.cursor)


@router.get("/{campaign_id}")
def get_campaign(campaign_id: Id, services: ServicesDep, _who: Reader) -> CampaignView:
    """Show how far a campaign is."""
    return services.store.campaigns.get(campaign_id)


@router.get("/{campaign_id}/summary")
def get_campaign_summary(campaign_id: Id, services: ServicesDep, _who: Reader) -> CampaignSummary:
    """Show the benchmark's tables of a campaign as they stand now: means over seeds, time to solution."""
    return services.store.comparisons.summary(campaign_id)


comparison_router = APIRouter(prefix="/comparisons", tags=["comparisons"])


@comparison_router.post("", status_code=201)
def create_comparison(
    asked: ComparisonRequest, services: ServicesDep, who: Submitter, response: Response, key: IdempotencyKey = None
) -> ComparisonView:
    """Join two jobs or campaigns that solve the same problems. They may still be running."""
    view = services.store.comparisons.create(asked, who, key=key)
    response.headers["Location"] = f"/api/v1/comparisons/{view.id}"
    return view


class ComparisonQuery(OwnedFilter):
    """A page of comparisons."""

    limit: int = Field(default=50, ge=1, le=200, description="comparisons per page")
    cursor: str | None = Field(default=None, max_length=64, description="`next` of the page before")


@comparison_router.get("")
def list_comparisons(query: Annotated[ComparisonQuery, Query()], services: ServicesDep, _who: Reader) -> ComparisonPage:
    """List comparisons without their numbers, newest first."""
    return services.store.comparisons.list(query, limit=query.limit, cursor=query.cursor)


@comparison_router.get("/{comparison_id}")
def get_comparison(comparison_id: Id, services: ServicesDep, _who: Reader) -> ComparisonView:
    """Show both sides pair by pair; every ratio is a number, a bound, or the reason why there is none."""
    return services.store.comparisons.get(comparison_id)
