"""Contract of the queue: one job, one lease, one bench, whoever races for it."""

from __future__ import annotations

import threading
from collections import Counter
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest

from neurorig_protocols.errors import LeaseLost
from neurorig_protocols.job import JobSpec, JobState
from neurorig_protocols.lease import Lease, Renewal
from neurorig_protocols.refusals import Forbidden, NotFound
from neurorig_server.store.jobs import JobFilter
from neurorig_server.store.store import Store
from neurorig_server.store.tokens import IMPLIED, Principal

Make = Callable[..., JobSpec]
Bench = Callable[..., Any]


def claim(store: Store, bench: str, who: Principal) -> Lease:
    """Claim for a bench that must get something."""
    lease = store.leases.claim(bench, who)
    assert lease is not None
    return lease


def test_claim_gives_everything_that_an_agent_needs(
    store: Store, admin: Principal, spec: Make, bench: Bench, clock: Any
) -> None:
    """A lease names job, attempt and end, and holds the job's specification."""
    bench()
    job = store.jobs.submit(spec(seed=7), admin)

    lease = claim(store, "bench-a", admin)

    assert (lease.job_id, lease.attempt, lease.fence, lease.ttl_s) == (job.id, 1, 1, 15)
    assert lease.job == job.spec
    assert (lease.expires_at - clock.at).total_seconds() == 15
    assert store.jobs.get(job.id).state == JobState.LEASED
    assert store.attempts.get(lease.attempt_id).state == "leased"


def test_claims_follow_priority_then_age(store: Store, admin: Principal, spec: Make, bench: Bench) -> None:
    """The bench gets higher priorities first and the older of equals."""
    names = ["a", "b", "c", "d"]
    for name in names:
        bench(name)
    jobs = [store.jobs.submit(spec(priority=p), admin).id for p in (10, 90, 50, 90)]

    got = [claim(store, name, admin).job_id for name in names]

    assert got == [jobs[1], jobs[3], jobs[2], jobs[0]]


def test_bench_gets_only_what_fits_it(store: Store, admin: Principal, spec: Make, bench: Bench) -> None:
    """A job for another bench, board, reality or solver is passed over."""
    bench("a")
    bench("b", board="host-cpu")
    store.jobs.submit(spec(needs={"bench": "b"}, priority=99), admin)
    store.jobs.submit(spec(needs={"board": "host-cpu"}, priority=98), admin)
    mine = store.jobs.submit(spec(solver={"name": "annealing"}), admin)

    assert claim(store, "a", admin).job_id == mine.id


def test_busy_bench_gets_nothing(store: Store, admin: Principal, spec: Make, bench: Bench) -> None:
    """A bench that holds a lease gets no second one."""
    bench()
    for i in range(2):
        store.jobs.submit(spec(seed=i), admin)
    claim(store, "bench-a", admin)

    assert store.leases.claim("bench-a", admin) is None


def test_agent_token_claims_for_its_own_bench_only(store: Store, spec: Make, bench: Bench, admin: Principal) -> None:
    """An agent may neither claim for, nor write to, another bench."""
    bench("a")
    bench("b")
    store.jobs.submit(spec(), admin)
    agent = Principal(id="x", name="agent a", scopes=IMPLIED["agent"], bench="a")

    with pytest.raises(Forbidden):
        store.leases.claim("b", agent)
    lease = claim(store, "b", admin)
    for write in (
        lambda: store.leases.start(lease.lease_id, 1, agent),
        lambda: store.leases.renew(lease.lease_id, Renewal(fence=1), agent),
    ):
        with pytest.raises(Forbidden):
            write()


def test_fifty_agents_race_and_each_job_goes_to_exactly_one(
    store: Store, admin: Principal, spec: Make, bench: Bench
) -> None:
    """Fifty threads claim at once: no job is given twice, none is lost, no bench gets two."""
    names = [f"bench-{i:02}" for i in range(50)]
    for name in names:
        bench(name)
    jobs = {store.jobs.submit(spec(seed=i), admin).id for i in range(40)}
    gate = threading.Barrier(50)

    def race(name: str) -> list[Lease]:
        gate.wait()
        # A claim may lose its race while work is left; an agent asks again.
        found = [store.leases.claim(name, admin) for _ in range(3)]
        return [lease for lease in found if lease is not None]

    with ThreadPoolExecutor(50) as pool:
        leases = [lease for found in pool.map(race, names) for lease in found]

    assert Counter(lease.job_id for lease in leases) == Counter(dict.fromkeys(jobs, 1))
    assert max(Counter(store.attempts.get(lease.attempt_id).bench for lease in leases).values()) == 1


