"""Summaries and comparisons as tables for people and as CSV. What is missing, censored or refused says so."""

from __future__ import annotations

import csv
import io
import json
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from itertools import groupby
from typing import TYPE_CHECKING, Any

from rich.table import Table

from neurorig.cli import quantity_text as text
from neurorig.cli import tables
from neurorig.cli.tables import rows_under
from neurorig_protocols.api.comparisons import ComparisonView
from neurorig_protocols.benchmarks.comparison import Compared, Machine, Total
from neurorig_protocols.benchmarks.ratios import Difference, Refusal
from neurorig_protocols.benchmarks.summary import Row, Summary, ToGap
from neurorig_protocols.job import TimeToSolution
from neurorig_protocols.quantities import Absent, Measured, Quantity, quantity_or_none

if TYPE_CHECKING:
    from rich.console import RenderableType

SHORT = {"energy_absent": "not measured", "not_measured": "not measured", "censored": "not all reached"}

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
        pictures += _notes(rows)
    state = f"{found.jobs - found.pending} of {found.jobs} jobs have ended"
    left_out = f"; {found.left_out} of another workload are left out" if found.left_out else ""
    return [*pictures, "", f"{state}{left_out}. {found.start_rule} {found.stop_rule}"]


def machine(row: Row) -> str:
    """Say who made the numbers of a row."""
    params = f", parameters {json.dumps(row.params, sort_keys=True)}" if row.params else ""
    tuning = f", tuning {row.tuning}" if row.tuning else ""
    where = f" ({row.board}, {row.reality or 'no result yet'})"
    return f"{row.bench or 'no bench yet'}{where}, solver {row.solver}{params}{tuning}"


def fixed_timeout(rows: Iterable[Row]) -> Table:
    """One line per size, density and timeout."""
    table = rows_under("n", "density", "timeout", "seeds", "gap, official", "gap, best", "actual time", "mean power")
    for row in rows:
        table.add_row(
            str(row.n),
            f"{100 * row.density:g} %",
            text.plain(row.requested_s, "s"),
            _seeds(row),
            *_gaps(row),
            _mean(row.solve),
            _mean(row.power),
        )
    return table


def time_to_solution(rows: Iterable[Row]) -> Table:
    """One line per size, density and gap."""
    columns = ("n", "density", "limit", "to gap", "seeds", "reached", "median", "mean use of the limit", "energy")
    table = rows_under(*columns)
    for row in rows:
        size = (str(row.n), f"{100 * row.density:g} %", text.plain(row.requested_s, "s"))
        for to_gap in row.to_gaps:
            goal = f"{100 * to_gap.gap:g} %, {_reference(row)}"
            table.add_row(*size, goal, _seeds(row), *_latency(to_gap))
        if not row.to_gaps:
            table.add_row(*size, "all", _seeds(row), "", _refused(row), "", "")
    return table


def _reference(row: Row) -> str:
    return row.scenario.reference if isinstance(row.scenario, TimeToSolution) else ""


def _latency(to_gap: ToGap) -> tuple[str, str, str, str]:
    found = to_gap.latency
    median = text.plain(found.median, "s") if isinstance(found.median, float) else "not reached"
    used = _mean(found.restricted_mean)
    return f"{found.reached} of {found.runs}", median, used, _mean(to_gap.energy)


def _gaps(row: Row) -> tuple[str, str]:
    if row.refused is not None:
        return _refused(row), ""
    official, best = (_mean(gap, _percent) for gap in (row.gap_official, row.gap_best))
    return (f"{official} (not a set: seed {', '.join(map(str, row.infeasible))})" if row.infeasible else official), best


def _refused(row: Row) -> str:
    return f"refused: {row.refused.reason_code}" if isinstance(row.refused, Absent) else "no result"


def _seeds(row: Row) -> str:
    return "5 seeds" if row.complete and len(row.seeds) == 5 else row.seeds_text + ("" if row.complete else " !")


def _notes(rows: Sequence[Row]) -> Iterator[str]:
    """Name missing seeds and refusals below the tables, each reason once."""
    seen: dict[str, list[str]] = {}
    for row in rows:
        for item in row.missing:
            seen.setdefault(f"{item.code}: {item.reason}", []).append(f"n = {row.n} seed {item.seed}")
        if len(row.seeds) == 1 and row.refused is None:
            seen.setdefault(f"{text.SINGLE}; ± is the instrument's alone", []).append(f"n = {row.n}")
        if isinstance(row.refused, Absent):
            seen.setdefault(f"{row.refused.reason_code}: {row.refused.reason}", []).append(f"n = {row.n}")
    for reason in dict.fromkeys(row.power.reason for row in rows if isinstance(row.power, Absent) and row.seeds):
        yield f"! power and energy: {reason}"
    for reason, where in seen.items():
        shown = ", ".join(dict.fromkeys(where[:4])) + (f" and {len(where) - 4} more" if len(where) > 4 else "")
        yield f"! {reason} ({shown})"


