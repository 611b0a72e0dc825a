"""What the page of a comparison shows: totals, the table of rules, and every pair. Not for computing."""

from __future__ import annotations

from typing import Any

from neurorig_protocols.text import result_tables
from neurorig_server.store.store import Store

MOST_PAIRS = 100
"""Pairs that one page shows; the API has them all."""


def context(store: Store, comparison_id: str) -> dict[str, Any]:
    """Return the template's context; NotFound."""
    found = store.comparisons.get(comparison_id)
    result = found.result
    return {
        "comparison": found,
        "result": result,
        "sides": result_tables.sides(found.left, found.right, result),
        "totals": result_tables.totals(result),
        "unpaired": result_tables.unpaired(result),
        "pairs": [(pair, result_tables.pairs([pair])) for pair in result.pairs[:MOST_PAIRS]],
        "required": result_tables.required(result.required),
    }
