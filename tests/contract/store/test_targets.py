"""Contract of targets: the shipped ones are the floor, only strictly better ones are kept, and jobs freeze theirs."""

from __future__ import annotations

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import numpy as np
import pytest
from store_kit import ADMIN, Clock, Shelf

from neurorig_protocols.api.targets import TargetDetail
from neurorig_protocols.errors import BelowBound
from neurorig_protocols.job import JobSpec
from neurorig_protocols.lease import Lease
from neurorig_protocols.refusals import Invalid, NoBestTarget, NoOfficialTarget, NotBetter, NotFound
from neurorig_protocols.workloads.qubo import mis, targets_shipped
from neurorig_protocols.workloads.qubo.qubo_records import QuboMis, TimeToSolution, VerifiedQubo, pack_bits
from neurorig_protocols.workloads.qubo.qubo_targets import MisProblem, Proposal
from neurorig_server.recompute.verdict import Verdict
from neurorig_server.store.files import NewFile
from neurorig_server.store.store import Store
from neurorig_server.store.targets import TargetFilter

OWN = MisProblem(n=12, density=0.1, seed=77)
"""A problem that nobody ships a target of."""
TUNING = MisProblem(n=250, density=0.05, seed=0)
FILE = "sha256:" + "b" * 64


def proposal(problem: Any = OWN, **fields: Any) -> Proposal:
    """Return a proposal; its cost is the caller's business."""
    body = {"problem": problem, "solution": pack_bits(np.zeros(OWN.n, np.uint8)), "found_by": "somebody"}
    return Proposal.model_validate({**body, "found_on": "a machine", **fields})


def propose(store: Store, cost: int, **fields: Any) -> TargetDetail:
    """Propose a cost for a problem."""
    proposed = proposal(**fields)
    n = proposed.problem.n if isinstance(proposed.problem, MisProblem) else OWN.n
    return store.targets.propose(proposed, n=n, cost=cost, who=ADMIN)


def tts(problem: MisProblem = OWN, **scenario: Any) -> JobSpec:
    """Return a time-to-solution job."""
    body = {"kind": "time-to-solution", "limit_s": 1, **scenario}
    workload = {"name": "qubo-mis", **problem.model_dump(exclude={"workload"}), "scenario": body}
    return JobSpec.model_validate({"workload": workload})


def frozen(store: Store, spec: JobSpec) -> int | None:
    """Submit a job and return the target cost that was written into it."""
    workload = store.jobs.submit(spec, ADMIN, wait_for_bench=True).spec.workload
    assert isinstance(workload, QuboMis)
    assert isinstance(workload.scenario, TimeToSolution)
    return workload.scenario.target_cost


def test_only_strictly_better_solutions_are_kept(store: Store, clock: Clock) -> None:
    """The first solution is the best one, an equal one is refused, a better one takes over and history keeps both."""
    first = propose(store, -5)
    clock.advance(86400)
    for cost in (-5, -4):
        with pytest.raises(NotBetter, match="present best, -5 by somebody"):
            propose(store, cost)
    second = propose(store, -6, found_by="another", comment="a new rule")

    assert first.best is not None
    assert second.best is not None
    assert (first.best.cost, second.best.cost, second.best.found_by) == (-5, -6, "another")
    assert second.best.found_at == clock().date() > first.best.found_at
    assert [(held.cost, held.found_by, held.comment) for held in second.history] == [
        (-5, "somebody", ""),
        (-6, "another", "a new rule"),
    ]
    assert store.targets.get(OWN.key) == second


def test_a_shipped_target_is_the_floor(store: Store) -> None:
    """Nothing is kept that does not beat the shipped solution; what does stands above it in the history."""
    shipped = targets_shipped.best(TUNING.key)
    assert shipped is not None
    with pytest.raises(NotBetter):
        propose(store, shipped.cost, problem=TUNING)
    assert store.targets.get(TUNING.key).solution == shipped.solution

    found = propose(store, shipped.cost - 1, problem=TUNING)

    assert found.best is not None
    assert (found.best.cost, found.best.shipped) == (shipped.cost - 1, False)
    assert [held.shipped for held in found.history] == [True, False]
    assert found.official is not None
    assert found.improvement == found.official.cost - found.best.cost
    assert found.edges == 1562


