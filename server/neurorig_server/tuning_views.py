"""What the server answers about tuning declarations and evaluation rounds. Not the rules: those are in protocols."""

from __future__ import annotations

from pydantic import AwareDatetime, Field

from neurorig_protocols.benchmarks.evaluation import EvaluationRound
from neurorig_protocols.benchmarks.tuning import TuningDeclaration
from neurorig_protocols.records import Digest, Record


class TuningView(Record):
    """A frozen declaration: its identity, who declared it first and when."""

    digest: Digest
    declaration: TuningDeclaration
    owner: str = Field(description="name of the token that declared it first")
    created_at: AwareDatetime
    rounds: int = Field(description="evaluation rounds that drew seeds for it")


class TuningPage(Record):
    """A page of declarations, newest first; `next` is the cursor of the page after it."""

    items: tuple[TuningView, ...]
    next: str | None


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
