"""Tables of tuning declarations and evaluation rounds for people."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from rich.table import Table

from neurorig.cli.tables import local_time, named_values, rows_under
from neurorig_protocols.api.evaluations import EvaluationPage, EvaluationView, RoundCount
from neurorig_protocols.api.tunings import TuningView
from neurorig_protocols.benchmarks.tuning import Expressed, Parameter, Step
from neurorig_protocols.benchmarks.tuning import Table as Steps

WHOLE = ("digest", "round", "declaration")
"""Columns that are not broken over lines, so that they can be copied."""


def tunings(found: Iterable[TuningView]) -> Table:
    """One line per declaration."""
    table = rows_under("digest", "board", "solver", "parameters", "declared by", "at", "rounds", whole=WHOLE)
    for view in found:
        names = ", ".join(view.declaration.params) or "none"
        table.add_row(
            view.digest,
            view.declaration.board,
            view.declaration.solver,
            names,
            view.owner,
            local_time(view.created_at),
            str(view.rounds),
        )
    return table


def tuning_facts(view: TuningView) -> Table:
    """A declaration as name and value, each parameter as it was declared."""
    declared = view.declaration
    facts = {
        "digest": view.digest,
        "benchmark": declared.benchmark,
        "board": declared.board,
        "solver": declared.solver,
        "declared": f"{local_time(view.created_at)} by {view.owner}",
        "rounds": f"{view.rounds} evaluation rounds drew seeds for it",
        **{f"  {name}": parameter(value) for name, value in declared.params.items()},
    }
    return named_values(facts)


def parameter(value: Parameter) -> str:
    """Return a declared parameter in one line."""
    if isinstance(value, Expressed):
        return value.expression
    return "; ".join(map(_step, value.steps)) if isinstance(value, Steps) else repr(value)


def _step(step: Step) -> str:
    bounds = {"n": step.n, "density": step.density}
    limits = [f"{name} up to {bound:g}" for name, bound in bounds.items() if bound is not None]
    return f"{step.value!r} for {' and '.join(limits) or 'the rest'}"


def values(params: Mapping[str, Any]) -> Table:
    """Parameters with their values."""
    return named_values({name: repr(value) for name, value in params.items()} or {"parameters": "none are declared"})


def evaluations(page: EvaluationPage) -> Table:
    """One line per round."""
    table = rows_under("round", "state", "opened by", "opened", "frozen", "declaration", "jobs", "comment", whole=WHOLE)
    for view in page.items:
        frozen = local_time(view.frozen_at) if view.frozen_at else ""
        table.add_row(
            view.id, view.state, view.owner, local_time(view.opened_at), frozen, view.tuning or "", str(view.jobs),
            view.comment,
        )  # fmt: skip
    return table


def round_counts(found: Iterable[RoundCount]) -> Table:
    """How often seeds were drawn for each solver on each board."""
    table = rows_under("board", "solver", "rounds", "declarations", whole=WHOLE)
    for count in found:
        table.add_row(count.board, count.solver, str(count.rounds), str(count.declarations))
    return table


def evaluation_facts(view: EvaluationView) -> Table:
    """A round as name and value."""
    facts = {
        "round": view.id,
        "benchmark": view.benchmark,
        "state": view.state,
        "opened": f"{local_time(view.opened_at)} by {view.owner}",
        "comment": view.comment,
        "commitment": view.commitment,
        "frozen": local_time(view.frozen_at) if view.frozen_at else "",
        "declaration": view.tuning or "",
        "nonce": view.nonce or "",
        "secret": view.secret or "sealed until a declaration is frozen",
        "seeds": ", ".join(map(str, view.seeds)) if view.seeds else "not drawn",
        "jobs": str(view.jobs),
    }
    return named_values(facts)
