"""Answers are recomputed, not believed."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from server_kit import ANSWER, job
from verify_kit import check

from neurorig_protocols.job import JobSpec
from neurorig_protocols.quantities import Absent, Quantity
from neurorig_protocols.workloads.contract import Checked
from neurorig_protocols.workloads.digits.digits_records import ClassifierAnswer, VerifiedClassifier
from neurorig_protocols.workloads.qubo import mis
from neurorig_protocols.workloads.qubo.qubo_records import QuboAnswer, ReachedGap, VerifiedQubo, pack_bits
from neurorig_protocols.workloads.qubo.qubo_targets import BestVerified

ENERGY = Quantity(value=1, unit="J", u=0.1, grade="metered")
N, DENSITY, SEED = 50, 0.1, 3


def spec(n: int = N, density: float = DENSITY, *, gaps: list[float] | None = None) -> JobSpec:
    """Return a QUBO job, time-to-solution when gaps are given."""
    scenario: dict[str, Any] = {"kind": "fixed-timeout", "timeout_s": 1}
    if gaps:
        scenario = {"kind": "time-to-solution", "gaps": gaps, "limit_s": 1}
    workload = {"name": "qubo-mis", "n": n, "density": density, "seed": SEED, "scenario": scenario}
    return JobSpec.model_validate({**job(), "workload": workload})


def answer(bits: np.ndarray, cost: int, **fields: Any) -> QuboAnswer:
    """Return an answer with a solution and the solver's own cost."""
    body = {**ANSWER, "n": len(bits), "solution": pack_bits(bits), "solver_cost": cost, **fields}
    return QuboAnswer.model_validate(body)


def run(spec: JobSpec, found: Any) -> Checked:
    """Check an answer on a bench where every energy is 1 J."""
    return check(spec, found, lambda _window, _latency_s: ENERGY)


def only_gap(checked: Checked) -> ReachedGap:
    """Return the only reached gap."""
    assert isinstance(checked.verified, VerifiedQubo)
    (gap,) = checked.verified.reached
    return gap


def greedy() -> np.ndarray:
    """Return an independent set of the problem, found by the simplest means."""
    problem = mis.instance(N, DENSITY, SEED)
    bits = np.zeros(N, np.uint8)
    for i in range(N):
        bits[i] = 1
        if not problem.is_independent_set(bits):
            bits[i] = 0
    return bits


@given(st.lists(st.integers(0, 1), min_size=N, max_size=N), st.integers(-3, 3))
def test_cost_is_recomputed_from_the_bits(values: list[int], lie: int) -> None:
    """The verified cost is xᵀQx by its definition, and a solver's other claim is a mismatch."""
    bits = np.array(values, np.uint8)
    problem = mis.instance(N, DENSITY, SEED)
    matrix = np.diag(problem.diagonal)
    matrix[problem.rows, problem.cols] = matrix[problem.cols, problem.rows] = problem.weights
    cost = int(bits.astype(int) @ matrix @ bits.astype(int))

    checked = run(spec(), answer(bits, cost + lie))

    assert isinstance(checked.verified, VerifiedQubo)
    assert checked.verified.cost == cost
    assert checked.codes == (("cost_mismatch",) if lie else ())
    assert checked.verified.independent_set == (cost == -int(bits.sum()))


def test_gap_is_to_the_official_target() -> None:
    """The target, its source and the gap are the benchmark's."""
    bits = greedy()
    target = mis.official_target(N, DENSITY, SEED)
    assert target is not None

    checked = run(spec(), answer(bits, -int(bits.sum())))

    assert isinstance(checked.verified, VerifiedQubo)
    assert checked.verified.official_target == target.cost
    assert checked.verified.target_source == target.source
    assert checked.verified.gap == mis.gap(-int(bits.sum()), target.cost)


def test_problem_without_a_target_has_no_gap() -> None:
    """No target is a reason, not a zero."""
    checked = run(spec(n=7, density=0.3), answer(np.zeros(7, np.uint8), 0))

    assert isinstance(checked.verified, VerifiedQubo)
    assert isinstance(checked.verified.gap, Absent)
    assert checked.verified.gap.reason_code == "no_official_target"


