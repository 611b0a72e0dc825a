"""Targets as tables for people."""

from __future__ import annotations

from collections.abc import Iterable

from rich.table import Table

from neurorig.table_parts import named_values, rows_under
from neurorig.target_views import HeldView, TargetProblemView, TargetView

_SHORT_KEY = 17
"""Of an uploaded problem: `qubo-` and twelve digits of its digest."""
WHOLE = ("key", "attempt")
"""Columns that are not broken over lines, so that they can be copied."""


def targets(found: Iterable[TargetView]) -> Table:
    """One line per problem within 80 columns: both targets, whether the better one is proven, who found it.

    The key is what `neurorig targets show` takes, for all the rest.
    """
    table = rows_under("key", "density", "official", "best verified", "proven", "found by", whole=(*WHOLE, "official"))
    for view in found:
        best, density = view.best, view.problem.density
        table.add_row(
            _short_key(view),
            "–" if density is None else f"{100 * density:g} %",
            _count(view.official.cost if view.official else None),
            _count(best.cost if best else None),
            proven(view),
            best.found_by if best else "",
        )
    return table


def whole_keys(found: Iterable[TargetView]) -> list[str]:
    """Return the keys that `targets` had to shorten, those of uploaded problems, under a heading; nothing without."""
    shortened = [view.key for view in found if _short_key(view) != view.key]
    return ["", "in full:", *shortened] if shortened else []


def _short_key(view: TargetView) -> str:
    return view.key if view.problem.problem is None else f"{view.key[:_SHORT_KEY]}…"


def facts(view: TargetView) -> Table:
    """One target as name and value."""
    official, best = view.official, view.best
    return named_values(
        {
            "target": view.key,
            "problem": problem(view.problem),
            "official target": f"{official.cost} ({official.source}, {official.version})" if official else "none",
            "best verified": f"{best.cost}, {_holder(best)}" if best else "none",
            "proven": proven(view),
            "proof": view.proof or "",
        }
    )


def history(found: Iterable[HeldView]) -> Table:
    """Who held the record, oldest first."""
    table = rows_under("cost", "found by", "on", "when", "attempt", whole=WHOLE)
    for held in found:
        origin = "shipped" if held.shipped else held.attempt_id or "proposed"
        table.add_row(str(held.cost), held.found_by, held.found_on, held.found_at.isoformat(), origin)
    return table


def problem(view: TargetProblemView) -> str:
    """Return a problem in one short phrase."""
    if view.n is None or view.density is None:
        return f"{view.workload} {view.problem}"
    return f"{view.workload} n={view.n} {100 * view.density:g} % seed {view.seed}"


def proven(view: TargetView) -> str:
    """Say what is known of the optimum."""
    if view.optimal:
        return "optimal"
    return "no" if view.bound is None else f"at least {view.bound}"


def _holder(held: HeldView) -> str:
    return f"by {held.found_by} on {held.found_on}, {held.found_at.isoformat()}"


def _count(number: int | None) -> str:
    return "–" if number is None else str(number)
