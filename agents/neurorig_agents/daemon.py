"""The agent's loop: keep the board ready, register the bench, bring finished work home, lease, execute, again.

Runs in the main thread: signals arrive there, and driver processes die with the thread that started them.
"""

from __future__ import annotations

import logging
import os
from collections.abc import Callable
from typing import Any

from neurorig_agents.attempt_control import Control, Heartbeat, Stop, Stopped
from neurorig_agents.bench_in_operation import LiveBench
from neurorig_agents.delivery import deliver, deliver_all
from neurorig_agents.executor import execute
from neurorig_agents.inputs import Inputs
from neurorig_agents.server_client import ServerClient, ServerRefused, backoff_s, new_lease_id
from neurorig_agents.spool import Spool
from neurorig_protocols.errors import LeaseLost, NeurorigError
from neurorig_protocols.job import BenchRecord
from neurorig_protocols.lease import Lease

_log = logging.getLogger(__name__)

POLL_S = 20.0
_OPERATORS_TURN = (401, 403)
_FORGOTTEN = 404


class Daemon:
    """One agent for one bench. `client` and `beats` are separate conversations: a slow upload delays no heartbeat."""

    def __init__(
        self,
        bench: LiveBench,
        client: ServerClient,
        beats: ServerClient,
        spool: Spool,
        stop: Stop,
        *,
        on_step: Callable[[str], None] = lambda _: None,
    ) -> None:
        self._bench = bench
        self._client = client
        self._beats = beats
        self._spool = spool
        self._stop = stop
        self._on_step = on_step
        self._inputs = Inputs(spool.root, client)
        self._registered: BenchRecord | None = None
        self._asked: str | None = None
        """Id of the lease that was asked for, until an answer has come and been acted on."""

    def run(self) -> None:
        """Serve until asked to stop; raises ServerRefused when only the operator can mend what the server refuses."""
        self._bench.monitors.open()
        setbacks = 0
        while not self._stop.is_set:
            try:
                self._round()
                setbacks = 0
            except Stopped:
                break
            except ServerRefused as refused:
                self._take(refused)
                setbacks = self._pause(setbacks, refused.message)
            except NeurorigError as error:
                setbacks = self._pause(setbacks, error.message)
            except OSError as error:
                setbacks = self._pause(setbacks, f"the spool cannot be used: {error.strerror}")
        self._hand_back()

    def _round(self) -> None:
        self._spool.check_room()
        # Without a board that answers no job is taken: it would only burn the job's attempts.
        self._bench.board.ensure_running()
        self._register()
        deliver_all(self._spool, self._client)
        lease = self._lease()
        if lease is not None:
            self._attempt(lease)

    def _lease(self) -> Lease | None:
        """Ask for work, again under the same id until an answer has come: an answer that is lost loses no lease."""
        try:
            with self._stop.interruptible():
                self._asked = self._asked or new_lease_id()
                lease = self._client.lease(self._bench.profile.name, POLL_S, self._asked)
        except LeaseLost as lost:
            _log.warning("the lease '%s' was not heard of in time: %s", self._asked, lost.message)
            lease = None
        if lease is not None and self._stop.is_set:
            return None
        self._asked = None
        return lease

    def _hand_back(self) -> None:
        """Give up the lease that was asked for last and may be on its way: its job shall not wait until it expires."""
        if self._asked is None:
            return
        try:
            # The other conversation was cut in the middle of a request.
            self._beats.hand_back(self._bench.profile.name, self._asked)
        except NeurorigError as error:
            _log.warning("a lease that may be on its way could not be handed back: %s", error.message)

    def _register(self) -> None:
        record = self._bench.record()
        if record != self._registered:
            self._client.put_bench(record)
            self._registered = record
            _log.info("bench '%s' is registered", record.profile.name)

    def _attempt(self, lease: Lease) -> None:
        _log.info("attempt %s of job %s begins", lease.attempt_id, lease.job_id)
        control = Control(self._stop, lease.job.plan.max_attempt_s)
        with Heartbeat(self._beats, lease, control, self._health):
            folder = self._spool.begin(lease)
            try:
                self._client.start(lease)
            except LeaseLost as lost:
                _log.warning("attempt %s was lost before it began: %s", lease.attempt_id, lost.message)
                self._spool.remove(folder)
                return
            except NeurorigError as error:
                # The server need not know yet: the report will say everything.
                _log.warning("the start could not be told: %s", error.message)
            report = execute(lease, self._bench, folder, control, self._on_step, inputs=self._inputs.fetch)
            control.phase = "deliver"
            folder.keep_report(report)
            self._on_step("deliver")
            _log.info("attempt %s ended: %s", lease.attempt_id, report.outcome)
            deliver(self._spool, folder, self._client)

    def _take(self, refused: ServerRefused) -> None:
        mismatch = refused.detail["problem"] == "protocol_mismatch"
        if refused.status in _OPERATORS_TURN or mismatch:
            raise refused
        if refused.status == _FORGOTTEN:
            # A new server knows nothing of this bench yet.
            self._registered = None

    def _pause(self, setbacks: int, why: str) -> int:
        _log.warning("%s", why)
        self._stop.wait(backoff_s(setbacks))
        return setbacks + 1

    def _health(self) -> dict[str, Any]:
        monitors = self._bench.monitors
        return {
            "load_1m": os.getloadavg()[0],
            "monitors_ready": len(monitors.ready),
            "monitors_failed": len(monitors.failures),
            "monitors_absent": len(monitors.absent),
        }
