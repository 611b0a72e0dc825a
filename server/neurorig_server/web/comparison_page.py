"""What the page of a comparison shows: totals, the table of rules, and every pair. Not for computing."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from neurorig_protocols.api.comparisons import Side
from neurorig_protocols.benchmarks.comparison import Entry, Metric, Pair, Total
from neurorig_protocols.benchmarks.ratios import Difference, Ratio, Refusal
from neurorig_protocols.job import FixedTimeout
from neurorig_protocols.quantities import Absent, Quantity
from neurorig_server.store.store import Store
from neurorig_server.web.campaign_page import Cell, absent_cell, cell, percent_cell, percent_with_u
from neurorig_server.web.numbers import SINGLE, count_text, percent_text, plain_text, uncertain_text

MOST_PAIRS = 100
"""Pairs that one page shows; the API has them all."""

RULE_NAMES = {
    "problem": "instance and scenario",
    "reality": "reality (physical or virtual)",
    "start_event": "start event",
    "boundary": "boundary (components inside and left out)",
    "grade": "grade",
}
COUNTED: tuple[Metric, ...] = ("gap to official", "gap to best verified")


@dataclass(frozen=True)
class EntryLine:
    """One number of a pair."""

    name: str
    left: Cell
    right: Cell
    result: Cell


@dataclass(frozen=True)
class PairLine:
    """One pair with its numbers."""

    title: str
    pair: Pair
    entries: list[EntryLine]


@dataclass(frozen=True)
class TotalLine:
    """One number over all pairs."""

    name: str
    total: Total
    mean: Cell
    median: Cell | None


def context(store: Store, comparison_id: str) -> dict[str, Any]:
    """Return the template's context; NotFound."""
    found = store.comparisons.get(comparison_id)
    result = found.result
    return {
        "comparison": found,
        "result": result,
        "left_url": _url(found.left),
        "right_url": _url(found.right),
        "totals": [_total(total) for total in result.totals],
        "pairs": [_pair(pair) for pair in result.pairs[:MOST_PAIRS]],
        "rules": [(metric, [RULE_NAMES[rule] for rule in rules]) for metric, rules in result.required.items()],
    }


def _url(side: Side) -> str:
    return f"/jobs/{side.job}" if side.job else f"/campaigns/{side.campaign}"


def _total(total: Total) -> TotalLine:
    median = None if total.median is None else result_cell(total.median, total.metric)
    return TotalLine(
        name=_name(total.metric, total.to_gap),
        total=total,
        mean=_mean(total),
        median=median,
    )


def _mean(total: Total) -> Cell:
    """Show the mean; that of one pair says that it has no spread, also where the meters give an uncertainty."""
    shown = result_cell(total.mean, total.metric)
    if not isinstance(total.mean, Ratio) or total.mean.n > 1 or not total.mean.u or total.mean.relation != "=":
        return shown
    return Cell(f"{shown.text} ({SINGLE})")


def _name(metric: Metric, to_gap: float | None) -> str:
    return metric if to_gap is None else f"{metric} to gap {percent_text(to_gap)}"


def _pair(pair: Pair) -> PairLine:
    named = [f"{name} {_value(name, value)}" for name, value in pair.problem.items() if name != "name"]
    limit = pair.scenario.timeout_s if isinstance(pair.scenario, FixedTimeout) else pair.scenario.limit_s
    kind = "fixed timeout" if isinstance(pair.scenario, FixedTimeout) else "to solution, limit"
    title = f"{', '.join(named)}; {kind} {plain_text(limit, 's')}"
    return PairLine(title=title, pair=pair, entries=[_entry(entry) for entry in pair.entries])


def _value(name: str, value: object) -> str:
    if isinstance(value, float) and name == "density":
        return percent_text(value)
    return count_text(value) if isinstance(value, int) else str(value)


def _entry(entry: Entry) -> EntryLine:
    return EntryLine(
        name=_name(entry.metric, entry.to_gap),
        left=_side(entry.left, entry.metric),
        right=_side(entry.right, entry.metric),
        result=result_cell(entry.result, entry.metric),
    )


def _side(found: Quantity | Absent, metric: Metric) -> Cell:
    return percent_cell(found) if metric in COUNTED else cell(found)


def result_cell(found: Ratio | Difference | Refusal, metric: Metric) -> Cell:
    """Return a ratio, a bound, a difference, or a refusal with its sentence."""
    if isinstance(found, Refusal):
        short = absent_cell(Absent(reason_code=found.code, reason=found.sentence))
        return Cell(short.text, found.sentence)
    if isinstance(found, Difference):
        show = percent_with_u if metric in COUNTED else _number_with_u
        single = f"; {SINGLE}" if found.u is None else ""
        return Cell(f"{show(found.value, 2 * (found.u or 0.0))} (difference{single})")
    return Cell(_ratio(found))


def _number_with_u(value: float, expanded: float) -> str:
    return uncertain_text(value, expanded, "1")


def _ratio(found: Ratio) -> str:
    if found.relation == "=" and found.low is not None:
        single = f" ({SINGLE})" if found.u is None and found.n == 1 else ""
        return _number_with_u(found.low, 2 * (found.u or 0.0)) + single
    low, high = (None if bound is None else plain_text(bound, "1", 3) for bound in (found.low, found.high))
    return {">=": f"≥ {low}", "<=": f"≤ {high}"}.get(found.relation, f"{low} to {high}")
