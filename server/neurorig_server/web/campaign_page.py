"""What the page of a campaign shows: per machine its tables and two charts. Not for computing: that is `summary`."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from itertools import groupby
from typing import Any

from neurorig_protocols.bench import Boundary
from neurorig_protocols.benchmarks.summary import Row, ToGap
from neurorig_protocols.quantities import Absent, Quantity, Reality
from neurorig_server.store.store import Store
from neurorig_server.web.charts import Chart, gap_over_timeout, reached_over_time
from neurorig_server.web.numbers import (
    NBSP,
    SINGLE,
    measured_text,
    percent_text,
    plain_text,
    quantity_text,
    uncertain_text,
)

MOST_LIVE_JOBS = 500
"""A page of more jobs does not refresh by itself: it reads every result each time."""

MOST_MACHINES = 8
"""Machines, solvers and parameter sets that one page shows; the API has them all."""
SHORT_CODES = {
    "not_measured": "not measured",
    "energy_absent": "not measured",
    "no_official_target": "no target",
    "no_best_target": "no target",
    "not_reached": "not reached",
    "censored": "not all reached",
    "per_instance_tuning": "refused",
    "no_runs": "no result",
    "different_boundary": "boundaries differ",
}


@dataclass(frozen=True)
class Cell:
    """What stands in a cell: a text, and the whole reason where it is no number."""

    text: str
    reason: str = ""


@dataclass(frozen=True)
class FixedLine:
    """A row of the fixed-timeout table."""

    row: Row
    gap_official: Cell
    gap_best: Cell
    solve: Cell
    power: Cell
    energy: Cell


@dataclass(frozen=True)
class GapLine:
    """A row of the time-to-solution table."""

    row: Row
    to_gap: ToGap
    median: Cell
    mean: Cell
    energy: Cell


@dataclass(frozen=True)
class Machine:
    """All rows of one bench, solver and parameter set."""

    anchor: str
    title: str
    reality: Reality | None
    solver: str
    rules: str
    boundary: Boundary | None
    grades: list[str]
    fixed: list[FixedLine]
    to_gaps: list[GapLine]
    charts: list[Chart]
    notes: list[str]


def context(store: Store, campaign_id: str) -> dict[str, Any]:
    """Return the template's context; NotFound."""
    found = store.comparisons.summary(campaign_id)
    groups = [list(group) for _, group in groupby(found.summary.rows, key=_machine_key)]
    machines = [_machine(k, rows) for k, rows in enumerate(groups[:MOST_MACHINES])]
    return {
        "campaign": found,
        "summary": found.summary,
        "ended": found.summary.pending == 0,
        "live": found.summary.pending > 0 and found.summary.jobs <= MOST_LIVE_JOBS,
        "states": store.campaigns.get(campaign_id).states,
        "machines": machines,
        "has_charts": any(machine.charts for machine in machines),
        "machine_count": len(groups),
        "comparisons": store.comparisons.of_campaign(campaign_id),
        "rounds": store.evaluations.that_drew(_declared_seeds(found.summary.rows)),
        "virtual": any(rows[0].reality == "virtual" for rows in groups),
    }


def _declared_seeds(rows: Iterable[Row]) -> dict[str, set[int]]:
    """Return the graph seeds of the rows, with and without a result, by the declaration that their jobs name."""
    found: dict[str, set[int]] = {}
    for row in rows:
        if row.tuning is not None:
            found.setdefault(row.tuning, set()).update(row.seeds, (missing.seed for missing in row.missing))
    return found


def _machine_key(row: Row) -> tuple[str | None, str, str, str]:
    return row.bench, row.board, row.solver, f"{sorted(row.params.items())} {row.tuning}"


def _machine(k: int, rows: list[Row]) -> Machine:
    first = rows[0]
    reality = first.reality or "physical"
    charts = [gap_over_timeout(rows, f"gap-{k}", reality), reached_over_time(rows, f"reached-{k}", reality)]
    return Machine(
        anchor=f"machine-{k}",
        title=f"{first.bench or 'no bench yet'} ({first.board})",
        reality=first.reality,
        solver=first.solver,
        rules=_rules(first),
        boundary=next((row.boundary for row in rows if row.boundary), None),
        grades=sorted({row.power.grade for row in rows if isinstance(row.power, Quantity)}),
        fixed=[_fixed(row) for row in rows if row.scenario.kind == "fixed-timeout"],
        to_gaps=[_to_gap(row, item) for row in rows for item in row.to_gaps],
        charts=[chart for chart in charts if chart is not None],
        notes=_notes(rows),
    )


