"""What a server answers about tuning declarations and evaluation rounds, read as leniently as `neurorig.views`."""

from __future__ import annotations

from typing import Any

from pydantic import AwareDatetime

from neurorig.view_base import View


class TuningView(View):
    """A frozen declaration: its identity, who declared it first and when."""

    digest: str
    declaration: dict[str, Any]
    owner: str
    created_at: AwareDatetime
    rounds: int = 0


class TuningPage(View):
    """A page of declarations, newest first; `next` is the cursor of the page after it."""

    items: tuple[TuningView, ...]
    next: str | None = None


class EvaluationView(View):
    """An evaluation round; the fields after `commitment` are there once it is revealed."""

    id: str
    benchmark: str
    state: str
    owner: str
    comment: str = ""
    opened_at: AwareDatetime
    commitment: str
    frozen_at: AwareDatetime | None = None
    tuning: str | None = None
    nonce: str | None = None
    secret: str | None = None
    seeds: tuple[int, ...] | None = None
    jobs: int = 0


class RoundCountView(View):
    """How many rounds one solver on one board has had, and with how many different declarations."""

    board: str
    solver: str
    rounds: int
    declarations: int


class EvaluationPage(View):
    """A page of rounds, newest first, with the counts of all rounds there are."""

    items: tuple[EvaluationView, ...]
    next: str | None = None
    open: int = 0
    counts: tuple[RoundCountView, ...] = ()
