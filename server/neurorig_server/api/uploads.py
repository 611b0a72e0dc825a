"""Routes of trace uploads: resumable, in chunks, checked by digest."""

from __future__ import annotations

from typing import Annotated

from fastapi import APIRouter, Header, Request, Response
from starlette.concurrency import run_in_threadpool

from neurorig_protocols.wire import FENCE_HEADER, UPLOAD_OFFSET_HEADER
from neurorig_server.api.params import HexDigest, Id
from neurorig_server.auth import Agent
from neurorig_server.services import ServicesDep

router = APIRouter(prefix="/attempts/{attempt_id}/traces/{digest}", tags=["traces"])

Offset = Annotated[int, Header(alias=UPLOAD_OFFSET_HEADER, ge=0, description="first byte of this chunk")]
Length = Annotated[int, Header(alias="Upload-Length", ge=1, description="bytes of the whole trace")]
Fence = Annotated[int, Header(alias=FENCE_HEADER, ge=1, le=2**31 - 1, description="fencing token of the lease")]

CHUNK = {"requestBody": {"required": True, "content": {"application/octet-stream": {"schema": {"type": "string"}}}}}


@router.head("")
def find_upload(attempt_id: Id, digest: HexDigest, services: ServicesDep, who: Agent) -> Response:
    """Say in Upload-Offset how many bytes of a trace are here."""
    offset = services.uploads.offset(attempt_id, digest, who)
    return Response(headers={UPLOAD_OFFSET_HEADER: str(offset), "Cache-Control": "no-store"})


@router.patch("", status_code=204, openapi_extra=CHUNK)
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