def _mean(found: Measured, show: Callable[[Measured], str] | None = None) -> str:
    """Show a mean; one of a single seed is marked, and a note below says what that means."""
    shown = (show or _number)(found)
    if isinstance(found, Absent) or found.n > 1:
        return shown
    return f"{shown.removesuffix(f' ({text.SINGLE})')} (n = 1)"


def _number(found: Measured) -> str:
    if isinstance(found, Absent):
        return SHORT.get(found.reason_code, f"absent: {found.reason_code}")
    return text.quantity(found.value, found.u, found.unit, found.k)


def _percent(found: Measured) -> str:
    if isinstance(found, Absent):
        return f"absent: {found.reason_code}"
    shown = percent(found.value, found.k * (found.u or 0.0))
    return shown if found.u is not None else f"{shown} ({text.SINGLE})"


def percent(value: float, expanded: float) -> str:
    """Return shares as "+3.2 ± 1.1 %", or "+3.21 %" where they are exact."""
    return f"{100 * value:+.2f} %" if expanded == 0 else f"{uncertain(100 * value, 100 * expanded, '+')} %"


def uncertain(value: float, expanded: float, sign: str = "") -> str:
    """Return a number without a unit as "0.250 ± 0.010"; a number without uncertainty has five digits, a cost all."""
    if expanded == 0:
        # A cost is a whole number and keeps all of its digits.
        return f"{value:{sign}.0f}" if value.is_integer() else f"{value:{sign}.5g}"
    digits, shown = text.fitting(value, expanded)
    return f"{value:{sign}.{digits}f} ± {shown:.{digits}f}"


def comparison(found: ComparisonView) -> list[RenderableType]:
    """Return the totals, what has no counterpart, and the sentence that tells left from right."""
    sides = (("left", found.left, found.result.left), ("right", found.right, found.result.right))
    heading = "\n".join(f"{name}: {side.text}, {_machines(who)}" for name, side, who in sides)
    table = rows_under("number", "to gap", "pairs", "mean", "median")
    for total in found.result.totals:
        table.add_row(
            total.metric,
            "" if total.to_gap is None else f"{100 * total.to_gap:g} %",
            f"{total.compared} of {total.pairs}",
            _total(total),
            result(total.median, total.metric) if total.median else "",
        )
    lonely = [f"! {u.side} job {u.job}: {u.refusal.sentence}" for u in found.result.unpaired[:10]]
    more = len(found.result.unpaired) - 10
    lonely += [f"! and {more} more without a counterpart"] if more > 0 else []
    pending = [f"{found.result.pending} jobs have not ended yet"] if found.result.pending else []
    return [heading, "ratios are left / right", table, *lonely, *pending]


def _total(total: Total) -> str:
    """Show the mean over the pairs; that of one pair has no spread, also where the meters give an uncertainty."""
    shown = result(total.mean, total.metric)
    single = total.mean.kind == "ratio" and total.mean.relation == "=" and total.mean.n == 1 and total.mean.u
    return f"{shown} ({text.SINGLE})" if single else shown


def _machines(found: Iterable[Machine]) -> str:
    who = [f"{m.bench} ({m.board}, {m.reality}), solver {m.solver}" for m in found]
    return "; ".join(who) or "no result yet"


def pairs(found: ComparisonView) -> Table:
    """One line per number of each pair."""
    table = rows_under("problem", "number", "to gap", "left", "right", "left / right")
    for pair in found.result.pairs:
        title = f"{_problem(pair.problem)}, {tables.scenario(pair.scenario)}"
        for entry in pair.entries:
            table.add_row(
                title,
                entry.metric,
                "" if entry.to_gap is None else f"{100 * entry.to_gap:g} %",
                _side(entry.left, entry.metric),
                _side(entry.right, entry.metric),
                result(entry.result, entry.metric),
            )
            title = ""
    return table


def _problem(found: Mapping[str, Any]) -> str:
    if (digest := found.get("problem")) is not None:
        return f"{digest[:19]}…"
    return f"n={found['n']} {100 * found['density']:g} % seed {found['seed']}"


def _side(found: Measured, metric: str) -> str:
    if isinstance(found, Quantity) and found.unit == "1":
        return _percent(found) if metric.startswith("gap") else uncertain(found.value, found.k * (found.u or 0.0))
    return _number(found)


def result(found: Compared, metric: str = "") -> str:
    """Return a ratio, a bound, a difference, or the sentence of a refusal."""
    if isinstance(found, Refusal):
        return f"{found.code}: {found.sentence}"
    if isinstance(found, Difference):
        value, u = found.value, found.u or 0.0
        shown = percent(value, 2 * u) if metric.startswith("gap") else uncertain(value, 2 * u, "+")
        return f"{shown} (difference)" if found.u is not None else f"{shown} (difference; {text.SINGLE})"
    low, high = (None if x is None else f"{x:.3g}" for x in (found.low, found.high))
    bounds = {">=": f"≥ {low}", "<=": f"≤ {high}", "between": f"{low} to {high}"}
    if found.relation in bounds:
        return bounds[found.relation]
    single = f" ({text.SINGLE})" if found.u is None and found.n == 1 else ""
    return uncertain(found.low or 0.0, 2 * (found.u or 0.0)) + single


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
