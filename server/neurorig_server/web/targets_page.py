"""What the page of targets shows: rows of text from the store's views. Not for finding targets."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any
from urllib.parse import urlencode

from neurorig_protocols.api.targets import TargetView
from neurorig_protocols.number_text import count_text
from neurorig_protocols.text.result_text import problem_text, proven_text
from neurorig_server.store.store import Store
from neurorig_server.store.targets import TargetFilter

NONE = "–"
MOST_ROWS = 500


@dataclass(frozen=True)
class Row:
    """One problem."""

    key: str
    problem: str
    edges: str
    official: str
    best: str
    lower_by: str
    proven: str
    proof: str
    found_by: str
    found_on: str
    found_at: str
    attempt_id: str | None


def context(store: Store, wanted: TargetFilter) -> dict[str, Any]:
    """Return the template's context."""
    found = store.targets.list(wanted, limit=MOST_ROWS)
    chosen = wanted.model_dump(mode="json", exclude_none=True)
    sizes = sorted({view.n for view in found.items}) if not chosen else []
    return {
        "page": "targets",
        "rows": [_row(view) for view in found.items],
        "more": found.more,
        "sizes": [(count_text(n), f"/targets?{urlencode({'n': n})}") for n in sizes],
        "narrowed": ", ".join(f"{name} {value}" for name, value in chosen.items()),
        "lower": sum((view.improvement or 0) > 0 for view in found.items),
        "optimal": sum(view.optimal for view in found.items),
    }


def _row(view: TargetView) -> Row:
    best = view.best
    return Row(
        key=view.key,
        problem=problem_text(view),
        edges=NONE if view.edges is None else count_text(view.edges),
        official=NONE if view.official is None else count_text(view.official.cost),
        best=NONE if best is None else count_text(best.cost),
        lower_by=NONE if view.improvement is None else count_text(view.improvement),
        proven=proven_text(view),
        proof=view.proof or "",
        found_by=best.found_by if best else NONE,
        found_on=best.found_on if best else NONE,
        found_at=best.found_at.isoformat() if best else NONE,
        attempt_id=best.attempt_id if best else None,
    )
