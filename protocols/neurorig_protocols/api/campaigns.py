"""Records of requests and answers about campaigns."""

from __future__ import annotations

from pydantic import AwareDatetime, Field, JsonValue

from neurorig_protocols.job import JobSpec, JobState
from neurorig_protocols.records import Record


class CampaignCreated(Record):
    """A campaign and its jobs, in the order of the grid (the last axis runs fastest)."""

    id: str
    jobs: tuple[str, ...]
    count: int


class CampaignView(Record):
    """A campaign: jobs by state, and the share of them that has ended."""

    id: str
    name: str
    created_at: AwareDatetime
    count: int
    states: dict[JobState, int]
    complete: float
    owner: str = Field(default="", description="name of the token that submitted it")


class CampaignPage(Record):
    """A page of campaigns, newest first; `next` is the cursor of the page after it."""

    items: tuple[CampaignView, ...]
    next: str | None


class CampaignRequest(Record):
    """A grid of jobs: every combination of the values at the dotted paths, laid over the base."""

    name: str = Field(min_length=1, max_length=200)
    base: JobSpec
    grid: dict[str, list[JsonValue]] = Field(default_factory=dict, max_length=16)
