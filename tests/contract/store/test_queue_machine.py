"""The queue under arbitrary sequences of events: a model of what must hold, on SQLite."""

from __future__ import annotations

import shutil
import tempfile
from collections import defaultdict
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import (
    Bundle,
    RuleBasedStateMachine,
    consumes,
    initialize,
    invariant,
    multiple,
    rule,
    run_state_machine_as_test,
)
from sqlalchemy import Row, func, select
from store_kit import ADMIN, Clock, bench_record

from neurorig_protocols.errors import LeaseLost
from neurorig_protocols.job import TERMINAL_STATES, TRANSITIONS, JobEvent, JobSpec, JobState
from neurorig_protocols.lease import Lease, LeaseReturn, Renewal
from neurorig_protocols.refusals import AttemptBegan, IllegalTransition, StaleFence
from neurorig_protocols.report import AttemptReport
from neurorig_server.recompute.verdict import Verdict
from neurorig_server.settings import Settings
from neurorig_server.store import schema_revision
from neurorig_server.store.jobs import JobFilter
from neurorig_server.store.store import Store
from neurorig_server.store.tables import attempts, holds_bench, is_open, jobs

BENCHES = ("a", "b", "c")
SCENARIO = {"kind": "fixed-timeout", "timeout_s": 0.01}
CRASH = {"code": "driver_crashed", "fault": "infra", "retryable": True, "message": "died"}
WRONG = {"code": "wrong_answer", "fault": "job", "retryable": False, "message": "wrong"}
VERDICT = Verdict(state="succeeded", quality="valid", energy_absent="none")


