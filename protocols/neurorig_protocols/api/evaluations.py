"""What a server answers about evaluation rounds."""

from __future__ import annotations

from pydantic import Field

from neurorig_protocols.benchmarks.evaluation import EvaluationRound
from neurorig_protocols.records import Record


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
