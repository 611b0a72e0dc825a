"""The jobs of an evaluation round: every size, density and drawn seed in one scenario. Pure."""

from __future__ import annotations

import itertools
from typing import Annotated

from pydantic import Field, StrictInt

from neurorig_protocols.benchmarks.tuning import DENSITIES, SIZES, TuningDeclaration
from neurorig_protocols.job import JobSpec, Needs, QuboMis, Scenario, Solver
from neurorig_protocols.plan import MeasurementPlan
from neurorig_protocols.records import Finite, Record
from neurorig_server.store.errors import FieldProblem, TuningDiffers
from neurorig_server.store.evaluations import tag
from neurorig_server.tuning_views import EvaluationView

Size = Annotated[StrictInt, Field(ge=1, le=100_000)]
Density = Annotated[Finite, Field(ge=0, le=1)]
Tag = Annotated[str, Field(min_length=1, max_length=64)]


class RoundJobs(Record):
    """Which part of the benchmark to run with a round's seeds. The declaration gives board, solver and parameters."""

    sizes: tuple[Size, ...] = Field(default=SIZES, min_length=1, max_length=32)
    densities: tuple[Density, ...] = Field(default=DENSITIES, min_length=1, max_length=16)
    scenario: Scenario
    needs: Needs = Needs()
    plan: MeasurementPlan = MeasurementPlan()
    priority: Annotated[StrictInt, Field(ge=0, le=100)] = 50
    max_attempts: Annotated[StrictInt, Field(ge=1, le=10)] = 3
    tags: tuple[Tag, ...] = Field(default=(), max_length=31)
    comment: str = Field(default="", max_length=2000)


def jobs_of_round(asked: RoundJobs, found: EvaluationView, declaration: TuningDeclaration) -> list[JobSpec]:
    """Return the jobs, the seeds running fastest; TuningDiffers for another board."""
    _require_board(asked, declaration)
    places = itertools.product(asked.sizes, asked.densities, found.seeds or ())
    return [_job(asked, found, declaration, place) for place in places]


def _require_board(asked: RoundJobs, declaration: TuningDeclaration) -> None:
    if asked.needs.board in (None, declaration.board):
        return
    message = f"declared for '{declaration.board}', asked for '{asked.needs.board}'"
    problem = FieldProblem(field="needs.board", message=message, code="tuning_differs")
    raise TuningDiffers("the round's declaration is for another board", problems=[problem])


def _job(
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