def test_one_bench_that_races_with_itself_gets_one_job(
    store: Store, admin: Principal, spec: Make, bench: Bench
) -> None:
    """Twenty claims for one bench at once give one lease."""
    bench()
    for i in range(20):
        store.jobs.submit(spec(seed=i), admin)
    gate = threading.Barrier(20)

    def race(_: int) -> Lease | None:
        gate.wait()
        return store.leases.claim("bench-a", admin)

    with ThreadPoolExecutor(20) as pool:
        leases = [lease for lease in pool.map(race, range(20)) if lease is not None]

    assert len(leases) == 1
    assert len(store.jobs.list(JobFilter(state=JobState.LEASED)).items) == 1


def test_start_makes_the_job_run_and_twice_is_once(store: Store, admin: Principal, spec: Make, bench: Bench) -> None:
    """A start that is sent again, because its answer was lost, changes nothing."""
    bench()
    job = store.jobs.submit(spec(), admin)
    lease = claim(store, "bench-a", admin)

    store.leases.start(lease.lease_id, 1, admin)
    store.leases.start(lease.lease_id, 1, admin)

    assert store.jobs.get(job.id).state == JobState.RUNNING
    assert [line.event for line in store.jobs.history(job.id)] == ["submit", "claim", "start"]


def test_renewal_prolongs_and_keeps_the_heartbeat(store: Store, admin: Principal, claimed: Lease, clock: Any) -> None:
    """A renewed lease outlives its first end, and the bench shows the phase."""
    clock.advance(10)
    answer = store.leases.renew(claimed.lease_id, Renewal(fence=1, phase="run", health={"t_c": 40}), admin)
    clock.advance(10)

    assert store.leases.expire() == ()
    assert (answer.expires_at - clock.at).total_seconds() == 5
    assert answer.cancel is False
    view = store.benches.get("bench-a")
    assert view.state == "busy"
    assert view.lease is not None
    assert view.lease.phase == "run"


def test_renewal_says_that_the_owner_wants_to_cancel(store: Store, admin: Principal, claimed: Lease) -> None:
    """Cancelling a running job reaches its agent with the next renewal."""
    assert store.jobs.cancel(claimed.job_id, admin).state == JobState.CANCELLING

    assert store.leases.renew(claimed.lease_id, Renewal(fence=1), admin).cancel is True


def test_a_cancelled_job_says_how_long_its_end_takes(store: Store, admin: Principal, claimed: Lease) -> None:
    """The longest window of a running job is its timeout; the answer to the cancel names it, and later ones do."""
    answer = store.jobs.cancel(claimed.job_id, admin)

    assert answer.reason is not None
    assert "0.01 s" in answer.reason
    assert store.jobs.get(claimed.job_id).reason == answer.reason


def test_stale_fence_writes_nothing(store: Store, admin: Principal, claimed: Lease) -> None:
    """Start and renewal with another fence are refused."""
    with pytest.raises(LeaseLost):
        store.leases.start(claimed.lease_id, 2, admin)
    with pytest.raises(LeaseLost):
        store.leases.renew(claimed.lease_id, Renewal(fence=2), admin)


def test_unknown_lease_is_not_found(store: Store, admin: Principal) -> None:
    """A lease that never was is not a lost one."""
    with pytest.raises(NotFound):
        store.leases.renew("nothing", Renewal(fence=1), admin)


