"""What may end an attempt before its time, and where the attempt stands. Asked between windows, never inside one."""

from __future__ import annotations

import time

from neurorig_agents.stop import Stop
from neurorig_protocols.errors import ErrorRecord, JobError, LeaseLost
from neurorig_protocols.report import Outcome

AGENT_STOPPED = ErrorRecord(
    code="agent_stopped",
    fault="infra",
    retryable=True,
    message="the agent was stopped during the attempt",
    where="agent",
    next_step="Nothing is to be done: another attempt is made.",
)


class Ended(Exception):
    """An attempt ends here, between two windows."""

    def __init__(self, outcome: Outcome, record: ErrorRecord | None) -> None:
        super().__init__(outcome)
        self.outcome = outcome
        self.record = record


class Control:
    """Shared by the executor, which asks, and the heartbeat, which is told. Single flags need no lock."""

    def __init__(self, stop: Stop, limit_s: float) -> None:
        self._stop = stop
        self._limit_s = limit_s
        self._deadline = time.monotonic() + limit_s
        self._cancelled = False
        self._lost: LeaseLost | None = None
        self.phase = "leased"
        """The step that the attempt is in, for the heartbeat."""

    def cancel(self) -> None:
        """The owner wants the job ended."""
        self._cancelled = True

    def lose(self, lost: LeaseLost) -> None:
        """The lease belongs to someone else now."""
        self._lost = lost

    @property
    def remaining_s(self) -> float:
        """Seconds of the host clock that the attempt may still take; never negative."""
        return max(self._deadline - time.monotonic(), 0.0)

    def check(self, needed_s: float = 0.0) -> None:
        """Raise Ended when the attempt shall not go on, or when `needed_s` seconds are not left for it."""
        if self._lost is not None:
            raise Ended("failed", self._lost.record())
        if self._cancelled:
            raise Ended("cancelled", None)
        if self._stop.is_set:
            raise Ended("failed", AGENT_STOPPED)
        if self.remaining_s <= needed_s:
            raise Ended("failed", self._too_long().record())

    def _too_long(self) -> JobError:
        return JobError(
            f"the attempt does not fit into max_attempt_s = {self._limit_s:g}",
            where="plan.max_attempt_s",
            next_step="Ask for fewer trials or images, shorter timeouts, or a longer max_attempt_s.",
        )
