"""Targets as tables for people."""

from __future__ import annotations

from collections.abc import Iterable

from rich.table import Table

from neurorig.target_views import HeldView, TargetProblemView, TargetView


def targets(found: Iterable[TargetView]) -> Table:
    """One line per problem: both targets, how much lower the better one is, whether it is proven."""
    table = _table("problem", "edges", "official", "best verified", "lower by", "proven", "found by", "on", "when")
    for view in found:
        best = view.best
        table.add_row(
            problem(view.problem),
            _count(view.edges),
            _count(view.official.cost if view.official else None),
            _count(best.cost if best else None),
            _count(view.improvement),
            proven(view),
            *((best.found_by, best.found_on, best.found_at.isoformat()) if best else ("", "", "")),
        )
    return table


def facts(view: TargetView) -> Table:
    """One target as name and value."""
    official, best = view.official, view.best
    return _facts(
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
    table = _table("cost", "found by", "on", "when", "attempt")
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


def _table(*columns: str) -> Table:
    table = Table(box=None, header_style="bold", pad_edge=False)
    for column in columns:
        table.add_column(column, no_wrap=column == "problem", overflow="fold")
    return table


def _facts(facts: dict[str, str]) -> Table:
    table = Table(box=None, show_header=False, pad_edge=False)
    table.add_column(style="bold", no_wrap=True)
    table.add_column(overflow="fold")
    for name, value in facts.items():
        if value:
            table.add_row(name, value)
    return table
