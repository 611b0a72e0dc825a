"""Summaries and comparisons as tables for people and as CSV. What is missing, censored or refused says so."""

from __future__ import annotations

import csv
import io
import json
from collections.abc import Iterable
from itertools import groupby
from typing import TYPE_CHECKING, Any

from rich.table import Table

from neurorig.cli import tables
from neurorig.cli.tables import rows_under
from neurorig_protocols.api.comparisons import ComparisonView
from neurorig_protocols.benchmarks.comparison import Machine
from neurorig_protocols.benchmarks.summary import Row, Summary, ToGap
from neurorig_protocols.number_text import count_text, percent_text, plain_text
from neurorig_protocols.quantities import Absent, Measured, Quantity, quantity_or_none
from neurorig_protocols.text.result_text import (
    Cell,
    compared_cell,
    mean_cell,
    median_cell,
    metric_text,
    notes,
    pair_text,
    percent_cell,
    rules_text,
    side_cell,
    total_cell,
)
from neurorig_protocols.workloads.qubo.qubo_records import TimeToSolution

if TYPE_CHECKING:
    from rich.console import RenderableType

CSV_COLUMNS = (
    "board", "bench", "reality", "solver", "params", "tuning", "n", "density", "scenario", "limit_s", "seeds",
    "complete", "refused", "infeasible_seeds", "gap_official", "u_gap_official", "gap_best", "u_gap_best", "solve_s",
    "power_w", "u_power_w", "energy_j", "u_energy_j", "grade", "to_gap", "reached", "censored", "median_s",
    "restricted_mean_s", "u_restricted_mean_s", "energy_to_gap_j", "u_energy_to_gap_j",
)  # fmt: skip


def summary(found: Summary) -> list[RenderableType]:
    """Return, for each machine and solver, a heading, its tables and its boundary; last the rules."""
    pictures: list[RenderableType] = []
    for who, group in groupby(found.rows, key=machine):
        rows = list(group)
        pictures += ["", who]
        fixed = [row for row in rows if row.scenario.kind == "fixed-timeout"]
        to_solution = [row for row in rows if row.scenario.kind != "fixed-timeout"]
        pictures += [fixed_timeout(fixed)] if fixed else []
        pictures += ["", time_to_solution(to_solution)] if to_solution else []
        boundary = next((row.boundary for row in rows if row.boundary), None)
        grades = ", ".join(dict.fromkeys(row.power.grade for row in rows if isinstance(row.power, Quantity)))
        pictures += [f"power and energy ({grades}) {tables.boundary(boundary)}"] if boundary else []
        pictures += [f"! {note}" for note in notes(rows)]
    state = f"{found.jobs - found.pending} of {found.jobs} jobs have ended"
    left_out = f"; {found.left_out} of another workload are left out" if found.left_out else ""
    return [*pictures, "", f"{state}{left_out}. {found.start_rule} {found.stop_rule}"]


def machine(row: Row) -> str:
    """Return who made the numbers of a row."""
    where = f"{row.bench or 'no bench yet'} ({row.board}, {row.reality or 'no result yet'})"
    return f"{where}, solver {row.solver}: {rules_text(row)}"


def fixed_timeout(rows: Iterable[Row]) -> Table:
    """One line per size, density and timeout."""
    table = rows_under("n", "density", "timeout", "seeds", "gap, official", "gap, best", "actual time", "mean power")
    for row in rows:
        gaps = [mean_cell(gap, percent_cell).text for gap in (row.gap_official, row.gap_best)]
        if row.refused is not None:
            gaps = [f"refused: {row.refused.reason_code}", ""]
        elif row.infeasible:
            gaps[0] += f" (not a set: seed {', '.join(map(str, row.infeasible))})"
        table.add_row(*_size(row), _seeds(row), *gaps, mean_cell(row.solve).text, mean_cell(row.power).text)
    return table


def time_to_solution(rows: Iterable[Row]) -> Table:
    """One line per size, density and gap."""
    columns = ("n", "density", "limit", "to gap", "seeds", "reached", "median", "mean use of the limit", "energy")
    table = rows_under(*columns)
    for row in rows:
        reference = row.scenario.reference if isinstance(row.scenario, TimeToSolution) else ""
        for to_gap in row.to_gaps:
            table.add_row(
                *_size(row),
                f"{percent_text(to_gap.gap)}, {reference}",
                _seeds(row),
                f"{to_gap.latency.reached} of {to_gap.latency.runs}",
                median_cell(to_gap.latency.median).text,
                mean_cell(to_gap.latency.restricted_mean).text,
                mean_cell(to_gap.energy).text,
            )
        if not row.to_gaps:
            why = "no result" if row.refused is None else f"refused: {row.refused.reason_code}"
            table.add_row(*_size(row), "all", _seeds(row), "", why, "", "")
    return table


def _size(row: Row) -> tuple[str, str, str]:
    return count_text(row.n), percent_text(row.density), plain_text(row.requested_s, "s")


def _seeds(row: Row) -> str:
    return "5 seeds" if row.complete and len(row.seeds) == 5 else row.seeds_text + ("" if row.complete else " !")


def comparison(found: ComparisonView) -> list[RenderableType]:
    """Return the totals, what has no counterpart, and the sentence that tells left from right."""
    sides = (("left", found.left, found.result.left), ("right", found.right, found.result.right))
    heading = "\n".join(f"{name}: {side.text}, {_machines(who)}" for name, side, who in sides)
    table = rows_under("number", "pairs", "mean", "median")
    for total in found.result.totals:
        table.add_row(
            metric_text(total.metric, total.to_gap),
            f"{total.compared} of {total.pairs}",
            _whole(total_cell(total)),
            _whole(compared_cell(total.median, total.metric)) if total.median else "",
        )
    lonely = [f"! {u.side} job {u.job}: {u.refusal.sentence}" for u in found.result.unpaired[:10]]
    more = len(found.result.unpaired) - 10
    lonely += [f"! and {more} more without a counterpart"] if more > 0 else []
    pending = [f"{found.result.pending} jobs have not ended yet"] if found.result.pending else []
    return [heading, "ratios are left / right", table, *lonely, *pending]


def _whole(shown: Cell) -> str:
    """Return a cell with the reason that a page shows when the cell is pointed at."""
    return f"{shown.text}: {shown.reason}" if shown.reason else shown.text


def _machines(found: Iterable[Machine]) -> str:
    who = [f"{m.bench} ({m.board}, {m.reality}), solver {m.solver}" for m in found]
    return "; ".join(who) or "no result yet"


def pairs(found: ComparisonView) -> Table:
    """One line per number of each pair."""
    table = rows_under("problem", "number", "left", "right", "left / right")
    for pair in found.result.pairs:
        title = pair_text(pair)
        for entry in pair.entries:
            table.add_row(
                title,
                metric_text(entry.metric, entry.to_gap),
                side_cell(entry.left, entry.metric).text,
                side_cell(entry.right, entry.metric).text,
                _whole(compared_cell(entry.result, entry.metric)),
            )
            title = ""
    return table


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