def _rules(row: Row) -> str:
    params = ", ".join(f"{name} = {value}" for name, value in row.params.items()) or "the board's own parameters"
    frozen = f"frozen as {row.tuning}" if row.tuning else "not declared beforehand"
    return f"{params}; {frozen}"


def _fixed(row: Row) -> FixedLine:
    return FixedLine(
        row=row,
        gap_official=_mean(row.gap_official, percent_cell),
        gap_best=_mean(row.gap_best, percent_cell),
        solve=_mean(row.solve, cell),
        power=_mean(row.power, cell),
        energy=_mean(row.energy, cell),
    )


def _to_gap(row: Row, item: ToGap) -> GapLine:
    median = item.latency.median
    shown = absent_cell(median) if isinstance(median, Absent) else Cell(measured_text(median, "s"))
    return GapLine(
        row=row,
        to_gap=item,
        median=shown,
        mean=_mean(item.latency.restricted_mean, cell),
        energy=_mean(item.energy, cell),
    )


def _mean(found: Quantity | Absent, show: Callable[[Quantity | Absent], Cell]) -> Cell:
    """Show a mean; one of a single seed is marked, and the notes below say what that means."""
    shown = show(found)
    if isinstance(found, Absent) or found.n > 1:
        return shown
    return Cell(f"{shown.text.removesuffix(f' ({SINGLE})')} (n{NBSP}={NBSP}1)")


def cell(found: Quantity | Absent) -> Cell:
    """Return a quantity's text, or the short form of its reason."""
    return absent_cell(found) if isinstance(found, Absent) else Cell(quantity_text(found))


def percent_cell(found: Quantity | Absent) -> Cell:
    """Return a share as a percentage with its expanded uncertainty."""
    if isinstance(found, Absent):
        return absent_cell(found)
    return Cell(percent_with_u(found.value, found.expanded))


def percent_with_u(value: float, expanded: float | None) -> str:
    """Return shares as "3.2 ± 1.1 %", or "3.2 %" where they are exact; one without an uncertainty says why."""
    if expanded is None:
        return f"{percent_text(value)} ({SINGLE})"
    if expanded == 0:
        return percent_text(value)
    return f"{uncertain_text(100 * value, 100 * expanded, '1')}{NBSP}%"


def absent_cell(found: Absent) -> Cell:
    """Return the short form of a reason, with the whole one beside it."""
    return Cell(SHORT_CODES.get(found.reason_code, found.reason_code.replace("_", " ")), found.reason)


def _notes(rows: list[Row]) -> list[str]:
    """Name missing seeds, infeasible answers and refusals, each reason once."""
    seen: dict[str, list[str]] = {}
    for row in rows:
        size = f"n = {row.n}, {percent_text(row.density)}, {plain_text(row.requested_s, 's')}"
        for item in row.missing:
            seen.setdefault(f"No result ({item.code}): {item.reason}", []).append(f"{size}, seed {item.seed}")
        for seed in row.infeasible:
            seen.setdefault("The answer is no independent set", []).append(f"{size}, seed {seed}")
        if len(row.seeds) == 1 and not row.refused:
            seen.setdefault(f"{SINGLE}; ± is the instrument's alone", []).append(size)
        if row.refused:
            seen.setdefault(f"Refused ({row.refused.reason_code}): {row.refused.reason}", []).append(size)
    powers = [row.power for row in rows]
    unmetered = dict.fromkeys(p.reason for p in powers if isinstance(p, Absent) and p.reason_code == "not_measured")
    return [
        *(f"Power and energy are not measured: {reason}." for reason in unmetered),
        *(f"{reason}. {_listed(where)}." for reason, where in seen.items()),
    ]


def _listed(where: list[str], most: int = 4) -> str:
    shown = list(dict.fromkeys(where))
    rest = f" and {len(shown) - most} more" if len(shown) > most else ""
    return "; ".join(shown[:most]) + rest
