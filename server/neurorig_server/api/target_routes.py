"""Routes of targets: official and best verified beside each other, and proposals of better ones."""

from __future__ import annotations

from typing import Annotated

from fastapi import APIRouter, Path, Query, Response
from pydantic import Field
from starlette.concurrency import run_in_threadpool

from neurorig_protocols.api.targets import TargetDetail, TargetList
from neurorig_protocols.workloads.qubo.qubo_targets import KEY_PATTERN, Proposal
from neurorig_server.api import proposals
from neurorig_server.http.auth import Reader, Submitter
from neurorig_server.services import ServicesDep
from neurorig_server.store.targets import TargetFilter

router = APIRouter(prefix="/targets", tags=["targets"])

Key = Annotated[str, Path(pattern=KEY_PATTERN, max_length=96, description="a target's key, as lists give it")]


class TargetQuery(TargetFilter):
    """Which targets to list."""

    limit: int = Field(default=500, ge=1, le=1000, description="most targets")


@router.get("")
def list_targets(query: Annotated[TargetQuery, Query()], services: ServicesDep, _who: Reader) -> TargetList:
    """List problems with their official and their best verified target."""
    return services.store.targets.list(query, limit=query.limit)


@router.get("/{key}")
def get_target(key: Key, services: ServicesDep, _who: Reader) -> TargetDetail:
    """Show a target with its solution and who held the record before."""
    return services.store.targets.get(key)


@router.get("/{key}/solution", response_class=Response)
def get_target_solution(key: Key, services: ServicesDep, _who: Reader) -> Response:
    """Download the best verified solution as a file that `neurorig targets check` reads."""
    found = services.store.targets.get(key)
    headers = {"Content-Disposition": f'attachment; filename="{key}.json"'}
    return Response(proposals.solution_file(found), media_type="application/json", headers=headers)


@router.post("", status_code=201)
async def propose_target(proposal: Proposal, services: ServicesDep, who: Submitter, response: Response) -> TargetDetail:
    """Propose a solution. Its cost is recomputed; it is kept only if it is strictly better than the present best."""
    n, cost = await services.proposals.run(proposals.recomputed, proposal, services.store.files, services.files)
    response.headers["Location"] = f"/api/v1/targets/{proposal.problem.key}"
    return await run_in_threadpool(services.store.targets.propose, proposal, n=n, cost=cost, who=who)
