"""Records of requests and answers about evaluation rounds."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field, StrictInt, StringConstraints

from neurorig_protocols.benchmarks.evaluation import EvaluationRound, Nonce
from neurorig_protocols.benchmarks.tuning import DENSITIES, SIZES
from neurorig_protocols.job import Needs
from neurorig_protocols.plan import MeasurementPlan
from neurorig_protocols.records import Digest, Finite, Record
from neurorig_protocols.workloads.qubo.qubo_records import Scenario


class EvaluationView(EvaluationRound):
    """An evaluation round. `secret` and `seeds` are there once it is revealed."""

    owner: str = Field(description="name of the token that opened it")
    comment: str
    jobs: int = Field(description="jobs that carry the round's tag")


class RoundCount(Record):
    """How many rounds drew seeds for one solver on one board: whoever draws until the seeds please is seen here."""

    board: str
    solver: str
    rounds: int
    declarations: int = Field(description="different declarations among them")


class EvaluationPage(Record):
    """A page of rounds, newest first, with the counts of all rounds there are."""

    items: tuple[EvaluationView, ...]
    next: str | None
    open: int = Field(description="rounds that wait for a declaration")
    counts: tuple[RoundCount, ...]


class EvaluationRequest(Record):
    """A round to be opened."""

    benchmark: Literal["qubo-mis"] = "qubo-mis"
    comment: Annotated[str, StringConstraints(max_length=2000)] = ""


class Freeze(Record):
    """What is frozen into a round. The nonce is the submitter's own randomness, so that the server cannot steer."""

    tuning: Digest
    nonce: Nonce = Field(default="", description="random bytes of the submitter as hexadecimal digits")


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
