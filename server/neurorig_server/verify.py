"""Recomputes what an answer claims. A wrong answer is a result with a code, not an exception. No HTTP, no SQL."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from neurorig_protocols.benchmarks import mnist_digits, qubo_mis
from neurorig_protocols.job import Digits, JobSpec, QuboMis, TimeToSolution
from neurorig_protocols.quantities import Absent, Quantity
from neurorig_protocols.report import Answer, ClassifierAnswer, QuboAnswer, Reached, unpack_bits
from neurorig_server.views import ReachedGap, Verified, VerifiedClassifier, VerifiedQubo

EnergyUntil = Callable[[int, float], Quantity | Absent]
"""Energy from the begin of a run window to so many seconds later."""


@dataclass(frozen=True)
class Checked:
    """A recomputed answer, None when it is malformed, and the codes of what is wrong with it."""

    verified: Verified | None
    codes: tuple[str, ...] = ()


def check(spec: JobSpec, answer: Answer | None, energy_until: EnergyUntil) -> Checked:
    """Recompute an answer of the job's workload."""
    workload = spec.workload
    if answer is None:
        return Checked(None, ("no_answer",))
    if isinstance(workload, QuboMis) and isinstance(answer, QuboAnswer):
        return _check_qubo(workload, answer, energy_until)
    if isinstance(workload, Digits) and isinstance(answer, ClassifierAnswer):
        return _check_classifier(workload, answer)
    return Checked(None, ("answer_of_another_kind",))


def _check_qubo(workload: QuboMis, answer: QuboAnswer, energy_until: EnergyUntil) -> Checked:
    problem = qubo_mis.instance(workload.n, workload.density, workload.seed)
    bits = _bits(answer.solution, workload.n)
    if bits is None or answer.n != workload.n:
        return Checked(None, ("malformed_solution",))
    cost = problem.cost(bits)
    target = qubo_mis.official_target(workload.n, workload.density, workload.seed)
    codes = [] if cost == answer.solver_cost else ["cost_mismatch"]
    gaps: list[ReachedGap] = []
    if isinstance(workload.scenario, TimeToSolution):
        official = target.cost if target else None
        for reached, wanted in _by_gap(workload.scenario, answer):
            gap, wrong = _check_reached(problem, reached, wanted, official, energy_until)
            codes += wrong
            gaps += [gap] if gap else []
    verified = VerifiedQubo(
        cost=cost,
        solver_cost=answer.solver_cost,
        independent_set=problem.is_independent_set(bits),
        official_target=target.cost if target else None,
        target_source=target.source if target else None,
        gap=_gap(cost, target),
        reached=tuple(gaps),
    )
    return Checked(verified, tuple(dict.fromkeys(codes)))


def _gap(cost: int, target: qubo_mis.Target | None) -> float | Absent:
    if target is None:
        return Absent(reason_code="no_official_target", reason="the benchmark gives no target for this problem")
    if target.cost == 0:
        return Absent(reason_code="target_is_zero", reason="a gap to a target of 0 is not defined")
    return qubo_mis.gap(cost, target.cost)


def _by_gap(scenario: TimeToSolution, answer: QuboAnswer) -> list[tuple[Reached | None, float]]:
    reported = {reached.gap: reached for reached in answer.reached}
    return [(reported.get(gap), gap) for gap in scenario.gaps]


def _check_reached(
    problem: qubo_mis.Instance,
    reached: Reached | None,
    gap: float,
    official: int | None,
    energy_until: EnergyUntil,
) -> tuple[ReachedGap | None, list[str]]:
    """Recompute one reached gap against the official target; against the reported one where there is none."""
    if reached is None:
        return None, ["gap_not_reported"]
    target_cost = qubo_mis.target_cost(official, gap) if official else reached.target_cost
    codes = [] if reached.target_cost == target_cost else ["target_mismatch"]
    not_reached = Absent(reason_code="not_reached", reason="the gap was not reached")
    if reached.latency_s is None:
        return ReachedGap(gap=gap, target_cost=target_cost, cost=None, latency_s=None, energy=not_reached), codes
    bits = _bits(reached.solution or "", problem.n)
    cost = None if bits is None else problem.cost(bits)
    if cost is None or cost > target_cost:
        codes.append("reached_mismatch")
    energy = energy_until(reached.window, reached.latency_s)
    found = ReachedGap(gap=gap, target_cost=target_cost, cost=cost, latency_s=reached.latency_s, energy=energy)
    return found, codes


def _bits(text: str, n: int) -> npt.NDArray[np.uint8] | None:
    try:
        return unpack_bits(text, n)
    except ValueError:
        return None


def _check_classifier(workload: Digits, answer: ClassifierAnswer) -> Checked:
    labels, right = answer.labels, mnist_digits.expected_labels(workload.first, workload.count)
    if not len(labels) == len(answer.expected) == workload.count:
        return Checked(None, ("wrong_label_count",))
    # The test set's own labels count, whatever the agent believes them to be.
    found = mnist_digits.score(labels, right)
    verified = VerifiedClassifier(count=found.count, correct=found.correct, accuracy=found.accuracy)
    return Checked(verified, () if answer.expected == right else ("expected_mismatch",))
