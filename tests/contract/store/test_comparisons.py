"""Contract of summaries and comparisons: what a campaign's stored attempts amount to."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from sqlalchemy import event

from neurorig_protocols.api.comparisons import ComparisonRequest, Side
from neurorig_protocols.bench import Boundary
from neurorig_protocols.benchmarks.ratios import Difference, Ratio, Refusal
from neurorig_protocols.energy import EnergyCell, EnergyMatrix, PhaseTotal
from neurorig_protocols.errors import DoesNotFit
from neurorig_protocols.job import JobSpec
from neurorig_protocols.quantities import Absent, BudgetLine, Grade, Quantity, Reality
from neurorig_protocols.refusals import NotFound
from neurorig_protocols.report import AttemptReport
from neurorig_protocols.workloads.qubo.qubo_records import ReachedGap, VerifiedQubo
from neurorig_server.recompute.verdict import Verdict
from neurorig_server.store.jobs import JobFilter
from neurorig_server.store.store import Store
from neurorig_server.store.tokens import Principal

ANSWER = {
    "kind": "qubo", "solver": "annealing", "n": 10, "solution": "/8A=", "solver_cost": -10,
    "requested_s": 0.01, "solve_s": 0.011, "setup_s": 0.002, "stopped_by": "timeout", "clock": "dut",
}  # fmt: skip
NONE = Absent(reason_code="none", reason="none")


def joules(value: float, grade: Grade = "metered") -> Quantity:
    """An energy with one per cent of gain error."""
    line = BudgetLine(name="gain", u=0.01 * value)
    return Quantity(value=value, unit="J", u=line.u, grade=grade, budget=(line,))


def matrix(total_j: float, reality: Reality) -> EnergyMatrix:
    """Two components and two run windows of half a second each."""
    watt = Quantity(value=1, unit="W", u=0, grade="metered")
    cells = tuple(
        EnergyCell(
            component=component, rails=(component,), phase="run", windows=2, duration_s=1.0,
            energy=joules(total_j / 2), per_window=joules(total_j / 4), active_power=watt,
            idle_power=NONE, dynamic=NONE,
        )
        for component in ("core", "memory")
    )  # fmt: skip
    total = PhaseTotal(phase="run", energy=joules(total_j), supply=NONE, residual=NONE)
    boundary = Boundary(components=("core", "memory"), rails=("core", "memory"))
    return EnergyMatrix(reality=reality, boundary=boundary, cells=cells, totals=(total,), windows=())


def verified(cost: int = -9, **fields: Any) -> VerifiedQubo:
    """A recomputed answer, 0.1 above the official target."""
    made = {"solver_cost": cost, "independent_set": True, "official_target": -10, "target_source": "made up"}
    return VerifiedQubo.model_validate({"cost": cost, "gap": (cost + 10) / 10, **made, **fields})


class Ward:
    """Campaigns on benches whose attempts end as told."""

    def __init__(
        self, store: Store, admin: Principal, spec: Callable[..., JobSpec], bench: Callable[..., Any], report: Any
    ) -> None:
        self.store, self.admin = store, admin
        self._spec, self._bench, self._report = spec, bench, report

    def campaign(self, bench: str, *, seeds: int = 5, reality: Reality = "virtual", **spec: Any) -> str:
        """Queue one job per seed on a bench."""
        self._bench(bench, reality=reality)
        specs = [self._spec(seed=seed, needs={"bench": bench}, **spec) for seed in range(seeds)]
        return self.store.campaigns.submit(f"on {bench}", specs, self.admin).id

    def run(
        self, bench: str, *, energy: EnergyMatrix | None = None, answer: VerifiedQubo | None = None, **verdict: Any
    ) -> None:
        """End the next attempt of a bench with a verdict."""
        lease = self.store.leases.claim(bench, self.admin)
        assert lease is not None
        self.store.reports.accept(lease.attempt_id, self._report(answer=ANSWER, fence=lease.fence), self.admin)
        made = {"state": "succeeded", "quality": "valid", "verified": answer or verified(), "energy": energy}
        self.store.reports.finish(lease.attempt_id, Verdict.model_validate({**made, **verdict}))

    def fail(self, bench: str) -> None:
        """End the next attempt of a bench without a result."""
        lease = self.store.leases.claim(bench, self.admin)
        assert lease is not None
        error = DoesNotFit("the chip is too small").record()
        sent: AttemptReport = self._report(outcome="failed", fence=lease.fence, error=error)
        self.store.reports.accept(lease.attempt_id, sent, self.admin)


@pytest.fixture
def ward(store: Store, admin: Principal, spec: Callable[..., JobSpec], bench: Callable[..., Any], report: Any) -> Ward:
    """Campaigns on benches whose attempts end as told."""
    return Ward(store, admin, spec, bench, report)


def test_summary_is_made_of_stored_answers_and_energies(ward: Ward) -> None:
    """Gap, times, mean power and energy of one run come out as they were stored."""
    campaign_id = ward.campaign("bench-a")
    for k in range(5):
        ward.run("bench-a", energy=matrix(2.0, "virtual"), answer=verified(best_gap=0.2 + 0.01 * k))

    found = ward.store.comparisons.summary(campaign_id)
    (row,) = found.summary.rows

    assert (found.complete, found.name, row.complete, row.seeds) == (1.0, "on bench-a", True, (0, 1, 2, 3, 4))
    assert (row.bench, row.board, row.reality, row.solver) == ("bench-a", "virtual-loihi", "virtual", "annealing")
    assert (row.start_event, row.clock) == ("problem loaded", "dut")
    assert isinstance(row.gap_official, Quantity)
    assert isinstance(row.gap_best, Quantity)
    assert (row.gap_official.value, row.gap_best.value) == (pytest.approx(0.1), pytest.approx(0.22))
    assert isinstance(row.power, Quantity)
    assert isinstance(row.energy, Quantity)
    assert (row.power.value, row.power.u, row.power.unit) == (pytest.approx(2.0), pytest.approx(0.02), "W")
    assert (row.energy.value, row.energy.unit) == (pytest.approx(1.0), "J")
    assert row.boundary is not None
    assert row.boundary.components == ("core", "memory")


def test_summary_names_what_is_missing(ward: Ward) -> None:
    """A failed job, an answer that cannot be believed and a waiting job leave the row incomplete."""
    campaign_id = ward.campaign("bench-a")
    ward.run("bench-a")
    ward.fail("bench-a")
    ward.run("bench-a", quality="invalid", codes=("cost_mismatch",))

    found = ward.store.comparisons.summary(campaign_id)
    (row,) = found.summary.rows

    assert (row.seeds, row.complete, found.summary.pending) == ((0,), False, 2)
    assert [(m.seed, m.code) for m in row.missing] == [
        (1, "does_not_fit"), (2, "cost_mismatch"), (3, "pending"), (4, "pending")
    ]  # fmt: skip
    assert isinstance(row.power, Absent)


def test_withheld_energy_leaves_time_and_answer(ward: Ward) -> None:
    """A lost meter takes the power, with its reason, and nothing else."""
    campaign_id = ward.campaign("bench-a", seeds=1)
    lost = {"state": "measurement_invalid", "quality": "invalid", "codes": ("monitor_lost",)}
    ward.run("bench-a", energy_absent="the analyser stopped answering", **lost)

    (row,) = ward.store.comparisons.summary(campaign_id).summary.rows

    assert isinstance(row.gap_official, Quantity)
    assert isinstance(row.power, Absent)
    assert row.power.reason == "the analyser stopped answering"


def test_summary_of_a_time_to_solution_campaign(ward: Ward) -> None:
    """Latencies and energies to the gaps come from the recomputed answers."""
    tts = {"kind": "time-to-solution", "gaps": [0.1], "limit_s": 1.0}
    what = {"name": "qubo-mis", "n": 10, "density": 0.01, "seed": 0, "scenario": tts}
    base = JobSpec.model_validate({"workload": what, "needs": {"bench": "bench-a"}})
    ward.campaign("bench-a", seeds=1)
    ward.run("bench-a")
    campaign_id = ward.store.campaigns.submit("to solution", [base], ward.admin).id
    reached = ReachedGap(gap=0.1, target_cost=-9, cost=-9, latency_s=0.25, energy=joules(0.5))
    ward.run("bench-a", answer=verified(reached=[reached]))

    (row,) = ward.store.comparisons.summary(campaign_id).summary.rows
    (to_gap,) = row.to_gaps

    assert to_gap.latency.median == 0.25
    assert to_gap.energy == joules(0.5)


def test_summary_takes_a_fixed_number_of_queries(ward: Ward) -> None:
    """Forty jobs cost as many statements as four."""
    campaigns = [ward.campaign(f"bench-{n}", seeds=n) for n in (4, 40)]
    for n in (4, 40):
        for _ in range(n):
            ward.run(f"bench-{n}", energy=matrix(2.0, "virtual"))
    counts = []
    for campaign_id in campaigns:
        seen: list[str] = []

        def note(*args: Any, seen: list[str] = seen) -> None:
            seen.append(args[2])

        event.listen(ward.store.db.engine, "before_cursor_execute", note)
        ward.store.comparisons.summary(campaign_id)
        event.remove(ward.store.db.engine, "before_cursor_execute", note)
        counts.append(len([statement for statement in seen if statement.lstrip().startswith("SELECT")]))

    assert counts[0] == counts[1] <= 5


def test_comparison_pairs_two_campaigns(ward: Ward) -> None:
    """The same seeds on two benches become pairs; the ratio follows from what is stored."""
    left, right = ward.campaign("bench-a", seeds=2), ward.campaign("bench-b", seeds=2)
    for _ in range(2):
        ward.run("bench-a", energy=matrix(2.0, "virtual"))
        ward.run("bench-b", energy=matrix(8.0, "virtual"))

    made = ward.store.comparisons.create(
        ComparisonRequest(name="chip against chip", left=Side(campaign=left), right=Side(campaign=right)), ward.admin
    )
    found = ward.store.comparisons.get(made.id)

    assert (found.name, found.left.campaign, found.right.campaign) == ("chip against chip", left, right)
    assert len(found.result.pairs) == 2
    power = next(t for t in found.result.totals if t.metric == "power").mean
    assert isinstance(power, Ratio)
    assert power.low == pytest.approx(0.25)
    assert ward.store.comparisons.of_campaign(left) == (made.id,)
    assert ward.store.comparisons.of_campaign(right) == (made.id,)


def test_comparison_of_two_jobs_refuses_what_it_must(ward: Ward) -> None:
    """A virtual and a physical job share costs, and no power."""
    campaigns = [ward.campaign("bench-a", seeds=1), ward.campaign("host-a", seeds=1, reality="physical")]
    ward.run("bench-a", energy=matrix(2.0, "virtual"))
    ward.run("host-a", energy=matrix(2.0, "physical"))
    jobs = [job.id for c in campaigns for job in ward.store.jobs.list(JobFilter(campaign=c)).items]

    asked = ComparisonRequest(left=Side(job=jobs[0]), right=Side(job=jobs[1]))
    (pair,) = ward.store.comparisons.create(asked, ward.admin).result.pairs
    results = {entry.metric: entry.result for entry in pair.entries}

    assert (pair.left_job, pair.right_job) == tuple(jobs)
    assert isinstance(results["cost"], Difference)
    assert isinstance(results["power"], Refusal)
    assert results["power"].code == "different_reality"


def test_what_is_not_there_is_not_found(ward: Ward) -> None:
    """Unknown sides, comparisons and campaigns are refused."""
    here, nowhere = Side(campaign=ward.campaign("bench-a")), "aaaaaaaaaaaa"

    with pytest.raises(NotFound, match="job"):
        ward.store.comparisons.create(ComparisonRequest(left=here, right=Side(job=nowhere)), ward.admin)
    with pytest.raises(NotFound, match="campaign"):
        ward.store.comparisons.create(ComparisonRequest(left=Side(campaign=nowhere), right=here), ward.admin)
    with pytest.raises(NotFound, match="comparison"):
        ward.store.comparisons.get(nowhere)
    with pytest.raises(NotFound, match="campaign"):
        ward.store.comparisons.summary(nowhere)
