"""What a client asks and a server answers about comparisons and campaign summaries."""

from __future__ import annotations

from typing import Annotated, Self

from pydantic import AwareDatetime, Field, StringConstraints, model_validator

from neurorig_protocols.benchmarks.comparison import Comparison
from neurorig_protocols.benchmarks.summary import Summary
from neurorig_protocols.forms import ID, NO_ZERO
from neurorig_protocols.records import Record

SomeId = Annotated[str, StringConstraints(pattern=ID)]


class Side(Record):
    """One side of a comparison: a job or a campaign."""

    job: SomeId | None = None
    campaign: SomeId | None = None

    @model_validator(mode="after")
    def _is_one_thing(self) -> Self:
        if (self.job is None) == (self.campaign is None):
            raise ValueError("a side is either a job or a campaign")
        return self

    @property
    def text(self) -> str:
        """Kind and id, such as "campaign abc"."""
        return f"job {self.job}" if self.job else f"campaign {self.campaign}"


class ComparisonRequest(Record):
    """Two sides to be compared. The ratio is left over right."""

    name: str = Field(default="", max_length=200, pattern=NO_ZERO)
    left: Side
    right: Side


class ComparisonView(Record):
    """A comparison as it stands now: sides that still run are counted as pending."""

    id: str
    name: str
    created_at: AwareDatetime
    left: Side
    right: Side
    result: Comparison


class ComparisonEntry(Record):
    """A comparison as a line of the list: which sides belong together, without the numbers."""

    id: str
    name: str
    created_at: AwareDatetime
    owner: str = Field(description="name of the token that made it")
    left: Side
    right: Side


class ComparisonPage(Record):
    """A page of comparisons, newest first; `next` is the cursor of the page after it."""

    items: tuple[ComparisonEntry, ...]
    next: str | None


class CampaignSummary(Record):
    """A campaign's tables as they stand now."""

    id: str
    name: str
    created_at: AwareDatetime
    complete: float
    summary: Summary
