"""Routes of agents: leases and trace uploads."""

from __future__ import annotations

import asyncio
from time import monotonic
from typing import Annotated

from fastapi import APIRouter, Header, Request, Response
from starlette.concurrency import run_in_threadpool

from neurorig_protocols.lease import (
    FENCE_HEADER,
    UPLOAD_OFFSET_HEADER,
    AttemptStart,
    Lease,
    LeaseRequest,
    LeaseReturn,
    Renewal,
    RenewalAnswer,
)
from neurorig_server.http.auth import Agent
from neurorig_server.http.parameters import HexDigest, Id
from neurorig_server.services import Services, ServicesDep
from neurorig_server.store.tokens import Principal

router = APIRouter(prefix="/leases", tags=["leases"])


@router.post("", response_model=Lease, responses={204: {"description": "No work for this bench now."}})
async def claim_lease(wanted: LeaseRequest, request: Request, services: ServicesDep, who: Agent) -> Lease | Response:
    """Ask for work and wait for it at most `wait_s` seconds."""
    lease = await _wait_for_work(wanted, request, services, who)
    return lease or Response(status_code=204)


async def _wait_for_work(wanted: LeaseRequest, request: Request, services: Services, who: Principal) -> Lease | None:
    ends = monotonic() + wanted.wait_s
    wake = services.wake
    with wake.ticket(wanted.bench) as event:
        while True:
            event.clear()
            if wake.stopping or await request.is_disconnected():
                return None
            lease = await run_in_threadpool(_claim, services, wanted, who)
            if lease is not None and await request.is_disconnected():
                # Nobody will hear of it: without this it would hold its job until it expires.
                await run_in_threadpool(_take_back, services, lease, wanted.bench, who)
                return None
            left_s = ends - monotonic()
            if lease is not None or left_s <= 0:
                return lease
            await _sleep(event, min(left_s, wake.sleep_s))


def _claim(services: Services, wanted: LeaseRequest, who: Principal) -> Lease | None:
    who.require_bench(wanted.bench)
    services.store.benches.touch(wanted.bench)
    return services.store.leases.claim(wanted.bench, who, lease_id=wanted.lease_id)


def _take_back(services: Services, lease: Lease, bench: str, who: Principal) -> None:
    services.store.returns.take_back(lease.lease_id, LeaseReturn(bench=bench, fence=lease.fence), who)


async def _sleep(event: asyncio.Event, seconds: float) -> None:
    try:
        async with asyncio.timeout(seconds):
            await event.wait()
    except TimeoutError:
        return


@router.post("/{lease_id}/start", status_code=204)
def start_attempt(lease_id: Id, start: AttemptStart, services: ServicesDep, who: Agent) -> None:
    """Say that the attempt begins: the job is running from now on."""
    services.store.leases.start(lease_id, start.fence, who)


@router.post("/{lease_id}/return", status_code=204)
def return_lease(lease_id: Id, back: LeaseReturn, services: ServicesDep, who: Agent) -> None:
    """Hand back a lease whose attempt has not begun: its job is queued again at once and loses no attempt.

    Twice is once; a claim under this id that is still on its way gives nothing any more.
    """
    services.store.returns.take_back(lease_id, back, who)


@router.post("/{lease_id}/renew")
def renew_lease(lease_id: Id, renewal: Renewal, services: ServicesDep, who: Agent) -> RenewalAnswer:
    """Prolong a lease; the answer may ask to cancel."""
    return services.store.leases.renew(lease_id, renewal, who)


upload_router = APIRouter(prefix="/attempts/{attempt_id}/traces/{digest}", tags=["traces"])

Offset = Annotated[int, Header(alias=UPLOAD_OFFSET_HEADER, ge=0, description="first byte of this chunk")]
Length = Annotated[int, Header(alias="Upload-Length", ge=1, description="bytes of the whole trace")]
Fence = Annotated[int, Header(alias=FENCE_HEADER, ge=1, le=2**31 - 1, description="fencing token of the lease")]

CHUNK = {"requestBody": {"required": True, "content": {"application/octet-stream": {"schema": {"type": "string"}}}}}


@upload_router.head("")
def find_upload(attempt_id: Id, digest: HexDigest, services: ServicesDep, who: Agent) -> Response:
    """Say in Upload-Offset how many bytes of a trace are here."""
    offset = services.uploads.offset(attempt_id, digest, who)
    return Response(headers={UPLOAD_OFFSET_HEADER: str(offset), "Cache-Control": "no-store"})


@upload_router.patch("", status_code=204, openapi_extra=CHUNK)
async def upload_chunk(
    *,
    attempt_id: Id,
    digest: HexDigest,
    request: Request,
    services: ServicesDep,
    who: Agent,
    offset: Offset,
    length: Length,
    fence: Fence,
) -> Response:
    """Add a chunk at Upload-Offset; the last one is accepted when the whole has the digest of the path."""
    held = await run_in_threadpool(
        services.uploads.append,
        attempt_id,
        digest,
        who,
        fence=fence,
        offset=offset,
        size=length,
        chunk=await request.body(),
    )
    return Response(status_code=204, headers={UPLOAD_OFFSET_HEADER: str(held)})