def test_expired_lease_loses_the_attempt_and_queues_the_job_again(
    store: Store, admin: Principal, claimed: Lease, clock: Any
) -> None:
    """A silent agent's attempt is lost, its bench is free, and the next lease has a higher fence."""
    clock.advance(15.1)

    (expired,) = store.leases.expire()

    assert (expired.attempt_id, expired.job_state) == (claimed.attempt_id, JobState.QUEUED)
    attempt = store.attempts.get(claimed.attempt_id)
    assert attempt.state == "lost"
    assert attempt.error is not None
    assert attempt.error.code == "lease_lost"
    with pytest.raises(LeaseLost):
        store.leases.renew(claimed.lease_id, Renewal(fence=1), admin)
    again = claim(store, "bench-a", admin)
    assert (again.job_id, again.fence, again.attempt) == (claimed.job_id, 2, 2)


def test_nothing_expires_twice_when_servers_sweep_together(store: Store, claimed: Lease, clock: Any) -> None:
    """Several sweepers at once end a lease once."""
    clock.advance(20)

    with ThreadPoolExecutor(8) as pool:
        ended = [e for found in pool.map(lambda _: store.leases.expire(), range(8)) for e in found]

    assert [e.attempt_id for e in ended] == [claimed.attempt_id]


def test_job_fails_when_its_attempts_are_used_up(
    store: Store, admin: Principal, spec: Make, bench: Bench, clock: Any
) -> None:
    """After max_attempts lost attempts the job fails with the last error."""
    bench()
    job = store.jobs.submit(spec(max_attempts=2), admin)
    for _ in range(2):
        claim(store, "bench-a", admin)
        clock.advance(16)
        store.leases.expire()

    view = store.jobs.get(job.id)

    assert view.state == JobState.FAILED
    assert view.error is not None
    assert view.error.code == "lease_lost"
    assert [a.state for a in view.attempts] == ["lost", "lost"]
    assert store.leases.claim("bench-a", admin) is None


def test_failing_bench_is_passed_over_while_another_fits(
    store: Store, admin: Principal, spec: Make, bench: Bench, clock: Any
) -> None:
    """A job that a bench lost goes to another bench, and back to the first once all have failed it."""
    bench("a")
    bench("b")
    store.jobs.submit(spec(max_attempts=5), admin)
    claim(store, "a", admin)
    clock.advance(16)
    store.leases.expire()

    assert store.leases.claim("a", admin) is None
    claim(store, "b", admin)
    clock.advance(16)
    store.leases.expire()

    assert claim(store, "a", admin).attempt == 3


def test_exclusion_ends_when_no_other_bench_takes_the_job(
    store: Store, admin: Principal, spec: Make, bench: Bench, clock: Any
) -> None:
    """A job never waits for ever for a bench that stays away."""
    bench("a")
    bench("b")
    store.jobs.submit(spec(), admin)
    claim(store, "a", admin)
    clock.advance(16)
    store.leases.expire()
    assert store.leases.claim("a", admin) is None

    clock.advance(301)

    assert claim(store, "a", admin).attempt == 2


def test_only_bench_of_its_kind_gets_a_lost_job_again(
    store: Store, admin: Principal, claimed: Lease, clock: Any
) -> None:
    """Without an alternative the same bench tries again at once."""
    clock.advance(16)
    store.leases.expire()

    assert claim(store, "bench-a", admin).attempt == 2


def test_lost_attempt_of_a_cancelled_job_ends_the_job(
    store: Store, admin: Principal, claimed: Lease, clock: Any
) -> None:
    """A job that is being cancelled is not queued again."""
    store.jobs.cancel(claimed.job_id, admin)
    clock.advance(16)
    store.leases.expire()

    assert store.jobs.get(claimed.job_id).state == JobState.CANCELLED


def test_grace_gives_every_lease_a_full_life_after_a_restart(
    store: Store, admin: Principal, claimed: Lease, clock: Any
) -> None:
    """A lease that ended while the server was down is still its agent's."""
    clock.advance(3600)

    store.leases.grace()

    assert store.leases.expire() == ()
    store.leases.renew(claimed.lease_id, Renewal(fence=1), admin)


def test_waiting_benches_are_woken_by_what_they_can_run(
    store: Store, admin: Principal, spec: Make, bench: Bench
) -> None:
    """A submission wakes the benches that fit, and only those."""
    woken: list[frozenset[str]] = []
    store.db.listeners.append(woken.append)
    bench("a")
    bench("b", board="host-cpu")

    store.jobs.submit(spec(needs={"board": "host-cpu"}), admin)

    assert woken == [frozenset({"b"})]
