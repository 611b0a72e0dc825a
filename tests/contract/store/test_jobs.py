"""Contract of jobs and campaigns."""

from __future__ import annotations

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest

from neurorig_protocols.job import JobSpec, JobState
from neurorig_protocols.refusals import Forbidden, IllegalTransition, Infeasible, Invalid, KeyReused, NotFound
from neurorig_server.store.jobs import JobFilter
from neurorig_server.store.store import Store
from neurorig_server.store.tokens import IMPLIED, Principal

Make = Callable[..., JobSpec]
Bench = Callable[..., Any]


def test_submitted_job_waits_and_keeps_what_was_asked(store: Store, admin: Principal, spec: Make, bench: Bench) -> None:
    """A submitted job is queued with the very specification that was sent."""
    bench()
    wanted = spec(priority=70, tags=["night"], comment="é ✓", solver={"params": {"t": 1.5, "steps": 3}})

    job = store.jobs.submit(wanted, admin)

    assert job.state == JobState.QUEUED
    assert job.spec == wanted
    assert (job.position, job.reason) == (1, "Waits for its turn on bench-a.")
    assert store.jobs.get(job.id) == job


def test_job_without_a_fitting_bench_is_refused_with_its_unmet_needs(
    store: Store, admin: Principal, spec: Make, bench: Bench
) -> None:
    """An infeasible job is refused, every bench's lack is named, and nothing of it is kept."""
    bench("bench-a")
    bench("bench-b", board="virtual-serial")

    with pytest.raises(Infeasible) as refused:
        store.jobs.submit(spec(needs={"board": "loihi-2", "tags": ["cold"]}), admin)

    unknown, *lacks = refused.value.problems
    assert (unknown.field, unknown.code) == ("needs.board", "unknown_board")
    assert [p.field for p in lacks] == ["benches.bench-a", "benches.bench-b"]
    assert all("board is 'loihi-2'" in p.message and "tags cold" in p.message for p in lacks)
    assert store.jobs.list(JobFilter()).items == ()


def test_job_may_wait_for_a_bench_that_is_not_there_yet(
    store: Store, admin: Principal, spec: Make, bench: Bench
) -> None:
    """A job submitted with wait_for_bench is claimed by a bench that registers later."""
    job = store.jobs.submit(spec(), admin, wait_for_bench=True)
    assert job.reason == "No registered bench meets its needs yet."

    bench()

    lease = store.leases.claim("bench-a", admin)
    assert lease is not None
    assert lease.job_id == job.id


def test_bench_that_registers_anew_with_other_means_loses_jobs_it_no_longer_fits(
    store: Store, admin: Principal, spec: Make, bench: Bench
) -> None:
    """What a bench can run is what it said last."""
    bench(tags=["cold"])
    store.jobs.submit(spec(needs={"tags": ["cold"]}), admin)

    bench(tags=[])

    assert store.leases.claim("bench-a", admin) is None


def test_problem_beyond_the_benchmarks_limit_is_refused(store: Store, admin: Principal, spec: Make) -> None:
    """A graph with more edges than the benchmark allows names the field density."""
    workload = spec().workload.model_copy(update={"n": 100_000, "density": 1.0})

    with pytest.raises(Invalid) as refused:
        store.jobs.submit(spec().model_copy(update={"workload": workload}), admin)

    assert [p.field for p in refused.value.problems] == ["workload.density"]


def test_same_key_and_body_give_the_same_job(store: Store, admin: Principal, spec: Make, bench: Bench) -> None:
    """A retried submission makes one job, also when both arrive at once."""
    bench()

    with ThreadPoolExecutor(8) as pool:
        ids = set(pool.map(lambda _: store.jobs.submit(spec(), admin, key="once").id, range(16)))

    assert len(ids) == 1
    assert len(store.jobs.list(JobFilter()).items) == 1


def test_same_key_with_another_body_is_refused(store: Store, admin: Principal, spec: Make, bench: Bench) -> None:
    """An Idempotency-Key belongs to one body, and to one token."""
    bench()
    first = store.jobs.submit(spec(seed=1), admin, key="once")

    with pytest.raises(KeyReused):
        store.jobs.submit(spec(seed=2), admin, key="once")

    other = Principal(id="other", name="other", scopes=IMPLIED["submit"])
    assert store.jobs.submit(spec(seed=2), other, key="once").id != first.id


def test_pages_hold_every_job_once_newest_first(store: Store, admin: Principal, spec: Make, bench: Bench) -> None:
    """Keyset paging neither skips nor repeats, also while jobs are added."""
    bench()
    ids = [store.jobs.submit(spec(seed=i), admin).id for i in range(7)]

    seen: list[str] = []
    cursor = None
    while True:
        page = store.jobs.list(JobFilter(), limit=3, cursor=cursor)
        seen += [job.id for job in page.items]
        store.jobs.submit(spec(seed=99), admin)
        cursor = page.next
        if cursor is None:
            break

    assert seen == ids[::-1]


@pytest.mark.parametrize("cursor", ["x", "!!", "LTE", "OTk5OTk5OTk5OTk5OTk5OTk5OTk5", ""])
def test_foreign_cursor_is_refused(store: Store, cursor: str) -> None:
    """A cursor that this server did not make is invalid, not an empty page."""
    with pytest.raises(Invalid, match="cursor"):
        store.jobs.list(JobFilter(), cursor=cursor)


