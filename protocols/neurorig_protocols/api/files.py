"""What a server answers about uploaded files."""

from __future__ import annotations

from typing import Any

from pydantic import AwareDatetime, Field

from neurorig_protocols.records import Digest, Record
from neurorig_protocols.workloads.contract import FileKind


class FileView(Record):
    """An uploaded file. `facts` are what its check found; they differ by kind."""

    digest: Digest
    kind: FileKind
    name: str
    size: int = Field(description="bytes")
    facts: dict[str, Any]
    uploaded_by: str = Field(description="id of the token that uploaded it, which may delete it")
    created_at: AwareDatetime


class FilePage(Record):
    """A page of files, newest first; `next` is the cursor of the page after it."""

    items: tuple[FileView, ...]
    next: str | None
