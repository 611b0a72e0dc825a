"""Waiting for jobs and campaigns: what is still open, what changed, how long to pause. No I/O of its own."""

from __future__ import annotations

from collections.abc import Iterable

from neurorig.connection import Outage
from neurorig.errors import Unreachable
from neurorig_protocols.api.jobs import JobView


class Waiting:
    """The jobs that are waited for. `patience_s` bounds one outage of the server, not the wait."""

    def __init__(self, job_ids: Iterable[str], *, poll_s: float, patience_s: float) -> None:
        self._jobs: dict[str, JobView | None] = dict.fromkeys(job_ids)
        self._poll_s = poll_s
        self._outage = Outage(patience_s)

    @property
    def open(self) -> list[str]:
        """Jobs that have not ended, in the order they were given."""
        return [job_id for job_id, view in self._jobs.items() if view is None or not view.ended]

    def take(self, view: JobView) -> bool:
        """Note a job's present view; say whether anything of it changed."""
        self._outage.end()
        changed = self._jobs[view.id] != view
        self._jobs[view.id] = view
        return changed

    def pause_s(self) -> float:
        """Seconds until the next look, while the server answers."""
        return self._poll_s

    def outage(self, error: Unreachable, now_s: float) -> float:
        """Seconds until the next try, doubling up to 5 s; the error itself once the patience is over."""
        return self._outage.pause_s(error, now_s)

    def result(self) -> list[JobView]:
        """Return every job's last view, in the order they were given."""
        return [view for view in self._jobs.values() if view is not None]
