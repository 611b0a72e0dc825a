"""Uploaded files as the client sees them; lenient as all of `views`."""

from __future__ import annotations

from typing import Any

from pydantic import AwareDatetime, Field

from neurorig.view_base import View


class FileView(View):
    """An uploaded file. `facts` differ by kind; those of a problem say n, couplings, density, scale and offset."""

    digest: str
    kind: str
    name: str
    size: int
    facts: dict[str, Any] = Field(default_factory=dict)
    uploaded_by: str = ""
    created_at: AwareDatetime


class FilePage(View):
    """A page of files; `next` is the cursor of the page after it."""

    items: tuple[FileView, ...]
    next: str | None = None
