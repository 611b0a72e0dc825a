"""What the page of a campaign shows: per machine its tables and two charts. Not for computing: that is `summary`."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from itertools import groupby
from typing import Any

from neurorig_protocols.bench import Boundary
from neurorig_protocols.benchmarks.summary import Row, ToGap
from neurorig_protocols.quantities import Quantity, Reality
from neurorig_protocols.text.result_text import Cell, mean_cell, median_cell, notes, percent_cell, rules_text
from neurorig_server.store.store import Store
from neurorig_server.web.charts import Chart, gap_over_timeout, reached_over_time

MOST_LIVE_JOBS = 500
"""A page of more jobs does not refresh by itself: it reads every result each time."""

MOST_MACHINES = 8
"""Machines, solvers and parameter sets that one page shows; the API has them all."""


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
        rules=rules_text(first),
        boundary=next((row.boundary for row in rows if row.boundary), None),
        grades=sorted({row.power.grade for row in rows if isinstance(row.power, Quantity)}),
        fixed=[_fixed(row) for row in rows if row.scenario.kind == "fixed-timeout"],
        to_gaps=[_to_gap(row, item) for row in rows for item in row.to_gaps],
        charts=[chart for chart in charts if chart is not None],
        notes=notes(rows),
    )


def _fixed(row: Row) -> FixedLine:
    return FixedLine(
        row=row,
        gap_official=mean_cell(row.gap_official, percent_cell),
        gap_best=mean_cell(row.gap_best, percent_cell),
        solve=mean_cell(row.solve),
        power=mean_cell(row.power),
        energy=mean_cell(row.energy),
    )


def _to_gap(row: Row, item: ToGap) -> GapLine:
    return GapLine(
        row=row,
        to_gap=item,
        median=median_cell(item.latency.median),
        mean=mean_cell(item.latency.restricted_mean),
        energy=mean_cell(item.energy),
    )
