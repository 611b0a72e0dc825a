"""What a server answers about jobs."""

from __future__ import annotations

from typing import Literal

from pydantic import AwareDatetime

from neurorig_protocols.benchmarks.evaluation import Standing
from neurorig_protocols.errors import ErrorRecord
from neurorig_protocols.job import TERMINAL_STATES, JobSpec, JobState
from neurorig_protocols.records import Record

AttemptState = Literal[
    "leased", "running", "succeeded", "failed", "measurement_invalid", "cancelled", "lost", "returned"
]
"""`returned`: handed back before it began; it is not one of the job's `max_attempts`."""
Quality = Literal["valid", "degraded", "invalid"]
"""valid: believe it. degraded: believe it, and read the codes. invalid: do not use it as a result."""


class AttemptSummary(Record):
    """One attempt as a line of its job."""

    id: str
    number: int
    bench: str
    state: AttemptState
    started_at: AwareDatetime | None
    ended_at: AwareDatetime | None
    quality: Quality | None


class JobView(Record):
    """A job, where it stands and what was tried. `position` (1 is next) and `reason` are given for one waiting job.

    `reason` also says when one that is being cancelled ends.
    """

    id: str
    state: JobState
    priority: int
    spec: JobSpec
    created_at: AwareDatetime
    updated_at: AwareDatetime
    cancel_requested_at: AwareDatetime | None = None
    campaign_id: str | None = None
    position: int | None = None
    reason: str | None = None
    error: ErrorRecord | None = None
    attempts: tuple[AttemptSummary, ...] = ()
    standing: Standing | None = None

    @property
    def ended(self) -> bool:
        """Whether the job is in a state that it does not leave."""
        return self.state in TERMINAL_STATES

    @property
    def last_attempt(self) -> AttemptSummary | None:
        """The attempt with the highest number, None before the first."""
        return max(self.attempts, key=lambda attempt: attempt.number, default=None)


class JobPage(Record):
    """A page of jobs, newest first; `next` is the cursor of the page after it."""

    items: tuple[JobView, ...]
    next: str | None


class JobEventView(Record):
    """One line of a job's history: who moved it, where to and why."""

    at: AwareDatetime
    event: str
    state: JobState
    who: str
    why: str
