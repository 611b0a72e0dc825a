"""Summaries and comparisons as printed on a terminal, and summaries as CSV."""

from __future__ import annotations

import csv
import io
import json
from typing import TYPE_CHECKING, Any

from neurorig.cli.tables import captioned, draw, draw_values
from neurorig_protocols.api.comparisons import ComparisonView
from neurorig_protocols.benchmarks.summary import Row, Summary, ToGap
from neurorig_protocols.number_text import count_text, counted_text
from neurorig_protocols.quantities import Absent, Measured, quantity_or_none
from neurorig_protocols.text import result_tables

if TYPE_CHECKING:
    from rich.console import RenderableType

MOST_UNPAIRED = 10
"""Jobs without a counterpart that are printed; all of them are in the JSON."""

CSV_COLUMNS = (
    "board", "bench", "reality", "solver", "params", "tuning", "n", "density", "scenario", "limit_s", "seeds",
    "complete", "refused", "infeasible_seeds", "gap_official", "u_gap_official", "gap_best", "u_gap_best", "solve_s",
    "power_w", "u_power_w", "energy_j", "u_energy_j", "grade", "to_gap", "reached", "censored", "median_s",
    "restricted_mean_s", "u_restricted_mean_s", "energy_to_gap_j", "u_energy_to_gap_j",
)  # fmt: skip


def summary(found: Summary) -> list[RenderableType]:
    """Return, for each machine and solver, its facts, tables and notes; last the rules."""
    pictures: list[RenderableType] = []
    for machine in result_tables.machines(found):
        pictures += ["", machine.title, draw_values(machine.facts)]
        pictures += [part for table in machine.tables for part in captioned(table)]
        pictures += [f"! {note}" for note in machine.notes]
    return [*pictures, "", result_tables.ended_text(found)]


def comparison(found: ComparisonView, *, show_pairs: bool = False) -> list[RenderableType]:
    """Return the sides, the totals, what has no counterpart, and the pairs where they are asked for."""
    result = found.result
    pictures: list[RenderableType] = [draw_values(result_tables.sides(found.left, found.right, result))]
    pictures += captioned(result_tables.totals(result)) if result.totals else ["no pair has two results yet"]
    lonely = [f"! {u.side} job {u.job}: {u.refusal.sentence}" for u in result.unpaired[:MOST_UNPAIRED]]
    more = len(result.unpaired) - MOST_UNPAIRED
    lonely += [f"! and {count_text(more)} more without a counterpart"] if more > 0 else []
    pictures += lonely
    pictures += [f"{counted_text(result.pending, 'job has', 'jobs have')} not ended yet"] if result.pending else []
    return [*pictures, "", draw(result_tables.pairs(result.pairs))] if show_pairs and result.pairs else pictures


def summary_csv(found: Summary) -> str:
    """Return one line per row, and per gap where there are several; SI units, empty where there is no number."""
    stream = io.StringIO()
    writer = csv.DictWriter(stream, CSV_COLUMNS, lineterminator="\n")
    writer.writeheader()
    for row in found.rows:
        shared = _csv_row(row)
        writer.writerows([{**shared, **_csv_gap(to_gap)} for to_gap in row.to_gaps] or [shared])
    return stream.getvalue()


def _csv_row(row: Row) -> dict[str, Any]:
    power = quantity_or_none(row.power)
    return {
        "board": row.board,
        "bench": row.bench,
        "reality": row.reality,
        "solver": row.solver,
        "params": json.dumps(row.params, sort_keys=True),
        "tuning": row.tuning,
        "n": row.n,
        "density": row.density,
        "scenario": row.scenario.kind,
        "limit_s": row.requested_s,
        "seeds": " ".join(map(str, row.seeds)),
        "complete": row.complete,
        "refused": row.refused.reason_code if isinstance(row.refused, Absent) else None,
        "infeasible_seeds": " ".join(map(str, row.infeasible)),
        **_csv_number("gap_official", row.gap_official),
        **_csv_number("gap_best", row.gap_best),
        "solve_s": solve.value if (solve := quantity_or_none(row.solve)) else None,
        **_csv_number("power_w", row.power),
        **_csv_number("energy_j", row.energy),
        "grade": power.grade if power else None,
    }


def _csv_gap(to_gap: ToGap) -> dict[str, Any]:
    found = to_gap.latency
    return {
        "to_gap": to_gap.gap,
        "reached": found.reached,
        "censored": found.censored,
        "median_s": found.median if isinstance(found.median, float) else None,
        **_csv_number("restricted_mean_s", found.restricted_mean),
        **_csv_number("energy_to_gap_j", to_gap.energy),
    }


def _csv_number(name: str, found: Measured) -> dict[str, float | None]:
    number = quantity_or_none(found)
    return {name: number.value if number else None, f"u_{name}": number.u if number else None}
