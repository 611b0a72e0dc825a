"""From requests to job specifications: campaign grids, evaluation rounds. Pure."""

from __future__ import annotations

import itertools
import math
from collections.abc import Sequence
from typing import Any

from pydantic import JsonValue, ValidationError

from neurorig_protocols import wording
from neurorig_protocols.api.campaigns import CampaignRequest
from neurorig_protocols.api.evaluations import EvaluationView, RoundJobs
from neurorig_protocols.api.problems import FieldProblem
from neurorig_protocols.benchmarks.tuning import TuningDeclaration
from neurorig_protocols.job import JobSpec, Solver
from neurorig_protocols.refusals import Invalid, TuningDiffers
from neurorig_protocols.workloads.qubo.qubo_records import QuboMis
from neurorig_server.store.evaluations import tag

MAX_JOBS = 10_000


def expand(request: CampaignRequest) -> list[JobSpec]:
    """Return one job per combination, the last path running fastest; Invalid names the path that is wrong."""
    count = math.prod(len(values) for values in request.grid.values())
    if not 1 <= count <= MAX_JOBS:
        message = f"the grid has {count} combinations, 1 to {MAX_JOBS} are possible"
        raise Invalid(message, problems=[FieldProblem(field="grid", message=message, code="grid_size")])
    base = request.base.model_dump(mode="json")
    paths = list(request.grid)
    return [_job(base, paths, values) for values in itertools.product(*request.grid.values())]


def _job(base: dict[str, Any], paths: Sequence[str], values: Sequence[JsonValue]) -> JobSpec:
    body: dict[str, Any] = base
    for path, value in zip(paths, values, strict=True):
        body = _with(body, path, path.split("."), value)
    try:
        return JobSpec.model_validate(body)
    except ValidationError as error:
        chosen = ", ".join(f"{path}={value!r}" for path, value in zip(paths, values, strict=True))
        problems = [_problem(e["loc"], wording.sentence(e, JobSpec), e["type"], paths) for e in error.errors()]
        raise Invalid(f"the combination {chosen} is not a job", problems=problems) from error


def _with(body: dict[str, Any], path: str, parts: Sequence[str], value: JsonValue) -> dict[str, Any]:
    """Return a copy of the body with one value at a path, sharing what does not change."""
    head, *rest = parts
    if not rest:
        return {**body, head: value}
    inner = body.get(head)
    if not isinstance(inner, dict):
        message = f"'{head}' holds no fields"
        raise Invalid(
            f"the path '{path}' leads nowhere: {message}",
            problems=[FieldProblem(field=f"grid.{path}", message=message, code="unknown_path")],
        )
    return {**body, head: _with(inner, path, rest, value)}


def _problem(location: Sequence[str | int], message: str, kind: str, paths: Sequence[str]) -> FieldProblem:
    """Name the grid path that holds a violated field; the field itself where no path does."""
    found = [str(part) for part in location]
    for path in paths:
        wanted = path.split(".")
        # The validator's location also holds tags of unions, which no path names.
        if set(wanted) <= set(found):
            return FieldProblem(field=f"grid.{path}", message=message, code=kind)
    return FieldProblem(field="base." + ".".join(found), message=message, code=kind)


def jobs_of_round(asked: RoundJobs, found: EvaluationView, declaration: TuningDeclaration) -> list[JobSpec]:
    """Return the jobs, the seeds running fastest; TuningDiffers for another board."""
    _require_board(asked, declaration)
    places = itertools.product(asked.sizes, asked.densities, found.seeds or ())
    return [_round_job(asked, found, declaration, place) for place in places]


def _require_board(asked: RoundJobs, declaration: TuningDeclaration) -> None:
    if asked.needs.board in (None, declaration.board):
        return
    message = f"declared for '{declaration.board}', asked for '{asked.needs.board}'"
    problem = FieldProblem(field="needs.board", message=message, code="tuning_differs")
    raise TuningDiffers("the round's declaration is for another board", problems=[problem])


def _round_job(
    asked: RoundJobs, found: EvaluationView, declaration: TuningDeclaration, place: tuple[int, float, int]
) -> JobSpec:
    n, density, seed = place
    return JobSpec(
        workload=QuboMis(name="qubo-mis", n=n, density=density, seed=seed, scenario=asked.scenario),
        # The solver's seed is the round's too, so that nobody can choose it for a graph.
        solver=Solver(name=declaration.solver, seed=seed, tuning=found.tuning),
        needs=asked.needs.model_copy(update={"board": declaration.board}),
        plan=asked.plan,
        priority=asked.priority,
        max_attempts=asked.max_attempts,
        tags=(tag(found.id), *asked.tags),
        comment=asked.comment,
    )
