"""Routes of jobs."""

from __future__ import annotations

from typing import Annotated

from fastapi import APIRouter, Query, Response
from pydantic import Field

from neurorig_protocols.api.jobs import JobEventView, JobPage, JobView
from neurorig_protocols.job import JobSpec
from neurorig_server.http.auth import Reader, Submitter
from neurorig_server.http.parameters import Id, IdempotencyKey, WaitForBench
from neurorig_server.services import ServicesDep
from neurorig_server.store.jobs import JobFilter

router = APIRouter(prefix="/jobs", tags=["jobs"])


@router.post("", status_code=201)
def submit_job(
    *,
    spec: JobSpec,
    services: ServicesDep,
    who: Submitter,
    response: Response,
    key: IdempotencyKey = None,
    wait_for_bench: WaitForBench = False,
) -> JobView:
    """Queue a job. A job that no registered bench could ever run is refused, with what each bench lacks."""
    view = services.store.jobs.submit(spec, who, key=key, wait_for_bench=wait_for_bench)
    response.headers["Location"] = f"/api/v1/jobs/{view.id}"
    return view


class JobQuery(JobFilter):
    """A page of jobs."""

    limit: int = Field(default=50, ge=1, le=200, description="jobs per page")
    cursor: str | None = Field(default=None, max_length=64, description="`next` of the page before")


@router.get("")
def list_jobs(query: Annotated[JobQuery, Query()], services: ServicesDep, _who: Reader) -> JobPage:
    """List jobs, newest first."""
    return services.store.jobs.list(query, limit=query.limit, cursor=query.cursor)


@router.get("/{job_id}")
def get_job(job_id: Id, services: ServicesDep, _who: Reader) -> JobView:
    """Show one job; a waiting one with its position and why it waits."""
    return services.store.jobs.get(job_id)


@router.get("/{job_id}/history")
def get_job_history(job_id: Id, services: ServicesDep, _who: Reader) -> tuple[JobEventView, ...]:
    """Show what happened to a job, oldest first."""
    return services.store.jobs.history(job_id)


@router.post("/{job_id}/cancel", status_code=202)
def cancel_job(job_id: Id, services: ServicesDep, who: Reader) -> JobView:
    """Ask for a job's end, as its owner or with the scope operate.

    A waiting job ends at once. Of a running one the agent hears with its next renewal, within seconds. A board that can
    stop a run does so; any other finishes the window that is being measured, and no trial follows. `reason` says how
    long that takes at most. The job then is `cancelled`; only a result that was complete by then is kept.
    """
    return services.store.jobs.cancel(job_id, who)