def test_filters_narrow_the_list(store: Store, admin: Principal, spec: Make, bench: Bench) -> None:
    """State, workload, board, tag and campaign each select the jobs they name."""
    bench()
    plain = store.jobs.submit(spec(), admin)
    tagged = store.jobs.submit(spec(tags=["night", "x"], needs={"board": "virtual-loihi"}), admin)
    store.jobs.cancel(plain.id, admin)
    campaign = store.campaigns.submit("c", [spec(seed=5)], admin)

    def found(**wanted: Any) -> list[str]:
        return [job.id for job in store.jobs.list(JobFilter(**wanted)).items]

    assert found(state="cancelled") == [plain.id]
    assert found(tag="night") == [tagged.id]
    assert found(board="virtual-loihi") == [tagged.id]
    assert found(campaign=campaign.id) == list(campaign.jobs)
    assert found(workload="mnist-digits") == []
    assert len(found(workload="qubo-mis")) == 3


def test_board_filter_finds_jobs_by_where_they_ran(store: Store, admin: Principal, spec: Make, bench: Bench) -> None:
    """A job that asked for no board is found by the board of its attempt."""
    bench()
    job = store.jobs.submit(spec(), admin)
    assert store.jobs.list(JobFilter(board="virtual-loihi")).items == ()

    store.leases.claim("bench-a", admin)

    assert [j.id for j in store.jobs.list(JobFilter(board="virtual-loihi")).items] == [job.id]


def test_position_counts_jobs_of_higher_priority_and_older_ones(
    store: Store, admin: Principal, spec: Make, bench: Bench
) -> None:
    """Position 1 is next: higher priority goes first, then the older."""
    bench()
    low = store.jobs.submit(spec(priority=1), admin)
    store.jobs.submit(spec(priority=50), admin)
    old = store.jobs.submit(spec(priority=90), admin)
    new = store.jobs.submit(spec(priority=90), admin)

    assert [store.jobs.get(j.id).position for j in (old, new, low)] == [1, 2, 4]


def test_reason_says_why_a_job_waits(store: Store, admin: Principal, spec: Make, bench: Bench, clock: Any) -> None:
    """Busy and offline benches are told apart, by name."""
    bench()
    running = store.jobs.submit(spec(), admin)
    waiting = store.jobs.submit(spec(), admin)
    store.leases.claim("bench-a", admin)

    assert store.jobs.get(waiting.id).reason == "Every bench that fits is busy: bench-a."
    assert store.jobs.get(running.id).reason is None

    clock.advance(3600)
    assert store.jobs.get(waiting.id).reason == "Every bench that fits is offline: bench-a."


def test_cancelling_a_waiting_job_ends_it(store: Store, admin: Principal, spec: Make, bench: Bench) -> None:
    """A queued job is cancelled at once and no bench gets it."""
    bench()
    job = store.jobs.submit(spec(), admin)

    cancelled = store.jobs.cancel(job.id, admin)

    assert cancelled.state == JobState.CANCELLED
    assert cancelled.cancel_requested_at is not None
    assert store.leases.claim("bench-a", admin) is None
    with pytest.raises(IllegalTransition):
        store.jobs.cancel(job.id, admin)


def test_only_owner_or_operator_may_cancel(store: Store, admin: Principal, spec: Make, bench: Bench) -> None:
    """Another submitter's token is refused, an operator's is not."""
    bench()
    job = store.jobs.submit(spec(), Principal(id="owner", name="owner", scopes=IMPLIED["submit"]))

    with pytest.raises(Forbidden):
        store.jobs.cancel(job.id, Principal(id="other", name="other", scopes=IMPLIED["submit"]))

    operator = Principal(id="op", name="op", scopes=IMPLIED["operate"])
    assert store.jobs.cancel(job.id, operator).state == JobState.CANCELLED


def test_history_tells_who_did_what_and_why(store: Store, admin: Principal, spec: Make, bench: Bench) -> None:
    """Every change of state leaves a line, in order."""
    bench()
    job = store.jobs.submit(spec(), admin)
    store.leases.claim("bench-a", admin)

    lines = store.jobs.history(job.id)

    assert [(line.event, line.state, line.who) for line in lines] == [
        ("submit", "queued", "admin"),
        ("claim", "leased", "admin"),
    ]
    assert lines[1].why == "attempt 1 on bench bench-a"


def test_unknown_ids_are_not_found(store: Store, admin: Principal) -> None:
    """Each look-up of something that is not there says so."""
    for look in (store.jobs.get, store.jobs.history, store.campaigns.get, store.attempts.get, store.benches.get):
        with pytest.raises(NotFound):
            look("nothing")
    with pytest.raises(NotFound):
        store.jobs.cancel("nothing", admin)


def test_campaign_counts_its_jobs_by_state(store: Store, admin: Principal, spec: Make, bench: Bench) -> None:
    """A campaign is complete when all of its jobs have ended."""
    bench()
    made = store.campaigns.submit("grid", [spec(seed=i) for i in range(4)], admin)
    for job_id in made.jobs[:3]:
        store.jobs.cancel(job_id, admin)

    view = store.campaigns.get(made.id)

    assert (view.name, view.count, view.complete) == ("grid", 4, 0.75)
    assert view.states == {JobState.CANCELLED: 3, JobState.QUEUED: 1}
    assert store.jobs.get(made.jobs[0]).spec.workload.seed == 0


def test_campaign_with_one_infeasible_job_queues_none(store: Store, admin: Principal, spec: Make, bench: Bench) -> None:
    """A campaign is all or nothing."""
    bench()

    with pytest.raises(Infeasible):
        store.campaigns.submit("grid", [spec(), spec(needs={"board": "loihi-2"})], admin)

    assert store.jobs.list(JobFilter()).items == ()
