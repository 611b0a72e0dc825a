"""What the page of a comparison shows: totals, the table of rules, and every pair. Not for computing."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from neurorig_protocols.api.comparisons import Side
from neurorig_protocols.benchmarks.comparison import Entry, Pair, Total
from neurorig_protocols.text.result_text import Cell, compared_cell, metric_text, pair_text, side_cell, total_cell
from neurorig_server.store.store import Store

MOST_PAIRS = 100
"""Pairs that one page shows; the API has them all."""

RULE_NAMES = {
    "problem": "instance and scenario",
    "reality": "reality (physical or virtual)",
    "start_event": "start event",
    "boundary": "boundary (components inside and left out)",
    "grade": "grade",
}


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
    median = None if total.median is None else compared_cell(total.median, total.metric)
    return TotalLine(
        name=metric_text(total.metric, total.to_gap),
        total=total,
        mean=total_cell(total),
        median=median,
    )


def _pair(pair: Pair) -> PairLine:
    return PairLine(title=pair_text(pair), pair=pair, entries=[_entry(entry) for entry in pair.entries])


def _entry(entry: Entry) -> EntryLine:
    return EntryLine(
        name=metric_text(entry.metric, entry.to_gap),
        left=side_cell(entry.left, entry.metric),
        right=side_cell(entry.right, entry.metric),
        result=compared_cell(entry.result, entry.metric),
    )
