"""Results as text: measured values, means over seeds, ratios and differences, and why there is no number."""

from __future__ import annotations

from collections.abc import Callable

from neurorig_protocols.api.targets import TargetView
from neurorig_protocols.benchmarks.comparison import Metric, Pair, Total
from neurorig_protocols.benchmarks.ratios import Difference, Ratio, Refusal
from neurorig_protocols.benchmarks.summary import Row
from neurorig_protocols.number_text import (
    NBSP,
    SINGLE,
    count_text,
    measured_text,
    percent_text,
    plain_text,
    quantity_text,
    uncertain_text,
)
from neurorig_protocols.quantities import Absent, Measured
from neurorig_protocols.text.text_table import Cell
from neurorig_protocols.workloads.qubo.qubo_facts import limits_text
from neurorig_protocols.workloads.qubo.qubo_targets import MisProblem

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

SHARES: tuple[Metric, ...] = ("gap to official", "gap to best verified")
"""Metrics that are shares, shown as percentages."""


def cell(found: Measured) -> Cell:
    """Return a quantity's text, or the short form of its reason."""
    return absent_cell(found) if isinstance(found, Absent) else Cell(quantity_text(found))


def percent_cell(found: Measured) -> Cell:
    """Return a share as a percentage with its expanded uncertainty."""
    return absent_cell(found) if isinstance(found, Absent) else Cell(percent_with_u(found.value, found.expanded))


def absent_cell(found: Absent) -> Cell:
    """Return the short form of a reason, with the whole one beside it."""
    return Cell(SHORT_CODES.get(found.reason_code, found.reason_code.replace("_", " ")), found.reason, tone="muted")


def gap_text(gap: float | Absent) -> str:
    """Return a gap as a percentage, or why it is not defined."""
    return f"not defined: {gap.reason}" if isinstance(gap, Absent) else percent_text(gap)


def percent_with_u(value: float, expanded: float | None) -> str:
    """Return shares as "3.2 ± 1.1 %", or "3.2 %" where they are exact; one without an uncertainty says why."""
    if expanded is None:
        return f"{percent_text(value)} ({SINGLE})"
    if expanded == 0:
        return percent_text(value)
    return f"{uncertain_text(100 * value, 100 * expanded, '1')}{NBSP}%"


def mean_cell(found: Measured, show: Callable[[Measured], Cell] = cell) -> Cell:
    """Return a mean over seeds; the mean of a single seed is marked, and `notes` says what that means."""
    shown = show(found)
    if isinstance(found, Absent) or found.n > 1:
        return shown
    return Cell(f"{shown.text.removesuffix(f' ({SINGLE})')} (n{NBSP}={NBSP}1)")


def median_cell(median: float | Absent) -> Cell:
    """Return a median time in seconds."""
    return absent_cell(median) if isinstance(median, Absent) else Cell(measured_text(median, "s"))


def side_cell(found: Measured, metric: Metric) -> Cell:
    """Return the number of one side of a comparison."""
    return percent_cell(found) if metric in SHARES else cell(found)


def compared_cell(found: Ratio | Difference | Refusal, metric: Metric) -> Cell:
    """Return a ratio, a bound, a difference, or a refusal with its sentence."""
    if isinstance(found, Refusal):
        return absent_cell(Absent(reason_code=found.code, reason=found.sentence))
    if isinstance(found, Difference):
        show = percent_with_u if metric in SHARES else _number_with_u
        single = f"; {SINGLE}" if found.u is None else ""
        sign = "+" if found.value > 0 else ""
        return Cell(f"{sign}{show(found.value, 2 * (found.u or 0.0))} (difference{single})")
    return Cell(_ratio(found))


def total_cell(total: Total) -> Cell:
    """Return the mean over all pairs; a mean of one pair says that it has no spread, whatever the meters give."""
    shown = compared_cell(total.mean, total.metric)
    if not isinstance(total.mean, Ratio) or total.mean.n > 1 or not total.mean.u or total.mean.relation != "=":
        return shown
    return Cell(f"{shown.text} ({SINGLE})")


def _number_with_u(value: float, expanded: float) -> str:
    return uncertain_text(value, expanded, "1")


def _ratio(found: Ratio) -> str:
    if found.relation == "=" and found.low is not None:
        single = f" ({SINGLE})" if found.u is None and found.n == 1 else ""
        return _number_with_u(found.low, 2 * (found.u or 0.0)) + single
    low, high = (None if bound is None else plain_text(bound, "1", 3) for bound in (found.low, found.high))
    return {">=": f"≥ {low}", "<=": f"≤ {high}"}.get(found.relation, f"{low} to {high}")


def metric_text(metric: Metric, to_gap: float | None) -> str:
    """Return the name of a number, with the gap that it belongs to."""
    return metric if to_gap is None else f"{metric} to gap {percent_text(to_gap)}"


def pair_text(pair: Pair) -> str:
    """Return the problem and the limit of a pair."""
    named = [f"{name} {_value(name, value)}" for name, value in pair.problem.items() if name != "name"]
    return f"{', '.join(named)}; {limits_text(pair.scenario)}"


def _value(name: str, value: object) -> str:
    if isinstance(value, float) and name == "density":
        return percent_text(value)
    text = count_text(value) if isinstance(value, int) else str(value)
    return f"{text[:19]}…" if name == "problem" else text


def problem_text(view: TargetView) -> str:
    """Return the problem of a target."""
    problem = view.problem
    if isinstance(problem, MisProblem):
        return f"n = {count_text(problem.n)}, {percent_text(problem.density)}, seed {problem.seed}"
    return f"uploaded, {count_text(view.n)} variables, {problem.problem[:19]}…"


def proven_text(view: TargetView) -> str:
    """Return what is known of the least possible cost."""
    if view.optimal:
        return "optimal"
    return "no" if view.bound is None else f"at least {count_text(view.bound)}"


def rules_text(row: Row) -> str:
    """Return a row's parameters and whether they were declared beforehand."""
    params = ", ".join(f"{name} = {value}" for name, value in row.params.items()) or "the board's own parameters"
    frozen = f"frozen as {row.tuning}" if row.tuning else "not declared beforehand"
    return f"{params}; {frozen}"


def notes(rows: list[Row]) -> list[str]:
    """Return a sentence for each missing seed, infeasible answer and refusal, each reason once."""
    seen: dict[str, list[str]] = {}
    for row in rows:
        size = f"n = {row.n}, {percent_text(row.density)}, {plain_text(row.requested_s, 's')}"
        for item in row.missing:
            seen.setdefault(f"No result ({item.code}): {item.reason}", []).append(f"{size}, seed {item.seed}")
        for seed in row.infeasible:
            seen.setdefault("The answer is not an independent set", []).append(f"{size}, seed {seed}")
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
