"""Recomputes what a QUBO answer claims. A wrong answer is a result with a code, not an exception."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import numpy.typing as npt

from neurorig_protocols.quantities import Absent
from neurorig_protocols.workloads.contract import Checked, EnergyUntil, Sources
from neurorig_protocols.workloads.qubo import mis
from neurorig_protocols.workloads.qubo.problem import Problem
from neurorig_protocols.workloads.qubo.qubo_records import (
    Qubo,
    QuboAnswer,
    QuboMis,
    Reached,
    ReachedGap,
    TimeToSolution,
    VerifiedQubo,
    unpack_bits,
)
from neurorig_protocols.workloads.qubo.qubo_targets import BestVerified

NO_OFFICIAL = Absent(reason_code="no_official_target", reason="the benchmark gives no target for this problem")
NO_BEST = Absent(reason_code="no_best_target", reason="no other verified solution of this problem was known")


def gap_to(cost: int, target: int | None, without: Absent) -> float | Absent:
    """Return the gap of a cost to a target; `without` where there is no target."""
    if target is None:
        return without
    if target == 0:
        return Absent(reason_code="target_is_zero", reason="a gap to a target of 0 is not defined")
    return mis.gap(cost, target)


def reference_cost(scenario: TimeToSolution, official: int | None) -> int | None:
    """Return the cost that a scenario's gaps are measured from: the one frozen into the job, else the official one."""
    return official if scenario.target_cost is None else scenario.target_cost


def holder(best: BestVerified | None) -> str | None:
    """Say who holds a best verified target, on what and since when."""
    return f"{best.found_by}, {best.found_on}, {best.found_at.isoformat()}" if best else None


def impossible(cost: int, best: BestVerified | None) -> list[str]:
    """Return the code of a cost that a proof rules out: then cost, solution or proof is wrong."""
    return ["below_proven_bound"] if best and best.bound is not None and cost < best.bound else []


NOT_REACHED = Absent(reason_code="not_reached", reason="the gap was not reached")
WITHIN_QUANTISATION = "reached_within_quantisation"


def check_qubo(workload: QuboMis | Qubo, answer: QuboAnswer, sources: Sources) -> Checked:
    """Recompute a QUBO answer.

    Args:
        workload: the problem and its scenario.
        answer: what was reported.
        sources: energies, the best verified target, uploaded problems.

    Returns:
        Cost, gaps and what was reached; None where the solution is malformed.

    Raises:
        FileNotFoundError: the job's uploaded problem is not there any more.
    """
    best = sources.best
    problem = _problem(workload, sources.stored)
    bits = _bits(answer.solution, problem.n)
    if bits is None or answer.n != problem.n:
        return Checked(None, ("malformed_solution",))
    cost = problem.cost(bits)
    target = _official(workload)
    # A board that had to round the weights says by how much its own cost may be off.
    codes = [] if abs(cost - answer.solver_cost) <= answer.cost_error_bound else ["cost_mismatch"]
    codes += impossible(cost, best)
    gaps: list[ReachedGap] = []
    if isinstance(workload.scenario, TimeToSolution):
        reference = reference_cost(workload.scenario, target.cost if target else None)
        gaps, wrong = _check_gaps(problem, workload.scenario, answer, reference, sources.energy_until)
        codes += wrong
    verified = VerifiedQubo(
        cost=cost,
        solver_cost=answer.solver_cost,
        independent_set=problem.is_independent_set(bits) if isinstance(problem, mis.Instance) else None,
        official_target=target.cost if target else None,
        target_source=target.source if target else None,
        gap=gap_to(cost, target.cost if target else None, NO_OFFICIAL),
        best_target=best.cost if best else None,
        best_source=holder(best),
        best_gap=gap_to(cost, best.cost if best else None, NO_BEST),
        reached=tuple(gaps),
        **_in_unit(problem, cost),
    )
    return Checked(verified, tuple(dict.fromkeys(codes)))


def _problem(workload: QuboMis | Qubo, stored: Callable[[str], Problem] | None) -> Problem:
    if isinstance(workload, QuboMis):
        return mis.instance(workload.n, workload.density, workload.seed)
    if stored is None:
        raise FileNotFoundError(workload.problem)
    return stored(workload.problem)


def _official(workload: QuboMis | Qubo) -> mis.Target | None:
    if isinstance(workload, QuboMis):
        return mis.official_target(workload.n, workload.density, workload.seed)
    return None


def _in_unit(problem: Problem, cost: int) -> dict[str, Any]:
    """Return what an uploaded problem's cost is in its owner's unit; nothing for a problem that has no other unit."""
    if isinstance(problem, mis.Instance):
        return {}
    return {
        "value": float(problem.value(cost)),
        "scale": problem.scale,
        "offset": problem.offset,
        "rounding_bound": problem.rounding_bound,
    }


def _check_gaps(
    problem: Problem, scenario: TimeToSolution, answer: QuboAnswer, reference: int | None, energy_until: EnergyUntil
) -> tuple[list[ReachedGap], list[str]]:
    gaps: list[ReachedGap] = []
    codes: list[str] = []
    for reached, wanted in _by_gap(scenario, answer):
        if reached is None:
            codes.append("gap_not_reported")
            continue
        # Where there is no target to measure from, the reported cost stands.
        target_cost = mis.target_cost(reference, wanted) if reference else reached.target_cost
        gap, wrong = _check_reached(problem, reached, target_cost, answer.cost_error_bound, energy_until)
        codes += wrong
        gaps.append(gap.model_copy(update={"reference": scenario.reference}))
    return gaps, codes


def _by_gap(scenario: TimeToSolution, answer: QuboAnswer) -> list[tuple[Reached | None, float]]:
    reported = {reached.gap: reached for reached in answer.reached}
    return [(reported.get(gap), gap) for gap in scenario.gaps]


def _check_reached(
    problem: Problem,
    reached: Reached,
    target_cost: float,
    bound: int,
    energy_until: EnergyUntil,
) -> tuple[ReachedGap, list[str]]:
    """Recompute one reached gap; it counts only where the exact cost reaches it.

    `bound` is how far the board's own cost may be off. A claim that misses by no more is not a false report: the board
    stopped in good faith, and what is known is that the gap was not reached until then.
    """
    codes = [] if reached.target_cost == target_cost else ["target_mismatch"]
    found = ReachedGap(gap=reached.gap, target_cost=target_cost, cost=None, latency_s=None, energy=NOT_REACHED)
    if reached.latency_s is None:
        return found, codes
    if reached.latency_s < 0:
        return found, [*codes, "impossible_latency"]
    bits = _bits(reached.solution or "", problem.n)
    cost = None if bits is None else problem.cost(bits)
    if cost is not None and 0 < cost - target_cost <= bound:
        return found.model_copy(update={"cost": cost, "believed_s": reached.latency_s}), [*codes, WITHIN_QUANTISATION]
    if cost is None or cost > target_cost:
        codes.append("reached_mismatch")
    energy = energy_until(reached.window, reached.latency_s)
    return found.model_copy(update={"cost": cost, "latency_s": reached.latency_s, "energy": energy}), codes


def _bits(text: str, n: int) -> npt.NDArray[np.uint8] | None:
    try:
        return unpack_bits(text, n)
    except ValueError:
        return None