@pytest.mark.parametrize(
    ("fields", "codes"),
    [
        ({"solution": "not base64"}, ("malformed_solution",)),
        ({"solution": ""}, ("malformed_solution",)),
        ({"n": N + 1}, ("malformed_solution",)),
    ],
)
def test_malformed_solution_is_a_code(fields: dict[str, Any], codes: tuple[str, ...]) -> None:
    """Bits that are none make no verified answer."""
    bits = np.zeros(N, np.uint8)

    assert run(spec(), answer(bits, 0, **fields)) == Checked(None, codes)


def test_missing_answer_and_answer_of_another_kind_are_codes() -> None:
    """A QUBO job wants a QUBO answer."""
    labels = ClassifierAnswer(model="m", labels=(), expected=(), inputs_digest="sha256:" + "0" * 64, iterations=1)

    assert run(spec(), None).codes == ("no_answer",)
    assert run(spec(), labels).codes == ("answer_of_another_kind",)


def reached(bits: np.ndarray | None, target_cost: int, gap: float = 0.5, **fields: Any) -> dict[str, Any]:
    """Return one reported gap."""
    found = {"latency_s": 0.25, "solution": pack_bits(bits)} if bits is not None else {}
    return {"gap": gap, "target_cost": target_cost, **found, **fields}


def test_reached_gap_is_recomputed_and_gets_its_energy() -> None:
    """Each reached solution is checked against the target of its gap."""
    bits = greedy()
    target = mis.official_target(N, DENSITY, SEED)
    assert target is not None
    wanted = mis.target_cost(target.cost, 0.5)

    gap = only_gap(run(spec(gaps=[0.5]), answer(bits, -int(bits.sum()), reached=[reached(bits, wanted)])))

    assert gap == ReachedGap(gap=0.5, target_cost=wanted, cost=-int(bits.sum()), latency_s=0.25, energy=ENERGY)


def test_gap_that_was_not_reached_is_a_result() -> None:
    """No latency means not reached: no cost, no energy, no fault."""
    target = mis.official_target(N, DENSITY, SEED)
    assert target is not None
    wanted = mis.target_cost(target.cost, 0.5)

    checked = run(spec(gaps=[0.5]), answer(np.zeros(N, np.uint8), 0, reached=[reached(None, wanted)]))

    gap = only_gap(checked)
    assert (gap.latency_s, gap.cost, checked.codes) == (None, None, ())
    assert isinstance(gap.energy, Absent)
    assert gap.energy.reason_code == "not_reached"


def test_false_claims_about_gaps_are_codes() -> None:
    """A solution worse than its gap, another target, and a gap left out are each found."""
    bits, nothing = greedy(), np.zeros(N, np.uint8)
    target = mis.official_target(N, DENSITY, SEED)
    assert target is not None
    wanted = mis.target_cost(target.cost, 0.5)

    def codes(*gaps: dict[str, Any]) -> tuple[str, ...]:
        return run(spec(gaps=[0.5]), answer(bits, -int(bits.sum()), reached=list(gaps))).codes

    assert codes(reached(nothing, wanted)) == ("reached_mismatch",)
    assert codes(reached(bits, wanted + 1)) == ("target_mismatch",)
    assert codes() == ("gap_not_reported",)
    assert codes(reached(bits, wanted, latency_s=-1e-9)) == ("impossible_latency",)
    assert codes(reached(bits, wanted, solution=None)) == ("reached_mismatch",)


@pytest.mark.parametrize(
    ("bound", "codes", "latency_s", "believed_s"),
    [
        (0, ("reached_mismatch",), 0.25, None),
        (1, ("reached_mismatch",), 0.25, None),
        (2, ("reached_within_quantisation",), None, 0.25),
        (3, ("reached_within_quantisation",), None, 0.25),
    ],
)
def test_rounded_costs_claim_counts_only_where_the_exact_cost_reaches(
    bound: int, codes: tuple[str, ...], latency_s: float | None, believed_s: float | None
) -> None:
    """A claim two off its target is false where the board declares less, and not reached where it declares more."""
    bits = greedy()
    cost, target = -int(bits.sum()), mis.official_target(N, DENSITY, SEED)
    assert target is not None
    wanted = mis.target_cost(target.cost, 0.5)
    claimed = bits.copy()
    claimed[np.flatnonzero(bits)[: wanted + 2 - cost]] = 0
    found = reached(claimed, wanted)

    checked = run(spec(gaps=[0.5]), answer(bits, cost, cost_error_bound=bound, reached=[found]))

    gap = only_gap(checked)
    assert (checked.codes, gap.cost, gap.latency_s, gap.believed_s) == (codes, wanted + 2, latency_s, believed_s)
    assert isinstance(gap.energy, Quantity if latency_s else Absent)


