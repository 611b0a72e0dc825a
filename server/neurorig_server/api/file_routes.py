"""Routes of uploaded files: problems, networks and their input, by digest."""

from __future__ import annotations

from typing import Annotated

from fastapi import APIRouter, Query, Request, Response
from fastapi.responses import StreamingResponse
from pydantic import Field

from neurorig_protocols.api.files import FilePage, FileView
from neurorig_protocols.forms import NO_CONTROL, OPTION
from neurorig_protocols.refusals import NotFound
from neurorig_protocols.workloads.contract import FileKind
from neurorig_server.http.auth import Reader, Submitter
from neurorig_server.http.parameters import FileDigest
from neurorig_server.services import ServicesDep
from neurorig_server.store.files import FileFilter
from neurorig_server.uploads.file_uploads import Label

router = APIRouter(prefix="/files", tags=["files"])

BINARY = "application/octet-stream"
CONTENT = {"requestBody": {"required": True, "content": {BINARY: {"schema": {"type": "string", "format": "binary"}}}}}

Kind = Annotated[FileKind, Query(description="what the file is")]
FileName = Annotated[str, Query(min_length=1, max_length=200, pattern=NO_CONTROL, description="what people call it")]
Option = Annotated[str | None, Query(min_length=1, max_length=32, pattern=OPTION)]


@router.post("", status_code=201, openapi_extra=CONTENT)
async def upload_file(
    *,
    request: Request,
    response: Response,
    services: ServicesDep,
    who: Submitter,
    kind: Kind,
    name: FileName,
    form: Annotated[
        Option, Query(alias="format", description="format of the file; without it, from its content")
    ] = None,
    sense: Annotated[Option, Query(description="min or max, where the format does not say")] = None,
    vartype: Annotated[Option, Query(description="binary or spin, where the format does not say")] = None,
    decimals: Annotated[Option, Query(description="round coefficients to so many decimals")] = None,
) -> FileView:
    """Keep a file under the digest of its content. A problem is read, checked and kept in one form of our own."""
    given = {"format": form, "sense": sense, "vartype": vartype, "decimals": decimals}
    options = {key: value for key, value in given.items() if value is not None}
    view = await services.intake.take(request.stream(), Label(kind, name, options), who)
    response.headers["Location"] = f"/api/v1/files/{view.digest}"
    return view


class FileQuery(FileFilter):
    """A page of files."""

    limit: int = Field(default=50, ge=1, le=200, description="files per page")
    cursor: str | None = Field(default=None, max_length=64, description="`next` of the page before")


@router.get("")
def list_files(query: Annotated[FileQuery, Query()], services: ServicesDep, _who: Reader) -> FilePage:
    """List files, newest first."""
    return services.store.files.list(query, limit=query.limit, cursor=query.cursor)


@router.get("/{digest}")
def get_file(digest: FileDigest, services: ServicesDep, _who: Reader) -> FileView:
    """Show one file's name, size and facts."""
    return services.store.files.get(digest.removeprefix("sha256:"))


@router.delete("/{digest}", status_code=204)
def delete_file(digest: FileDigest, services: ServicesDep, who: Submitter) -> None:
    """Delete a file that no job and no target names: the right of the token that uploaded it, and of administrators."""
    services.intake.delete(digest.removeprefix("sha256:"), who)


@router.get("/{digest}/content", response_class=Response, responses={200: {"content": {BINARY: {}}}})
def get_file_content(digest: FileDigest, services: ServicesDep, _who: Reader) -> Response:
    """Return a file's bytes as they are kept."""
    key = digest.removeprefix("sha256:")
    found = services.store.files.get(key)
    try:
        content = services.files.stream(key)
    except FileNotFoundError as error:
        raise NotFound("the file is no longer in the object store") from error
    headers = {
        "Content-Length": str(found.size),
        "Content-Disposition": f'attachment; filename="{key[:16]}.{found.kind}"',
    }
    return StreamingResponse(content, media_type=BINARY, headers=headers)
