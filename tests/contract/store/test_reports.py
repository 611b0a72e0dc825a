"""Contract of closing an attempt: report, analysis, evidence."""

from __future__ import annotations

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest

from neurorig_protocols.errors import LeaseLost
from neurorig_protocols.job import JobSpec, JobState
from neurorig_protocols.lease import Lease
from neurorig_protocols.refusals import AlreadyReported, Forbidden, Invalid, NotFound, StaleFence, TraceMissing
from neurorig_protocols.report import AttemptReport
from neurorig_protocols.workloads.qubo.qubo_records import VerifiedQubo
from neurorig_server.recompute.verdict import Verdict
from neurorig_server.store.store import Store
from neurorig_server.store.tokens import IMPLIED, Principal

Report = Callable[..., AttemptReport]

DIGEST = "ab" * 32
CRASH = {"code": "driver_crashed", "fault": "infra", "retryable": True, "message": "it died"}
TOO_BIG = {"code": "does_not_fit", "fault": "job", "retryable": False, "message": "too big"}
ANSWER = {
    "kind": "qubo",
    "solver": "annealing",
    "n": 10,
    "solution": "/8A=",
    "solver_cost": -10,
    "requested_s": 0.01,
    "solve_s": 0.01,
    "stopped_by": "timeout",
}
VALID = Verdict(
    state="succeeded",
    quality="valid",
    codes=("energy_absent",),
    verified=VerifiedQubo(
        cost=-10, solver_cost=-10, independent_set=True, official_target=-10, target_source="test", gap=0.0
    ),
    energy_absent="the bench has no power monitor",
)


def test_report_frees_the_bench_before_it_is_analysed(
    store: Store, admin: Principal, claimed: Lease, report: Report, spec: Callable[..., JobSpec]
) -> None:
    """The agent may go on at once; attempt and job stay running until the verdict is there."""
    assert store.reports.accept(claimed.attempt_id, report(), admin) is True

    assert store.attempts.get(claimed.attempt_id).state == "running"
    assert store.jobs.get(claimed.job_id).state == JobState.RUNNING
    assert store.benches.get("bench-a").state == "online"
    store.jobs.submit(spec(seed=2), admin)
    assert store.leases.claim("bench-a", admin) is not None


def test_verdict_ends_attempt_and_job(store: Store, admin: Principal, claimed: Lease, report: Report) -> None:
    """What the recomputation found is what the attempt shows."""
    store.reports.accept(claimed.attempt_id, report(answer=ANSWER, provenance={"os": "x"}), admin)
    job = store.reports.begin_analysis(claimed.attempt_id, hold_s=10)
    assert job is not None
    assert job.bench.profile.name == "bench-a"
    assert job.report.answer is not None

    assert store.reports.finish(claimed.attempt_id, VALID) is True

    view = store.attempts.get(claimed.attempt_id)
    assert (view.state, view.quality, view.codes) == ("succeeded", "valid", ("energy_absent",))
    assert view.provenance == {"os": "x"}
    assert view.answer is not None
    assert view.answer.verified == VALID.verified
    assert view.ended_at is not None
    assert store.jobs.get(claimed.job_id).state == JobState.SUCCEEDED
    energy = store.attempts.energy(claimed.attempt_id)
    assert energy.model_dump() == {"absent": "the bench has no power monitor"}


def test_verdict_is_stored_once(store: Store, admin: Principal, claimed: Lease, report: Report) -> None:
    """Two servers that analysed the same attempt do not both end it."""
    store.reports.accept(claimed.attempt_id, report(), admin)

    with ThreadPoolExecutor(4) as pool:
        stored = list(pool.map(lambda _: store.reports.finish(claimed.attempt_id, VALID), range(4)))

    assert sorted(stored) == [False, False, False, True]


def test_analysis_belongs_to_one_server_until_its_hold_ends(
    store: Store, admin: Principal, claimed: Lease, report: Report, clock: Any
) -> None:
    """A server that dies at an analysis leaves it to another one."""
    store.reports.accept(claimed.attempt_id, report(), admin)
    assert store.reports.waiting_for_analysis() == (claimed.attempt_id,)

    assert store.reports.begin_analysis(claimed.attempt_id, hold_s=10) is not None
    assert store.reports.begin_analysis(claimed.attempt_id, hold_s=10) is None
    clock.advance(8)
    store.reports.hold_analyses([claimed.attempt_id], hold_s=10)
    clock.advance(8)
    assert store.reports.waiting_for_analysis() == ()
    clock.advance(8)

    assert store.reports.waiting_for_analysis() == (claimed.attempt_id,)
    assert store.reports.begin_analysis(claimed.attempt_id, hold_s=10) is not None