class Queue(RuleBasedStateMachine):
    """Agents, owners and the sweeper act in any order; late agents act on leases that have ended."""

    leases = Bundle("leases")
    submitted = Bundle("submitted")

    template: Path

    def __init__(self) -> None:
        super().__init__()
        self.folder = tempfile.mkdtemp()
        path = Path(self.folder) / "queue.db"
        shutil.copy(self.template, path)
        self.clock = Clock()
        self.store = Store(Settings(database_url=f"sqlite:///{path}"), clock=self.clock)
        self.fences: dict[str, int] = defaultdict(int)

    @initialize()
    def register(self) -> None:
        """Three benches are there from the start."""
        for name in BENCHES:
            self.store.benches.register(bench_record(name), ADMIN)

    @rule(
        target=submitted,
        bench=st.sampled_from([None, *BENCHES]),
        priority=st.integers(0, 2),
        max_attempts=st.integers(1, 3),
    )
    def submit(self, bench: str | None, priority: int, max_attempts: int) -> str:
        """An owner submits a job."""
        workload = {"name": "qubo-mis", "n": 3, "density": 0.5, "seed": 0, "scenario": SCENARIO}
        body = {"workload": workload, "needs": {"bench": bench}, "priority": priority, "max_attempts": max_attempts}
        return self.store.jobs.submit(JobSpec.model_validate(body), ADMIN).id

    @rule(target=leases, bench=st.sampled_from(BENCHES))
    def claim(self, bench: str) -> Any:
        """An agent asks for work."""
        lease = self.store.leases.claim(bench, ADMIN)
        if lease is None:
            return multiple()
        assert lease.fence > self.fences[lease.job_id], "the fence did not rise"
        assert lease.job.needs.bench in (None, bench)
        self.fences[lease.job_id] = lease.fence
        return lease

    @rule(lease=leases)
    def start(self, lease: Lease) -> None:
        """An agent begins, perhaps too late."""
        self._held(lease, lambda: self.store.leases.start(lease.lease_id, lease.fence, ADMIN))

    @rule(lease=leases)
    def renew(self, lease: Lease) -> None:
        """An agent renews, perhaps too late."""
        self._held(lease, lambda: self.store.leases.renew(lease.lease_id, Renewal(fence=lease.fence), ADMIN))

    @rule(lease=leases)
    def hand_back(self, lease: Lease) -> None:
        """An agent hands a lease back, perhaps too late or twice."""
        before = self._attempt(lease)
        back = LeaseReturn(bench=before.bench, fence=lease.fence)
        try:
            self.store.returns.take_back(lease.lease_id, back, ADMIN)
        except AttemptBegan:
            assert before.state == "running"
        except LeaseLost:
            assert before.state not in ("leased", "running", "returned")
        else:
            assert before.state in ("leased", "returned")
            assert self._attempt(lease).state == "returned"

    @rule(lease=consumes(leases), how=st.sampled_from(["succeeded", "failed", "wrong", "cancelled"]))
    def report(self, lease: Lease, how: str) -> None:
        """An agent reports, perhaps too late."""
        body: dict[str, object] = {"fence": lease.fence, "outcome": "failed" if how == "wrong" else how}
        if how in ("failed", "wrong"):
            body["error"] = CRASH if how == "failed" else WRONG
        before = self.store.jobs.get(lease.job_id).state
        sent = AttemptReport.model_validate(body)
        if self._held(lease, lambda: self.store.reports.accept(lease.attempt_id, sent, ADMIN)):
            return
        assert self.store.jobs.get(lease.job_id).state == before, "a late report moved its job"
        assert self.store.attempts.get(lease.attempt_id).evidence

    @rule()
    def analyse(self) -> None:
        """The server analyses what was reported."""
        for attempt_id in self.store.reports.waiting_for_analysis():
            assert self.store.reports.begin_analysis(attempt_id, hold_s=10)
            assert self.store.reports.finish(attempt_id, VERDICT)

    @rule(job_id=submitted)
    def cancel(self, job_id: str) -> None:
        """An owner cancels."""
        before = self.store.jobs.get(job_id).state
        try:
            after = self.store.jobs.cancel(job_id, ADMIN).state
        except IllegalTransition:
            assert before in TERMINAL_STATES
        else:
            assert after == TRANSITIONS[before, JobEvent.CANCEL]

    @rule(seconds=st.sampled_from([1, 14, 16, 400]))
    def sweep(self, seconds: int) -> None:
        """Time passes and the sweeper comes by."""
        self.clock.advance(seconds)
        self.store.leases.expire()

    @invariant()
    def jobs_and_attempts_agree(self) -> None:
        """A job has an open attempt exactly while it is active, a bench never two leases."""
        with self.store.db.read() as connection:
            rows = connection.execute(select(jobs)).all()
            held = connection.execute(
                select(attempts.c.job_seq, func.count()).where(is_open).group_by(attempts.c.job_seq)
            ).all()
            back = connection.execute(
                select(attempts.c.job_seq, func.count())
                .where(attempts.c.state == "returned")
                .group_by(attempts.c.job_seq)
            ).all()
            taken = connection.execute(
                select(attempts.c.bench, func.count()).where(holds_bench).group_by(attempts.c.bench)
            ).all()
        open_attempts, returned = dict(held), dict(back)
        assert set(dict(taken).values()) <= {1}, "a bench holds two leases"
        for row in rows:
            active = JobState(row.state) in (JobState.LEASED, JobState.RUNNING, JobState.CANCELLING)
            assert open_attempts.get(row.seq, 0) == int(active), f"{row.state} with {open_attempts.get(row.seq, 0)}"
            assert row.attempts - returned.get(row.seq, 0) <= row.max_attempts
            assert row.state != "failed" or row.error is not None

    @invariant()
    def history_follows_the_table(self) -> None:
        """The history of every job is a walk along the table of transitions."""
        for job in self.store.jobs.list(JobFilter(), limit=200).items:
            lines = self.store.jobs.history(job.id)
            states = [line.state for line in lines]
            for before, line in zip(states, lines[1:], strict=False):
                assert TRANSITIONS[before, JobEvent(line.event)] == line.state
            assert states[-1] == job.state

    def _held(self, lease: Lease, act: Callable[[], object]) -> bool:
        """Do something under a lease; it must be refused exactly when the attempt is no longer open."""
        row = self._attempt(lease)
        is_held = row.state in ("leased", "running") and row.reported_at is None
        try:
            act()
        except (LeaseLost, StaleFence):
            assert not is_held, "a live lease was refused"
            return False
        assert is_held, "an ended lease wrote"
        return True

    def _attempt(self, lease: Lease) -> Row[Any]:
        with self.store.db.read() as connection:
            return connection.execute(select(attempts).where(attempts.c.lease_id == lease.lease_id)).one()

    def teardown(self) -> None:
        """Work the queue off and clean up."""
        self._drain()
        self.store.close()
        shutil.rmtree(self.folder)

    def _drain(self) -> None:
        """Whatever happened, the queue can be worked off: no job waits for ever."""
        for _ in range(200):
            self.clock.advance(400)
            self.store.leases.expire()
            self.analyse()
            for bench in BENCHES:
                self.store.leases.claim(bench, ADMIN)
            if all(job.state in TERMINAL_STATES for job in self.store.jobs.list(JobFilter(), limit=200).items):
                return
        pytest.fail("the queue does not drain")


def test_queue_holds_under_any_sequence_of_events(tmp_path: Path) -> None:
    """Jobs, attempts, benches and history agree after every step, and every queue drains."""
    path = tmp_path / "template.db"
    store = Store(Settings(database_url=f"sqlite:///{path}"))
    schema_revision.upgrade(store.db)
    store.close()
    machine = type("TemplatedQueue", (Queue,), {"template": path})
    run_state_machine_as_test(
        machine,
        settings=settings(
            max_examples=10,
            stateful_step_count=25,
            suppress_health_check=list(HealthCheck),
        ),
    )
