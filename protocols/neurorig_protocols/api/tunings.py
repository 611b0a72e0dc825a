"""What a server answers about tuning declarations."""

from __future__ import annotations

from pydantic import AwareDatetime, Field

from neurorig_protocols.benchmarks.tuning import TuningDeclaration
from neurorig_protocols.records import Digest, Record


class TuningView(Record):
    """A frozen declaration: its identity, who declared it first and when."""

    digest: Digest
    declaration: TuningDeclaration
    owner: str = Field(description="name of the token that declared it first")
    created_at: AwareDatetime
    rounds: int = Field(description="evaluation rounds that drew seeds for it")


class TuningPage(Record):
    """A page of declarations, newest first; `next` is the cursor of the page after it."""

    items: tuple[TuningView, ...]
    next: str | None