def test_lists_show_both_targets_and_can_be_narrowed(store: Store) -> None:
    """Shipped and stored targets stand in one list, each problem once, in order of size."""
    propose(store, -5)
    propose(store, -6)
    propose(store, -100, problem=TUNING)
    everything = store.targets.list(TargetFilter())

    def keys(**wanted: Any) -> list[str]:
        return [view.key for view in store.targets.list(TargetFilter(**wanted)).items]

    assert len(everything.items) == 181
    assert not everything.more
    assert [view.n for view in everything.items] == sorted(view.n for view in everything.items)
    best = {view.key: view.best.cost for view in everything.items if view.best}
    assert (best[OWN.key], best[TUNING.key]) == (-6, -100)
    assert keys(n=12) == [OWN.key]
    assert keys(n=250, density=0.05, seed=0) == [TUNING.key]
    assert len(keys(n=250, density=0.05)) == 5
    assert keys(n=11) == []
    assert keys(seed=77, workload="qubo-mis") == [OWN.key]
    assert keys(workload="qubo") == []
    cut = store.targets.list(TargetFilter(), limit=3)
    assert (len(cut.items), cut.more) == (3, True)


def test_uploaded_problems_have_targets_too(store: Store) -> None:
    """A general QUBO has a best verified target and no official one."""
    store.files.add(NewFile(digest="b" * 64, kind="qubo", name="one", size=1, facts={}), ADMIN, Shelf("b" * 64))
    found = propose(store, 17, problem={"workload": "qubo", "problem": FILE})

    assert (found.official, found.improvement, found.edges, found.n) == (None, None, None, OWN.n)
    assert [view.key for view in store.targets.list(TargetFilter(problem=FILE)).items] == [found.key]
    assert propose(store, -2, problem={"workload": "qubo", "problem": FILE}).best != found.best


def test_an_unknown_target_is_not_found(store: Store) -> None:
    """A problem without any verified solution has no target to show."""
    with pytest.raises(NotFound):
        store.targets.get(OWN.key)


def test_jobs_freeze_the_cost_they_are_measured_from(store: Store) -> None:
    """Official, best verified or given: the cost is in the job, and a record that falls later does not change it."""
    official = mis.official_target(250, 0.05, 0)
    shipped = targets_shipped.best(TUNING.key)
    assert official is not None
    assert shipped is not None

    assert frozen(store, tts(TUNING)) == official.cost
    assert frozen(store, tts(TUNING, reference="best-verified")) == shipped.cost
    propose(store, shipped.cost - 1, problem=TUNING)
    assert frozen(store, tts(TUNING, reference="best-verified")) == shipped.cost - 1
    assert frozen(store, tts(TUNING, reference="given", target_cost=-60)) == -60
    assert frozen(store, tts(TUNING, target_cost=official.cost)) == official.cost


def test_campaigns_freeze_their_targets_too(store: Store) -> None:
    """Every job of a grid has its own instance's cost."""
    specs = [tts(MisProblem(n=250, density=0.05, seed=seed)) for seed in range(5)]
    created = store.campaigns.submit("all five", specs, ADMIN, wait_for_bench=True)
    workloads = [store.jobs.get(job_id).spec.workload for job_id in created.jobs]

    assert [w.scenario.target_cost for w in workloads] == [-67, -69, -67, -67, -67]


@pytest.mark.parametrize(
    ("scenario", "refusal", "code"),
    [
        ({}, NoOfficialTarget, "no_official_target"),
        ({"reference": "best-verified"}, NoBestTarget, "no_best_target"),
        ({"reference": "given"}, Invalid, "missing"),
        ({"reference": "given", "target_cost": 0}, Invalid, "target_is_zero"),
        ({"reference": "given", "target_cost": 10**30}, Invalid, "out_of_range"),
        ({"reference": "given", "target_cost": -(2**63) - 1}, Invalid, "out_of_range"),
    ],
)
def test_jobs_without_a_target_are_refused(store: Store, scenario: dict[str, Any], refusal: Any, code: str) -> None:
    """A gap that is measured from nothing is refused when the job is submitted, with what to do instead."""
    with pytest.raises(refusal) as refused:
        store.jobs.submit(tts(**scenario), ADMIN, wait_for_bench=True)

    assert refused.value.next_step
    assert code != "target_is_zero" or refused.value.next_step == "Give another target, or a fixed timeout."
    assert [problem.code for problem in refused.value.problems] == [code]
    assert store.jobs.submit(tts(reference="given", target_cost=-3), ADMIN, wait_for_bench=True)


def test_a_target_that_contradicts_its_reference_is_refused(store: Store) -> None:
    """A job that asks for the official target and says another cost means something else."""
    with pytest.raises(Invalid, match="costs -67, the job says -66"):
        store.jobs.submit(tts(TUNING, target_cost=-66), ADMIN, wait_for_bench=True)


def test_a_target_below_the_provable_bound_is_refused(store: Store) -> None:
    """No set has more members than the graph has vertices, and no proven optimum is beaten."""
    small = MisProblem(n=10, density=0.01, seed=0)
    for problem, cost in ((OWN, -13), (small, -11)):
        with pytest.raises(BelowBound, match="impossible"):
            store.jobs.submit(tts(problem, reference="given", target_cost=cost), ADMIN, wait_for_bench=True)


