"""Why the jobs of a page wait, and at which place, without asking the store for each of them."""

from __future__ import annotations

from collections.abc import Sequence

from neurorig_protocols.api.jobs import JobView
from neurorig_protocols.job import JobState
from neurorig_server.store import requirements
from neurorig_server.store.jobs import Jobs


def explained(store: Jobs, page: Sequence[JobView], *, whole: bool) -> list[JobView]:
    """Add reasons to the waiting jobs of a page, newest first; places too when `whole`.

    Jobs that ask the same of a bench wait for the same reason. On a page that leaves no queued job out, places within
    one priority follow each other, so the store, which counts every job ahead, is asked for the first one alone.
    """
    reasons: dict[str, str | None] = {}
    places: dict[int, int] = {}
    found: dict[str, JobView] = {}
    for job in reversed([job for job in page if job.state == JobState.QUEUED]):
        asked = requirements.digest(job.spec)
        if asked not in reasons or (whole and job.priority not in places):
            seen = store.get(job.id)
            reasons[asked] = seen.reason
            if seen.position is None:
                # It left the queue a moment ago.
                found[job.id] = seen
                continue
            places.setdefault(job.priority, seen.position - 1)
        places[job.priority] = places.get(job.priority, 0) + 1
        position = places[job.priority] if whole else None
        found[job.id] = job.model_copy(update={"position": position, "reason": reasons[asked]})
    return [found.get(job.id, job) for job in page]