def test_restarted_single_server_takes_its_analyses_at_once(
    store: Store, admin: Principal, claimed: Lease, report: Report
) -> None:
    """Release makes every unfinished analysis free."""
    store.reports.accept(claimed.attempt_id, report(), admin)
    store.reports.begin_analysis(claimed.attempt_id, hold_s=1000)

    store.reports.release_analyses()

    assert store.reports.waiting_for_analysis() == (claimed.attempt_id,)


def test_reported_attempt_never_expires(
    store: Store, admin: Principal, claimed: Lease, report: Report, clock: Any
) -> None:
    """Once the report is here the agent may go; a long analysis loses nothing."""
    store.reports.accept(claimed.attempt_id, report(), admin)
    clock.advance(3600)

    assert store.leases.expire() == ()
    assert store.reports.finish(claimed.attempt_id, VALID) is True


def test_same_report_twice_is_once(store: Store, admin: Principal, claimed: Lease, report: Report) -> None:
    """A report sent again is accepted again, before and after the verdict; another one is refused."""
    assert store.reports.accept(claimed.attempt_id, report(), admin) is True
    assert store.reports.accept(claimed.attempt_id, report(), admin) is True
    store.reports.finish(claimed.attempt_id, VALID)

    assert store.reports.accept(claimed.attempt_id, report(), admin) is False
    with pytest.raises(AlreadyReported):
        store.reports.accept(claimed.attempt_id, report(provenance={"other": 1}), admin)
    assert store.attempts.get(claimed.attempt_id).evidence == ()


def test_late_report_is_evidence_and_no_result(
    store: Store, admin: Principal, claimed: Lease, report: Report, clock: Any
) -> None:
    """A report of a lost attempt is kept once and changes neither attempt nor job."""
    clock.advance(16)
    store.leases.expire()
    again = store.leases.claim("bench-a", admin)
    assert again is not None

    for _ in range(2):
        with pytest.raises(StaleFence):
            store.reports.accept(claimed.attempt_id, report(fence=1), admin)

    view = store.attempts.get(claimed.attempt_id)
    assert view.state == "lost"
    assert [(e.kind, e.outcome) for e in view.evidence] == [("late_report", "succeeded")]
    assert store.jobs.get(claimed.job_id).state == JobState.LEASED


def test_report_with_another_fence_is_evidence(store: Store, admin: Principal, claimed: Lease, report: Report) -> None:
    """The fence is checked in the transaction that would have written."""
    with pytest.raises(StaleFence):
        store.reports.accept(claimed.attempt_id, report(fence=9), admin)

    assert store.attempts.get(claimed.attempt_id).state == "running"
    assert store.reports.accept(claimed.attempt_id, report(fence=1), admin) is True


def test_agent_reports_its_own_attempts_only(store: Store, claimed: Lease, report: Report) -> None:
    """Another bench's token is refused, for reports and for traces."""
    other = Principal(id="x", name="agent", scopes=IMPLIED["agent"], bench="bench-b")

    with pytest.raises(Forbidden):
        store.reports.accept(claimed.attempt_id, report(), other)
    with pytest.raises(Forbidden):
        store.uploads.begin(claimed.attempt_id, DIGEST, 10, 1, other)
    with pytest.raises(Forbidden):
        store.uploads.find(claimed.attempt_id, DIGEST, other)


def test_unknown_attempt_is_not_found(store: Store, admin: Principal, report: Report) -> None:
    """A report for nothing is refused."""
    with pytest.raises(NotFound):
        store.reports.accept("nothing", report(), admin)


def test_retryable_failure_queues_the_job_again(store: Store, admin: Principal, claimed: Lease, report: Report) -> None:
    """An infrastructure failure is tried again and stays in the job's view."""
    assert store.reports.accept(claimed.attempt_id, report(outcome="failed", error=CRASH), admin) is False

    view = store.jobs.get(claimed.job_id)
    assert view.state == JobState.QUEUED
    assert view.error is not None
    assert view.error.code == "driver_crashed"
    assert [a.state for a in view.attempts] == ["failed"]
    again = store.leases.claim("bench-a", admin)
    assert again is not None
    assert again.fence == 2


