"""What a server answers about campaigns."""

from __future__ import annotations

from pydantic import AwareDatetime

from neurorig_protocols.job import JobState
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
