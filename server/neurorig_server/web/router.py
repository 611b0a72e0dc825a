"""The routes of the pages. Reading only; what changes something is the API's."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated, Any, Literal
from urllib.parse import urlencode

from fastapi import APIRouter, Query, Request, Response
from pydantic import Field

from neurorig_protocols.api.jobs import JobView
from neurorig_protocols.bench import BenchProfile
from neurorig_protocols.job import TERMINAL_STATES, JobState
from neurorig_protocols.quantities import Reality
from neurorig_protocols.records import Record
from neurorig_server.http.auth import COOKIE, Reader
from neurorig_server.http.parameters import Id
from neurorig_server.services import Services, ServicesDep
from neurorig_server.store.evaluations import round_of_tag
from neurorig_server.store.jobs import JobFilter
from neurorig_server.store.metrics import counts
from neurorig_server.store.targets import TargetFilter
from neurorig_server.web import (
    api_pages,
    assets,
    attempt_page,
    campaign_page,
    comparison_page,
    evaluation_pages,
    list_pages,
    login,
    targets_page,
)
from neurorig_server.web.answer_rows import named_files
from neurorig_server.web.error_pages import PageRoute
from neurorig_server.web.job_waits import explained
from neurorig_server.web.templating import page

PAGE_JOBS = 30
REFRESH_S = 5

Refresh = Literal["off"]

router = APIRouter(route_class=PageRoute)
router.include_router(assets.router)
router.include_router(login.router)
router.include_router(api_pages.router)
router.include_router(list_pages.router)


class QueueQuery(JobFilter):
    """Which part of the queue to show."""

    cursor: str | None = Field(default=None, max_length=64)
    refresh: Refresh | None = None


@router.get("/")
def queue(request: Request, query: Annotated[QueueQuery, Query()], services: ServicesDep, _who: Reader) -> Response:
    """Show the queue, newest job first."""
    store = services.store
    found = store.jobs.list(query, limit=PAGE_JOBS, cursor=query.cursor)
    by_state = counts(store.db).jobs
    chosen = query.model_dump(mode="json", exclude_none=True, exclude={"cursor", "refresh"})
    waiting = explained(store.jobs, found.items, whole=set(chosen) <= {"state"})
    context = {
        "page": "queue",
        "jobs": waiting,
        "realities": _realities(services, waiting),
        "counts": [(str(state), by_state.get(str(state), 0)) for state in JobState],
        "total": sum(by_state.values()),
        "chosen": chosen.get("state"),
        "campaign": query.campaign,
        "round": round_of_tag(query.tag) if query.tag else None,
        "narrowed": ", ".join(f"{name} {value}" for name, value in chosen.items() if name != "state"),
        "older_url": f"/?{urlencode(chosen | {'cursor': found.next})}" if found.next else None,
        "newest_url": f"/?{urlencode(chosen)}" if query.cursor else None,
    }
    busy = any(number for state, number in by_state.items() if JobState(state) not in TERMINAL_STATES)
    return _page(request, services, "queue.html", context, live=busy and query.cursor is None, refresh=query.refresh)


@router.get("/jobs/{job_id}")
def job(job_id: Id, request: Request, services: ServicesDep, _who: Reader, refresh: Refresh | None = None) -> Response:
    """Show one job."""
    view = services.store.jobs.get(job_id)
    ended = view.state in TERMINAL_STATES
    context = {
        "job": view,
        "ended": ended,
        "history": services.store.jobs.history(job_id),
        "realities": _realities(services, [view]),
        "spec_json": view.spec.model_dump_json(indent=2),
        "files": named_files(view.spec, services.store.files),
    }
    return _page(request, services, "job.html", context, live=not ended, refresh=refresh)


@router.get("/benches")
def benches(request: Request, services: ServicesDep, _who: Reader) -> Response:
    """Show the benches."""
    context = {
        "page": "benches",
        "benches": services.store.benches.list(),
        "wiring": wiring,
        "server_url": str(request.base_url).rstrip("/"),
    }
    return _page(request, services, "benches.html", context)


@router.get("/attempts/{attempt_id}")
def attempt(
    attempt_id: Id, request: Request, services: ServicesDep, _who: Reader, refresh: Refresh | None = None
) -> Response:
    """Show one attempt."""
    context = attempt_page.context(services.store, services.traces, attempt_id)
    return _page(request, services, "attempt.html", context, live=bool(context["open"]), refresh=refresh)


@router.get("/targets")
def targets(request: Request, query: Annotated[TargetFilter, Query()], services: ServicesDep, _who: Reader) -> Response:
    """Show official and best verified targets beside each other."""
    return _page(request, services, "targets.html", targets_page.context(services.store, query))


@router.get("/campaigns/{campaign_id}")
def campaign(
    campaign_id: Id, request: Request, services: ServicesDep, _who: Reader, refresh: Refresh | None = None
) -> Response:
    """Show a campaign's tables and charts."""
    context = campaign_page.context(services.store, campaign_id)
    return _page(request, services, "campaign.html", context, live=bool(context["live"]), refresh=refresh)


class RoundsQuery(Record):
    """Which part of the evaluation rounds to show."""

    cursor: str | None = Field(default=None, max_length=64)


@router.get("/evaluations")
def evaluations(
    request: Request, query: Annotated[RoundsQuery, Query()], services: ServicesDep, _who: Reader
) -> Response:
    """Show the evaluation rounds, newest first."""
    context = evaluation_pages.list_context(services.store, query.cursor)
    return _page(request, services, "evaluations.html", context)


@router.get("/evaluations/{round_id}")
def evaluation(
    round_id: Id, request: Request, services: ServicesDep, _who: Reader, refresh: Refresh | None = None
) -> Response:
    """Show an evaluation round."""
    context = evaluation_pages.context(services.store, round_id)
    return _page(request, services, "evaluation.html", context, live=bool(context["live"]), refresh=refresh)


@router.get("/comparisons/{comparison_id}")
def comparison(
    comparison_id: Id, request: Request, services: ServicesDep, _who: Reader, refresh: Refresh | None = None
) -> Response:
    """Show a comparison."""
    context = comparison_page.context(services.store, comparison_id)
    live = bool(context["result"].pending)
    return _page(request, services, "comparison.html", context, live=live, refresh=refresh)


def wiring(profile: BenchProfile) -> dict[str, str]:
    """Return which monitor channel samples each measured rail."""
    return {c.rail: f"{monitor.id}, channel {c.channel}" for monitor in profile.monitors for c in monitor.channels}


def _realities(services: Services, jobs: list[JobView]) -> dict[str, Reality]:
    names = {attempt.bench for job in jobs for attempt in job.attempts}
    return {name: services.store.benches.get(name).reality for name in sorted(names)}


def _page(
    request: Request,
    services: Services,
    template: str,
    context: dict[str, Any],
    *,
    live: bool = False,
    refresh: Refresh | None = None,
) -> Response:
    """Render a page; a live one refreshes by itself unless the reader stopped it."""
    now: datetime = services.store.db.now()
    url = request.url.include_query_params(refresh="off") if live and not refresh else None
    back = request.url.remove_query_params("refresh") if live and refresh else None
    common = {
        "now": now,
        "signed_in": COOKIE in request.cookies,
        "refresh_s": REFRESH_S if live and not refresh else None,
        "still_url": _local(url),
        "refresh_url": _local(back),
    }
    return page(template, common | context)


def _local(url: Any) -> str | None:
    return None if url is None else url.path + (f"?{url.query}" if url.query else "")