def test_failure_of_the_job_itself_is_final(store: Store, admin: Principal, claimed: Lease, report: Report) -> None:
    """A job that does not fit will not fit the next time either."""
    store.reports.accept(claimed.attempt_id, report(outcome="failed", error=TOO_BIG), admin)

    view = store.jobs.get(claimed.job_id)
    assert view.state == JobState.FAILED
    assert view.error is not None
    assert view.error.code == "does_not_fit"


def test_cancelled_report_ends_a_cancelled_job(store: Store, admin: Principal, claimed: Lease, report: Report) -> None:
    """The agent's answer to a cancel closes the job without an error."""
    store.jobs.cancel(claimed.job_id, admin)
    store.reports.accept(claimed.attempt_id, report(outcome="cancelled"), admin)

    view = store.jobs.get(claimed.job_id)
    assert (view.state, view.error) == (JobState.CANCELLED, None)
    assert view.attempts[0].state == "cancelled"


def test_agent_that_stops_by_itself_gives_the_job_back(
    store: Store, admin: Principal, claimed: Lease, report: Report
) -> None:
    """An attempt ended without anyone asking is an infrastructure failure: the job waits again."""
    store.reports.accept(claimed.attempt_id, report(outcome="cancelled"), admin)

    view = store.jobs.get(claimed.job_id)
    assert view.state == JobState.QUEUED
    assert view.error is not None
    assert view.error.code == "agent_stopped"


def test_result_that_arrives_during_a_cancel_is_kept(
    store: Store, admin: Principal, claimed: Lease, report: Report
) -> None:
    """What was measured is a result, whatever was asked meanwhile."""
    store.jobs.cancel(claimed.job_id, admin)
    store.reports.accept(claimed.attempt_id, report(), admin)
    store.reports.finish(claimed.attempt_id, VALID)

    assert store.jobs.get(claimed.job_id).state == JobState.SUCCEEDED


@pytest.mark.parametrize(("outcome", "field"), [("failed", "error"), ("measurement_invalid", "energy_absent")])
def test_report_must_say_why(
    *, store: Store, admin: Principal, claimed: Lease, report: Report, outcome: str, field: str
) -> None:
    """A failure without an error, and withheld energy without a reason, are refused."""
    with pytest.raises(Invalid) as refused:
        store.reports.accept(claimed.attempt_id, report(outcome=outcome), admin)

    assert [p.field for p in refused.value.problems] == [field]


def test_report_needs_its_traces_first(store: Store, admin: Principal, claimed: Lease, report: Report) -> None:
    """A report that names a trace is taken only when the whole trace is here."""
    ref = {"monitor": "m", "digest": f"sha256:{DIGEST}", "size": 10, "samples": 1}
    store.uploads.begin(claimed.attempt_id, DIGEST, 10, 1, admin)

    with pytest.raises(TraceMissing) as refused:
        store.reports.accept(claimed.attempt_id, report(traces=[ref]), admin)
    assert [p.field for p in refused.value.problems] == ["traces[0].digest"]

    store.uploads.complete(claimed.attempt_id, DIGEST, 1, admin)
    assert store.reports.accept(claimed.attempt_id, report(traces=[ref]), admin) is True
    assert [t.monitor for t in store.attempts.traces(claimed.attempt_id)] == ["m"]


def test_upload_keeps_its_length_and_ends_with_the_lease(
    store: Store, admin: Principal, claimed: Lease, clock: Any
) -> None:
    """A length cannot change, a stale fence cannot write, and a lost lease writes nothing more."""
    store.uploads.begin(claimed.attempt_id, DIGEST, 10, 1, admin)
    with pytest.raises(Invalid):
        store.uploads.begin(claimed.attempt_id, DIGEST, 11, 1, admin)
    with pytest.raises(StaleFence):
        store.uploads.begin(claimed.attempt_id, DIGEST, 10, 2, admin)

    clock.advance(16)
    store.leases.expire()

    with pytest.raises(StaleFence):
        store.uploads.complete(claimed.attempt_id, DIGEST, 1, admin)
    found = store.uploads.find(claimed.attempt_id, DIGEST, admin)
    assert found is not None
    assert not found.complete


def test_nothing_is_written_after_the_report(store: Store, admin: Principal, claimed: Lease, report: Report) -> None:
    """The report ends the lease."""
    store.reports.accept(claimed.attempt_id, report(), admin)

    with pytest.raises(StaleFence):
        store.uploads.begin(claimed.attempt_id, DIGEST, 10, 1, admin)
    with pytest.raises(LeaseLost):
        store.leases.start(claimed.lease_id, 1, admin)