def test_exactly_reached_gap_counts_whatever_the_bound() -> None:
    """A board that rounds is believed where its claim holds exactly."""
    bits = greedy()
    target = mis.official_target(N, DENSITY, SEED)
    assert target is not None
    wanted = mis.target_cost(target.cost, 0.5)
    claim = reached(bits, wanted)

    checked = run(spec(gaps=[0.5]), answer(bits, -int(bits.sum()), cost_error_bound=100, reached=[claim]))

    assert (checked.codes, only_gap(checked).latency_s, only_gap(checked).believed_s) == ((), 0.25, None)


@pytest.mark.parametrize(
    ("labels", "expected", "verified", "codes"),
    [
        ((0, 1, 7, 3), (0, 1, 2, 3), VerifiedClassifier(count=4, correct=3, accuracy=0.75), ()),
        ((0, 1, 7, 3), (0, 1, 7, 3), VerifiedClassifier(count=4, correct=3, accuracy=0.75), ("expected_mismatch",)),
        ((0, 1, 2), (0, 1, 2), None, ("wrong_label_count",)),
        ((0, 1, 2, 3), (0, 1, 2), None, ("wrong_label_count",)),
    ],
)
def test_accuracy_is_recounted(
    labels: tuple[int, ...], expected: tuple[int, ...], verified: Any, codes: tuple[str, ...]
) -> None:
    """Accuracy is labels that are right by the test set over images asked for, not by what the agent expected."""
    wanted = JobSpec.model_validate({"workload": {"name": "mnist-digits", "count": 4}})
    said = ClassifierAnswer(
        model="m", labels=labels, expected=expected, inputs_digest="sha256:" + "0" * 64, iterations=1
    )

    assert run(wanted, said) == Checked(verified, codes)


def known(cost: int, **fields: Any) -> BestVerified:
    """Return a best verified target."""
    told = {"cost": cost, "solution": "", "found_by": "somebody", "found_on": "paper", "found_at": "2026-11-21"}
    return BestVerified.model_validate(told | fields)


def test_both_gaps_are_frozen_with_the_answer() -> None:
    """The gap to the best verified target stands beside the official one, with who held it."""
    bits = greedy()
    cost = -int(bits.sum())
    checked = check(spec(), answer(bits, cost), lambda _window, _latency_s: ENERGY, best=known(cost + 1))

    assert isinstance(checked.verified, VerifiedQubo)
    assert checked.verified.best_target == cost + 1
    assert checked.verified.best_source == "somebody, paper, 2026-11-21"
    assert checked.verified.best_gap == mis.gap(cost, cost + 1) < 0
    alone = run(spec(), answer(bits, cost)).verified
    assert isinstance(alone, VerifiedQubo)
    assert isinstance(alone.best_gap, Absent)
    assert alone.best_gap.reason_code == "no_best_target"


def test_an_impossible_cost_is_a_code() -> None:
    """A recomputed cost below a proven bound means that something is wrong, and says so."""
    bits = greedy()
    cost = -int(bits.sum())
    checked = check(spec(), answer(bits, cost), lambda _window, _latency_s: ENERGY, best=known(0, bound=cost + 1))

    assert checked.codes == ("below_proven_bound",)


def test_gaps_go_from_the_frozen_target() -> None:
    """A job with a target of its own is measured from that, and its gaps say which reference it was."""
    bits, job = greedy(), spec(gaps=[0.5]).model_dump()
    job["workload"]["scenario"] |= {"reference": "given", "target_cost": -4}
    found = answer(bits, -int(bits.sum()), reached=[reached(bits, -2)])

    gap = only_gap(run(JobSpec.model_validate(job), found))

    assert (gap.reference, gap.target_cost, gap.cost) == ("given", -2, -int(bits.sum()))
