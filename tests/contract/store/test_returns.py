"""Contract of leases that are handed back before their attempts begin: nothing waits, nothing is counted."""

from __future__ import annotations

import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest

from neurorig_protocols.errors import LeaseLost
from neurorig_protocols.job import JobSpec, JobState
from neurorig_protocols.lease import Lease, LeaseReturn
from neurorig_protocols.refusals import AttemptBegan, Forbidden
from neurorig_server.store.store import Store
from neurorig_server.store.tokens import IMPLIED, Principal

Make = Callable[..., JobSpec]
Bench = Callable[..., Any]

MINE = "0123456789ab"
BACK = LeaseReturn(bench="bench-a")


@pytest.fixture
def job(store: Store, admin: Principal, spec: Make, bench: Bench) -> str:
    """The only job of the only bench; it may be tried once."""
    bench()
    return store.jobs.submit(spec(max_attempts=1), admin).id


def claim(store: Store, admin: Principal, lease_id: str = MINE) -> Lease:
    """Claim under an id of one's own; there is something to claim."""
    lease = store.leases.claim("bench-a", admin, lease_id=lease_id)
    assert lease is not None
    return lease


def test_a_lease_has_the_id_that_was_asked_for(store: Store, admin: Principal, job: str, clock: Any) -> None:
    """Asked for again before the attempt begins, because the answer was lost, it is the same with a full life."""
    first = claim(store, admin)
    clock.advance(10)
    again = claim(store, admin)
    clock.advance(10)

    assert (first.lease_id, first.job_id) == (MINE, job)
    assert again == first.model_copy(update={"expires_at": again.expires_at})
    assert (again.expires_at - first.expires_at).total_seconds() == 10
    assert store.leases.expire() == ()
    assert len(store.jobs.get(job).attempts) == 1


def test_another_bench_gets_no_lease_of_that_id(store: Store, admin: Principal, job: str, bench: Bench) -> None:
    """The id belongs to whoever asked for it first."""
    claim(store, admin)
    bench("bench-b")

    with pytest.raises(LeaseLost):
        store.leases.claim("bench-b", admin, lease_id=MINE)


def test_a_returned_lease_queues_its_job_at_once(store: Store, admin: Principal, job: str) -> None:
    """Bench and job are free, the attempt says that it never began, and the waiting benches are woken."""
    lease = claim(store, admin)
    woken: list[frozenset[str]] = []
    store.db.listeners.append(woken.append)

    store.returns.take_back(MINE, LeaseReturn(bench="bench-a", fence=lease.fence), admin)

    view, attempt = store.jobs.get(job), store.attempts.get(lease.attempt_id)
    assert view.state == JobState.QUEUED
    assert (attempt.state, attempt.started_at) == ("returned", None)
    assert attempt.error is not None
    assert attempt.error.code == "handed_back"
    assert store.benches.get("bench-a").state == "online"
    assert woken == [frozenset({"bench-a"})]
    assert store.jobs.history(job)[-1].why == "attempt 1 was handed back before it began"


def test_no_attempt_is_counted(store: Store, admin: Principal, job: str, clock: Any) -> None:
    """A job that may be tried once is tried once, however often it was handed back before; then it fails."""
    for number in range(1, 4):
        lease = claim(store, admin, f"{number:012x}")
        assert (lease.attempt, lease.fence) == (number, number)
        store.returns.take_back(lease.lease_id, BACK, admin)

    claim(store, admin)
    clock.advance(16)
    (expired,) = store.leases.expire()

    assert expired.job_state == JobState.FAILED
    assert [a.state for a in store.jobs.get(job).attempts] == ["returned"] * 3 + ["lost"]


def test_the_same_bench_gets_the_job_again(
    store: Store, admin: Principal, spec: Make, bench: Bench, clock: Any
) -> None:
    """A return is no failure of the bench: it is not passed over while another bench fits."""
    bench("bench-a")
    bench("bench-b")
    made = store.jobs.submit(spec(), admin)
    claim(store, admin)
    store.returns.take_back(MINE, BACK, admin)

    assert claim(store, admin, "f" * 12).job_id == made.id


