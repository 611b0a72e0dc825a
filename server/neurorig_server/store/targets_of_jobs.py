"""Resolves what a job's gaps are measured from: the target's cost is written into the job when it is accepted.

So a job says for ever which cost it ran against, whatever record falls later. Not for recomputing solutions.
"""

from __future__ import annotations

from collections.abc import Sequence

from sqlalchemy import Connection

from neurorig_protocols.api.problems import FieldProblem
from neurorig_protocols.job import JobSpec
from neurorig_protocols.refusals import Invalid, NoBestTarget, NoOfficialTarget
from neurorig_protocols.workloads.qubo import mis as qubo_mis
from neurorig_protocols.workloads.qubo import targets_shipped
from neurorig_protocols.workloads.qubo.problem import MAX_SUM
from neurorig_protocols.workloads.qubo.qubo_records import Qubo, QuboMis, Reference, TimeToSolution
from neurorig_protocols.workloads.qubo.qubo_targets import (
    FileProblem,
    MisProblem,
    problem_of,
    require_possible,
    trivial_bound,
)
from neurorig_server.store import targets

REFERENCE = "workload.scenario.reference"
TARGET_COST = "workload.scenario.target_cost"

Problem = MisProblem | FileProblem


def resolve(connection: Connection, specs: Sequence[JobSpec]) -> list[JobSpec]:
    """Return the jobs with their target costs.

    Raises NoOfficialTarget, NoBestTarget, Invalid for a cost that is missing or contradicts its reference, and
    BelowBound for one that is proven to be impossible.
    """
    known: dict[tuple[str, Reference], int] = {}
    return [_resolved(connection, spec, known) for spec in specs]


def _resolved(connection: Connection, spec: JobSpec, known: dict[tuple[str, Reference], int]) -> JobSpec:
    workload = spec.workload
    problem = problem_of(workload)
    if problem is None or not isinstance(workload, QuboMis | Qubo):
        return spec
    scenario = workload.scenario
    if not isinstance(scenario, TimeToSolution):
        return spec
    cost = _given(scenario, problem)
    if cost is None:
        at = (problem.key, scenario.reference)
        if at not in known:
            known[at] = _cost(connection, problem, scenario.reference)
        cost = known[at]
        _require_same(scenario, cost)
    if cost == 0:
        message = "a gap to a target of 0 is not defined"
        raise _invalid(message, TARGET_COST, "target_is_zero", "Give another target, or a fixed timeout.")
    frozen = scenario.model_copy(update={"target_cost": cost})
    return spec.model_copy(update={"workload": workload.model_copy(update={"scenario": frozen})})


def _given(scenario: TimeToSolution, problem: Problem) -> int | None:
    """Return the cost that the job itself gives, None for another reference."""
    if scenario.reference != "given":
        return None
    if scenario.target_cost is None:
        raise _invalid("the reference 'given' needs a target_cost", TARGET_COST, "missing")
    if abs(scenario.target_cost) > MAX_SUM:
        raise _invalid(f"a target_cost lies within ±{MAX_SUM}, as every cost does", TARGET_COST, "out_of_range")
    trivial = trivial_bound(problem) if isinstance(problem, MisProblem) else None
    require_possible(scenario.target_cost, targets_shipped.bound(problem.key) or trivial)
    return scenario.target_cost


def _cost(connection: Connection, problem: Problem, reference: Reference) -> int:
    if reference == "official":
        mis = problem if isinstance(problem, MisProblem) else None
        official = qubo_mis.official_target(mis.n, mis.density, mis.seed) if mis else None
        if official is None:
            message = "the benchmark gives no official target for this problem"
            raise _without(NoOfficialTarget, message, "Ask for the reference 'best-verified'")
        return official.cost
    best = targets.best(connection, problem.key)
    if best is None:
        message = "no verified solution of this problem is known"
        raise _without(NoBestTarget, message, "Propose a solution first, ask for the reference 'given'")
    return best.cost


def _without(kind: type[NoOfficialTarget | NoBestTarget], message: str, way: str) -> NoOfficialTarget | NoBestTarget:
    return kind(
        message,
        problems=[FieldProblem(field=REFERENCE, message=message, code=kind.code)],
        next_step=f"{way}, for the scenario fixed-timeout, or for an official instance.",
    )


def _require_same(scenario: TimeToSolution, cost: int) -> None:
    if scenario.target_cost not in (None, cost):
        message = f"the {scenario.reference} target costs {cost}, the job says {scenario.target_cost}"
        raise _invalid(message, TARGET_COST, "target_differs")


def _invalid(
    message: str,
    field: str,
    code: str,
    next_step: str = "Leave target_cost out, or use the reference 'given' with the cost you mean.",
) -> Invalid:
    problem = FieldProblem(field=field, message=message, code=code)
    return Invalid(message, problems=[problem], next_step=next_step)