def test_the_same_key_gives_the_same_job_after_a_record_fell(store: Store) -> None:
    """A retry is compared with what was asked, not with what the server wrote into it."""
    spec = tts(TUNING, reference="best-verified")
    first = store.jobs.submit(spec, ADMIN, key="again", wait_for_bench=True)
    propose(store, -200, problem=TUNING)

    assert store.jobs.submit(spec, ADMIN, key="again", wait_for_bench=True).id == first.id


def verdict(cost: int, *, best: int | None = None, independent: bool = True, codes: tuple[str, ...] = ()) -> Verdict:
    """Return the verdict on an answer of some cost."""
    verified = VerifiedQubo(
        cost=cost,
        solver_cost=cost,
        independent_set=independent,
        official_target=None,
        target_source=None,
        gap=0,
        best_target=best,
        best_gap=0,
    )
    return Verdict(state="succeeded", quality="valid", codes=codes, verified=verified, energy_absent="none")


@pytest.fixture
def reported(store: Store, bench: Callable[..., Any], report: Callable[..., Any]) -> Callable[..., Lease]:
    """Run a job on a problem without a target up to its report."""

    def make() -> Lease:
        bench()
        spec = tts(reference="given", target_cost=-3).model_copy(update={"comment": "why not"})
        store.jobs.submit(spec, ADMIN)
        lease = store.leases.claim("bench-a", ADMIN)
        assert lease is not None
        store.leases.start(lease.lease_id, lease.fence, ADMIN)
        answer = {"kind": "qubo", "solver": "annealing", "n": 12, "solution": "AAA=", "solver_cost": -4}
        answer |= {"requested_s": 1, "solve_s": 1, "stopped_by": "timeout"}
        store.reports.accept(lease.attempt_id, report(answer=answer, energy_absent="no monitor"), ADMIN)
        return lease

    return make


def test_an_attempt_that_beats_the_best_becomes_the_best(store: Store, reported: Callable[[], Lease]) -> None:
    """Its solution is kept with solver, board, bench and reality, and with the attempt as its origin."""
    lease = reported()
    job = store.reports.begin_analysis(lease.attempt_id, hold_s=60)
    assert job is not None
    assert job.best is None

    store.reports.finish(lease.attempt_id, verdict(-4))

    best = store.targets.get(OWN.key).best
    assert best is not None
    assert (best.cost, best.attempt_id, best.comment) == (-4, lease.attempt_id, "why not")
    assert best.found_on == "annealing on virtual-loihi, VIRTUAL bench bench-a"
    assert best.found_by == "admin"


@pytest.mark.parametrize(
    "found",
    [
        verdict(-4, independent=False),
        verdict(-4, codes=("below_proven_bound",)),
        verdict(-4, best=-4),
        Verdict(state="succeeded", quality="invalid", codes=("malformed_solution",), energy_absent="none"),
    ],
    ids=["an edge inside", "impossible", "not better", "malformed"],
)
def test_other_answers_set_no_target(store: Store, reported: Callable[[], Lease], found: Verdict) -> None:
    """A set with an edge, an impossible cost, no improvement and no solution leave the targets alone."""
    lease = reported()

    assert store.reports.finish(lease.attempt_id, found)
    with pytest.raises(NotFound):
        store.targets.get(OWN.key)


def test_an_analysis_is_told_the_best_of_its_moment(store: Store, reported: Callable[[], Lease]) -> None:
    """What an answer is compared with is read when its recomputation begins."""
    propose(store, -5)
    lease = reported()
    job = store.reports.begin_analysis(lease.attempt_id, hold_s=60)

    assert job is not None
    assert job.best is not None
    assert job.best.cost == -5
    store.reports.finish(lease.attempt_id, verdict(-5))
    assert [held.attempt_id for held in store.targets.get(OWN.key).history] == [None]


def test_of_many_proposals_at_once_each_kept_one_beat_the_last(store: Store) -> None:
    """Proposals that come at the same time are compared one after the other: kept costs only ever fall."""
    costs = [-1, -5, -3, -5, -2, -4, -6, -6]

    def attempt(cost: int) -> int | None:
        try:
            propose(store, cost)
        except NotBetter:
            return None
        return cost

    with ThreadPoolExecutor(len(costs)) as pool:
        kept = [cost for cost in pool.map(attempt, costs) if cost is not None]
    history = [held.cost for held in store.targets.get(OWN.key).history]

    assert sorted(kept, reverse=True) == history
    assert history[-1] == -6
    assert len(set(history)) == len(history)
