"""Routes of attempts and of energies over many attempts."""

from __future__ import annotations

import csv
import io
from typing import Annotated, Literal, get_args

from fastapi import APIRouter, Query, Response
from fastapi.responses import StreamingResponse
from pydantic import Field
from starlette.concurrency import run_in_threadpool

from neurorig_protocols import wording
from neurorig_protocols.api.attempts import Accepted, AttemptView, SolutionView, TraceInfo, TraceSeries
from neurorig_protocols.api.energy import EnergyAbsent, EnergyRows
from neurorig_protocols.api.problems import FieldProblem
from neurorig_protocols.energy import EnergyMatrix
from neurorig_protocols.records import Name
from neurorig_protocols.refusals import Invalid, NotFound
from neurorig_protocols.report import AttemptReport
from neurorig_server.http.auth import Agent, Reader
from neurorig_server.http.parameters import Id
from neurorig_server.objects import traces as downsample
from neurorig_server.services import Services, ServicesDep
from neurorig_server.store.energy import EnergyFilter, GroupKey

router = APIRouter(prefix="/attempts", tags=["attempts"])

PARQUET = "application/vnd.apache.parquet"
CSV = "text/csv"


@router.get("/{attempt_id}")
def get_attempt(attempt_id: Id, services: ServicesDep, _who: Reader) -> AttemptView:
    """Show one attempt: times, answer, quality, provenance."""
    return services.store.attempts.get(attempt_id)


@router.post("/{attempt_id}/report")
async def report_attempt(attempt_id: Id, report: AttemptReport, services: ServicesDep, who: Agent) -> Accepted:
    """Close an attempt. The same report twice is once; one that comes too late is kept as evidence and refused."""
    to_analyse = await run_in_threadpool(services.store.reports.accept, attempt_id, report, who)
    if to_analyse:
        await services.analyst.finish(attempt_id, wait_s=services.settings.analysis_wait_s)
    return Accepted(attempt=await run_in_threadpool(services.store.attempts.get, attempt_id))


@router.get(
    "/{attempt_id}/solution",
    response_model=SolutionView,
    responses={200: {"content": {CSV: {}}}},
)
def get_attempt_solution(
    attempt_id: Id,
    services: ServicesDep,
    _who: Reader,
    format: Annotated[Literal["json", "csv"], Query(description="csv: lines `name,value`")] = "json",  # noqa: A002
) -> SolutionView | Response:
    """Show the variables of a problem as the attempt set them, by the names of the uploaded file."""
    found = services.store.attempts.solution(attempt_id)
    if found is None:
        raise NotFound(f"attempt '{attempt_id}' has no solution of a problem")
    if format == "json":
        return found
    text = io.StringIO()
    csv.writer(text, lineterminator="\n").writerows([("name", "value"), *found.solution.items()])
    headers = {"Content-Disposition": f'attachment; filename="{attempt_id}-solution.csv"'}
    return Response(text.getvalue(), media_type=CSV, headers=headers)


@router.get("/{attempt_id}/energy")
def get_attempt_energy(attempt_id: Id, services: ServicesDep, _who: Reader) -> EnergyMatrix | EnergyAbsent:
    """Show energy by component and phase, or why there is none."""
    return services.store.attempts.energy(attempt_id)


@router.get(
    "/{attempt_id}/trace",
    response_model=tuple[TraceInfo, ...] | TraceSeries,
    responses={200: {"content": {PARQUET: {}}}},
)
def get_attempt_trace(
    *,
    attempt_id: Id,
    services: ServicesDep,
    _who: Reader,
    monitor: Annotated[Name | None, Query()] = None,
    points: Annotated[int, Query(ge=1, le=100_000, description="bins of a thinned trace")] = 2000,
    form: Annotated[Literal["json", "parquet"], Query(alias="format")] = "json",
) -> tuple[TraceInfo, ...] | TraceSeries | Response:
    """List the attempt's traces; with `monitor` one of them thinned, with `format=parquet` every sample of it."""
    traces = services.store.attempts.traces(attempt_id)
    if monitor is None and form == "json":
        return traces
    digest = _chosen(traces, monitor).digest.removeprefix("sha256:")
    try:
        if form == "parquet":
            return StreamingResponse(services.traces.stream(digest), media_type=PARQUET)
        return _series(services, attempt_id, digest, points)
    except FileNotFoundError as error:
        raise NotFound("the trace is no longer in the trace store") from error


def _chosen(traces: tuple[TraceInfo, ...], monitor: str | None) -> TraceInfo:
    if monitor is None and len(traces) == 1:
        return traces[0]
    for trace in traces:
        if trace.monitor == monitor:
            return trace
    if monitor is None and traces:
        message = "say which monitor: " + ", ".join(trace.monitor for trace in traces)
        raise Invalid(message, problems=[FieldProblem(field="query.monitor", message=message, code="missing")])
    raise NotFound(f"the attempt has no trace of monitor '{monitor}'" if monitor else "the attempt has no trace")


def _series(services: Services, attempt_id: str, digest: str, points: int) -> TraceSeries:
    matrix = services.store.attempts.energy(attempt_id)
    trace = services.traces.read(digest)
    windows = matrix.windows if isinstance(matrix, EnergyMatrix) else ()
    return downsample.series(trace, points, [w for w in windows if w.clock == trace.head.clock])


energy_router = APIRouter(prefix="/energy", tags=["energy"])

GROUP_KEYS: tuple[GroupKey, ...] = get_args(GroupKey)


class EnergyQuery(EnergyFilter):
    """An energy query."""

    group_by: str = Field(default="component,phase", description="comma-separated: " + ", ".join(GROUP_KEYS))


@energy_router.get("")
def query_energy(query: Annotated[EnergyQuery, Query()], services: ServicesDep, _who: Reader) -> EnergyRows:
    """Mean energy of one window, per group. Reality and measured rails are always part of the group."""
    return EnergyRows(rows=services.store.energies.means(query, _keys(query.group_by)))


def _keys(text: str) -> tuple[GroupKey, ...]:
    # Reality is in every group anyway, so asking for it is no mistake.
    asked = [part.strip() for part in text.split(",") if part.strip() not in ("", "reality")]
    unknown = [part for part in asked if part not in GROUP_KEYS]
    if unknown:
        message = wording.unknown("group", unknown[0], GROUP_KEYS)
        raise Invalid(message, problems=[FieldProblem(field="query.group_by", message=message, code="unknown_group")])
    return tuple(key for key in GROUP_KEYS if key in asked)
