"""What the page of a campaign shows: per machine its tables and two charts. Not for computing: that is `summary`."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

from neurorig_protocols.benchmarks.summary import Row
from neurorig_protocols.text.result_tables import MachineResults, machines
from neurorig_server.store.store import Store
from neurorig_server.web.charts import Chart, gap_over_timeout, reached_over_time

MOST_LIVE_JOBS = 500
"""A page of more jobs does not refresh by itself: it reads every result each time."""

MOST_MACHINES = 8
"""Machines, solvers and parameter sets that one page shows; the API has them all."""


@dataclass(frozen=True)
class Drawn:
    """The results of one machine with their charts."""

    anchor: str
    results: MachineResults
    charts: list[Chart]


def context(store: Store, campaign_id: str) -> dict[str, Any]:
    """Return the template's context; NotFound."""
    found = store.comparisons.summary(campaign_id)
    groups = machines(found.summary)
    shown = [_machine(k, group) for k, group in enumerate(groups[:MOST_MACHINES])]
    return {
        "campaign": found,
        "summary": found.summary,
        "ended": found.summary.pending == 0,
        "live": found.summary.pending > 0 and found.summary.jobs <= MOST_LIVE_JOBS,
        "states": store.campaigns.get(campaign_id).states,
        "machines": shown,
        "has_charts": any(machine.charts for machine in shown),
        "machine_count": len(groups),
        "comparisons": store.comparisons.of_campaign(campaign_id),
        "rounds": store.evaluations.that_drew(_declared_seeds(found.summary.rows)),
        "virtual": any(row.reality == "virtual" for row in found.summary.rows),
    }


def _declared_seeds(rows: Iterable[Row]) -> dict[str, set[int]]:
    """Return the graph seeds of the rows, with and without a result, by the declaration that their jobs name."""
    found: dict[str, set[int]] = {}
    for row in rows:
        if row.tuning is not None:
            found.setdefault(row.tuning, set()).update(row.seeds, (missing.seed for missing in row.missing))
    return found


def _machine(k: int, found: MachineResults) -> Drawn:
    rows = list(found.rows)
    reality = rows[0].reality or "physical"
    charts = [gap_over_timeout(rows, f"gap-{k}", reality), reached_over_time(rows, f"reached-{k}", reality)]
    return Drawn(f"machine-{k}", found, [chart for chart in charts if chart is not None])
