"""The two gaps of a recomputed cost: to the official target and to the best verified one. Pure."""

from __future__ import annotations

from neurorig_protocols.benchmarks import qubo_mis
from neurorig_protocols.benchmarks.targets import BestVerified
from neurorig_protocols.job import TimeToSolution
from neurorig_protocols.quantities import Absent

NO_OFFICIAL = Absent(reason_code="no_official_target", reason="the benchmark gives no target for this problem")
NO_BEST = Absent(reason_code="no_best_target", reason="no other verified solution of this problem was known")


def gap_to(cost: int, target: int | None, without: Absent) -> float | Absent:
    """Return the gap of a cost to a target; `without` where there is no target."""
    if target is None:
        return without
    if target == 0:
        return Absent(reason_code="target_is_zero", reason="a gap to a target of 0 is not defined")
    return qubo_mis.gap(cost, target)


def reference_cost(scenario: TimeToSolution, official: int | None) -> int | None:
    """Return the cost that a scenario's gaps are measured from: the one frozen into the job, else the official one."""
    return official if scenario.target_cost is None else scenario.target_cost


def holder(best: BestVerified | None) -> str | None:
    """Say who holds a best verified target, on what and since when."""
    return f"{best.found_by}, {best.found_on}, {best.found_at.isoformat()}" if best else None


def impossible(cost: int, best: BestVerified | None) -> list[str]:
    """Return the code of a cost that a proof rules out: then cost, solution or proof is wrong."""
    return ["below_proven_bound"] if best and best.bound is not None and cost < best.bound else []
