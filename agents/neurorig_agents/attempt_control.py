"""What may end an attempt before its time: signals, a cancelled job, a lost lease. Asked between windows."""

from __future__ import annotations

import contextlib
import logging
import os
import select
import signal
import threading
import time
from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from types import FrameType
from typing import Any, Self

from neurorig_agents.server_client import ServerClient
from neurorig_protocols.errors import DriverCrashed, ErrorRecord, JobError, LeaseLost, NeurorigError, RunStopped
from neurorig_protocols.lease import Lease, Renewal, RenewalAnswer
from neurorig_protocols.report import Outcome


class Stopped(BaseException):
    """Raised inside `interruptible` when the agent is asked to stop; no `except Exception` holds it up."""


class Stop:
    """Set once, by SIGTERM, SIGINT or a call; never unset."""

    def __init__(self) -> None:
        self._set = False
        self._interruptible = False
        self._read, self._write = os.pipe()
        os.set_blocking(self._write, False)

    @property
    def is_set(self) -> bool:
        """Whether the agent was asked to stop."""
        return self._set

    def set(self) -> None:
        """Ask to stop. Safe in a signal handler and in any thread."""
        self._set = True
        with contextlib.suppress(BlockingIOError):
            os.write(self._write, b"!")

    def wait(self, seconds: float) -> bool:
        """Wait until asked to stop, at most so long; return whether asked."""
        if not self._set:
            select.select([self._read], [], [], max(seconds, 0.0))
        return self._set

    @contextlib.contextmanager
    def interruptible(self) -> Iterator[None]:
        """Let a signal break off what happens inside by raising Stopped: for waiting, never for measuring."""
        self._interruptible = True
        try:
            if self._set:
                raise Stopped
            yield
        finally:
            self._interruptible = False

    @contextlib.contextmanager
    def on_signals(self) -> Iterator[None]:
        """Take SIGTERM and SIGINT as the wish to stop, in the main thread; a second SIGINT breaks off at once."""
        before = {number: signal.signal(number, self._handle) for number in (signal.SIGTERM, signal.SIGINT)}
        try:
            yield
        finally:
            for number, handler in before.items():
                signal.signal(number, handler)

    def close(self) -> None:
        """Let go of the pipe."""
        os.close(self._read)
        os.close(self._write)

    def _handle(self, number: int, _: FrameType | None) -> None:
        self.set()
        if number == signal.SIGINT:
            signal.signal(signal.SIGINT, signal.default_int_handler)
        if self._interruptible:
            self._interruptible = False
            raise Stopped


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
    """Shared by the executor, which asks, and the heartbeat, which is told. Single flags need no lock.

    A cancel must find a run either not begun or with its way to stop: those two are changed together, under a lock.
    """

    def __init__(self, stop: Stop, limit_s: float) -> None:
        self._stop = stop
        self._limit_s = limit_s
        self._deadline = time.monotonic() + limit_s
        self._cancelled = False
        self._lost: LeaseLost | None = None
        self._stop_run: Callable[[], None] | None = None
        self._runs = threading.Lock()
        self.phase = "leased"
        """The step that the attempt is in, for the heartbeat."""

    def cancel(self) -> None:
        """End the attempt for the job's owner: a run under way is stopped, as soon as its board allows it."""
        with self._runs:
            first, self._cancelled = not self._cancelled, True
            if first and self._stop_run is not None:
                self._stop_run()

    @contextlib.contextmanager
    def stoppable(self, stop_run: Callable[[], None]) -> Iterator[None]:
        """Let a cancel stop the run within the block; raises Ended when it came before, or cut the run."""
        with self._runs:
            if self._cancelled:
                raise Ended("cancelled", None)
            self._stop_run = stop_run
        try:
            yield
        except (DriverCrashed, RunStopped):
            # A process that died by itself is told as what it is.
            if self._cancelled:
                raise Ended("cancelled", None) from None
            raise
        finally:
            with self._runs:
                self._stop_run = None

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


_log = logging.getLogger(__name__)


class Heartbeat:
    """A thread that renews at a third of the lease's time, within the `with` block.

    A silent server changes nothing for the attempt: it is measured to its end and reported when the server is back.
    """

    def __init__(
        self, client: ServerClient, lease: Lease, control: Control, health: Callable[[], dict[str, Any]] = dict
    ) -> None:
        self._client = client
        self._lease = lease
        self._control = control
        self._health = health
        self._over = threading.Event()
        self._offset_s: float | None = None
        self._thread = threading.Thread(target=self._run, name=f"heartbeat of {lease.attempt_id}")

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._over.set()
        self._thread.join()

    def _run(self) -> None:
        while not self._over.wait(self._lease.ttl_s / 3):
            try:
                self._beat()
            except LeaseLost as lost:
                self._control.lose(lost)
                return
            except NeurorigError as error:
                _log.warning("the lease could not be renewed: %s", error.message)

    def _beat(self) -> None:
        renewal = Renewal(
            fence=self._lease.fence,
            phase=self._control.phase,
            clock_offset_s=self._offset_s,
            health=self._health(),
        )
        asked_at = datetime.now(UTC)
        answer = self._client.renew(self._lease.lease_id, renewal)
        self._offset_s = self._offset(answer, asked_at, datetime.now(UTC))
        if answer.cancel:
            self._control.cancel()

    def _offset(self, answer: RenewalAnswer, asked_at: datetime, answered_at: datetime) -> float:
        """Server's clock minus ours in seconds: a renewal extends the lease by its whole time, counted from now."""
        middle_at = asked_at + (answered_at - asked_at) / 2
        return (answer.expires_at - middle_at).total_seconds() - self._lease.ttl_s
