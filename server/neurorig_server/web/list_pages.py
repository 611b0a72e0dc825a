"""The pages that list campaigns and comparisons, so that one whose address was lost can be found again."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated, Any
from urllib.parse import urlencode

from fastapi import APIRouter, Query, Request, Response
from pydantic import Field, field_validator

from neurorig_protocols.api.comparisons import Side
from neurorig_server.http.auth import COOKIE, Reader
from neurorig_server.services import Services, ServicesDep
from neurorig_server.store.campaigns import CampaignFilter
from neurorig_server.store.owned import OwnedFilter
from neurorig_server.web.error_pages import PageRoute
from neurorig_server.web.templating import page

PAGE_ROWS = 30

router = APIRouter(route_class=PageRoute)


class CampaignsQuery(CampaignFilter):
    """Which part of the campaigns to show."""

    cursor: str | None = Field(default=None, max_length=64)

    @field_validator("name", "owner", "tag", mode="before")
    @classmethod
    def _left_empty(cls, value: object) -> object:
        # A form sends the fields that were left empty.
        return None if value == "" else value


class ComparisonsQuery(OwnedFilter):
    """Which part of the comparisons to show."""

    cursor: str | None = Field(default=None, max_length=64)

    @field_validator("name", "owner", mode="before")
    @classmethod
    def _left_empty(cls, value: object) -> object:
        return None if value == "" else value


@router.get("/campaigns")
def campaigns(
    request: Request, query: Annotated[CampaignsQuery, Query()], services: ServicesDep, _who: Reader
) -> Response:
    """Show the campaigns, newest first."""
    found = services.store.campaigns.list(query, limit=PAGE_ROWS, cursor=query.cursor)
    chosen = {"name": query.name, "owner": query.owner, "tag": query.tag}
    context = _context(request, services, "campaigns", chosen, found.next, first=query.cursor is None)
    return page("campaigns.html", context | {"campaigns": found.items})


@router.get("/comparisons")
def comparisons(
    request: Request, query: Annotated[ComparisonsQuery, Query()], services: ServicesDep, _who: Reader
) -> Response:
    """Show the comparisons, newest first."""
    found = services.store.comparisons.list(query, limit=PAGE_ROWS, cursor=query.cursor)
    chosen = {"name": query.name, "owner": query.owner}
    context = _context(request, services, "comparisons", chosen, found.next, first=query.cursor is None)
    return page("comparisons.html", context | {"comparisons": found.items, "side": side})


def side(found: Side) -> tuple[str, str]:
    """Return the address of a comparison's side and what it is called."""
    kind, some_id = ("job", found.job) if found.job else ("campaign", found.campaign)
    return f"/{kind}s/{some_id}", f"{kind} {some_id}"


def _context(
    request: Request,
    services: Services,
    name: str,
    chosen: Mapping[str, str | None],
    following: str | None,
    *,
    first: bool,
) -> dict[str, Any]:
    set_ones = {key: value for key, value in chosen.items() if value is not None}
    return {
        "page": name,
        "now": services.store.db.now(),
        "signed_in": COOKIE in request.cookies,
        "chosen": chosen,
        "narrowed": bool(set_ones),
        "older_url": f"/{name}?{urlencode(set_ones | {'cursor': following})}" if following else None,
        "newest_url": None if first else f"/{name}?{urlencode(set_ones)}",
    }