def test_returned_twice_is_once(store: Store, admin: Principal, job: str) -> None:
    """An answer that was lost costs nothing, and changes nothing for whoever has the job by then."""
    claim(store, admin)
    store.returns.take_back(MINE, BACK, admin)
    again = claim(store, admin, "f" * 12)

    store.returns.take_back(MINE, BACK, admin)

    assert store.jobs.get(job).state == JobState.LEASED
    assert store.attempts.get(again.attempt_id).state == "leased"
    assert len(store.jobs.history(job)) == 4


def test_a_claim_that_comes_behind_its_return_gives_nothing(store: Store, admin: Principal, job: str) -> None:
    """The request of an agent that has gone may still be on its way."""
    store.returns.take_back(MINE, BACK, admin)

    with pytest.raises(LeaseLost):
        store.leases.claim("bench-a", admin, lease_id=MINE)

    assert store.jobs.get(job).state == JobState.QUEUED
    assert claim(store, admin, "f" * 12).job_id == job


def test_claim_and_return_race(store: Store, admin: Principal, job: str) -> None:
    """Whichever comes first, the job is queued when both have ended."""
    for number in range(20):
        lease_id, gate = f"{number:012x}", threading.Barrier(2)

        def act(call: Callable[[], object], gate: threading.Barrier = gate) -> None:
            gate.wait(10)
            try:
                call()
            except LeaseLost:
                return

        with ThreadPoolExecutor(2) as pool:
            claimed = pool.submit(act, lambda i=lease_id: store.leases.claim("bench-a", admin, lease_id=i))
            returned = pool.submit(act, lambda i=lease_id: store.returns.take_back(i, BACK, admin))
            claimed.result()
            returned.result()

        assert store.jobs.get(job).state == JobState.QUEUED


def test_an_attempt_that_began_is_not_handed_back(store: Store, admin: Principal, job: str) -> None:
    """It ends with a report, and counts."""
    lease = claim(store, admin)
    store.leases.start(MINE, lease.fence, admin)

    with pytest.raises(AttemptBegan) as refused:
        store.returns.take_back(MINE, BACK, admin)

    assert refused.value.next_step == "Close it with a report."
    assert store.jobs.get(job).state == JobState.RUNNING
    with pytest.raises(LeaseLost):
        store.leases.claim("bench-a", admin, lease_id=MINE)


def test_a_stale_fence_hands_nothing_back(store: Store, admin: Principal, job: str) -> None:
    """Nor does a lease that has expired meanwhile."""
    claim(store, admin)

    with pytest.raises(LeaseLost):
        store.returns.take_back(MINE, LeaseReturn(bench="bench-a", fence=7), admin)

    assert store.jobs.get(job).state == JobState.LEASED


def test_an_expired_lease_is_not_handed_back(store: Store, admin: Principal, job: str, clock: Any) -> None:
    """It was counted when it expired; asked for again it has ended."""
    claim(store, admin)
    clock.advance(16)
    store.leases.expire()

    with pytest.raises(LeaseLost):
        store.returns.take_back(MINE, BACK, admin)
    with pytest.raises(LeaseLost):
        store.leases.claim("bench-a", admin, lease_id=MINE)


def test_a_returned_lease_of_a_cancelled_job_ends_the_job(store: Store, admin: Principal, job: str) -> None:
    """Its owner wanted its end, and nothing runs."""
    claim(store, admin)
    store.jobs.cancel(job, admin)

    store.returns.take_back(MINE, BACK, admin)

    assert store.jobs.get(job).state == JobState.CANCELLED


def test_an_agent_hands_back_its_own_leases_only(store: Store, admin: Principal, job: str, bench: Bench) -> None:
    """Neither in another bench's name nor, in its own name, another bench's lease."""
    bench("bench-b")
    claim(store, admin)
    other = Principal(id="x", name="agent b", scopes=IMPLIED["agent"], bench="bench-b")

    with pytest.raises(Forbidden):
        store.returns.take_back(MINE, BACK, other)
    store.returns.take_back(MINE, LeaseReturn(bench="bench-b"), other)

    assert store.jobs.get(job).state == JobState.LEASED
