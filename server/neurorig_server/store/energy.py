"""The energy cells of all attempts as rows, and means over them. Not for one attempt's matrix: that is a document."""

from __future__ import annotations

import math
from collections.abc import Mapping
from datetime import datetime
from typing import Any, Literal

from pydantic import AwareDatetime
from sqlalchemy import ColumnElement, Row, Select, func, select

from neurorig_protocols.api.energy import EnergyRow
from neurorig_protocols.energy import EnergyMatrix
from neurorig_protocols.plan import PhaseName
from neurorig_protocols.quantities import GRADE_ORDER, Quantity, Reality
from neurorig_protocols.records import Name, Record
from neurorig_server.store.database import Database
from neurorig_server.store.tables import attempts, energy_cells, jobs

GroupKey = Literal[
    "component", "phase", "board", "bench", "workload",
    "variables", "density", "scenario", "timeout_s", "problem", "count",
]  # fmt: skip
"""What means are grouped by. The second line is read from the job: without it a mean mixes sizes and timeouts."""


class EnergyFilter(Record):
    """What an energy query is narrowed to; None does not matter. `since` is included, `until` is not."""

    workload: Name | None = None
    board: Name | None = None
    component: Name | None = None
    phase: PhaseName | None = None
    reality: Reality | None = None
    since: AwareDatetime | None = None
    until: AwareDatetime | None = None


class Energies:
    """Use cases over the energies of many attempts."""

    def __init__(self, db: Database) -> None:
        self._db = db

    def means(self, wanted: EnergyFilter, group_by: tuple[GroupKey, ...]) -> tuple[EnergyRow, ...]:
        """Return mean energies of one window in joules, per group.

        Reality and measured rails are always part of the group, so no mean crosses a reality or a boundary.
        Attempts whose quality is invalid have no cells.
        """
        with self._db.read() as connection:
            rows = connection.execute(_grouped(wanted, group_by)).all()
        return tuple(_row(row, group_by) for row in rows)


def cell_rows(attempt: Row[Any], matrix: EnergyMatrix, ended_at: datetime) -> list[dict[str, Any]]:
    """Return one row per cell of an attempt's matrix; `attempt` has the attempt's columns and its job's workload."""
    shared = {
        "attempt_seq": attempt.seq,
        "workload": attempt.workload,
        "board": attempt.board,
        "bench": attempt.bench,
        "reality": matrix.reality,
        "ended_at": ended_at,
    }
    return [
        {
            **shared,
            "component": cell.component,
            "phase": cell.phase,
            "rails": ",".join(cell.rails),
            "windows": cell.windows,
            "duration_s": cell.duration_s,
            "energy_j": cell.energy.value,
            "u_j": cell.energy.u,
            "window_j": cell.per_window.value,
            "window_u_j": cell.per_window.u,
            "dynamic_j": cell.dynamic.value if isinstance(cell.dynamic, Quantity) else None,
            "dynamic_u_j": cell.dynamic.u if isinstance(cell.dynamic, Quantity) else None,
            "grade": GRADE_ORDER.index(cell.energy.grade),
        }
        for cell in matrix.cells
    ]


def _of_job() -> dict[GroupKey, ColumnElement[Any]]:
    """Return the group keys that are parameters of the job's workload; NULL where its kind has no such parameter."""
    workload = jobs.c.spec["workload"]
    scenario = workload["scenario"]
    return {
        "variables": workload["n"].as_integer(),
        "density": workload["density"].as_float(),
        "scenario": scenario["kind"].as_string(),
        "timeout_s": func.coalesce(scenario["timeout_s"].as_float(), scenario["limit_s"].as_float()),
        "problem": func.coalesce(workload["problem"].as_string(), workload["model"].as_string()),
        "count": func.coalesce(workload["count"].as_integer(), workload["samples"].as_integer()),
    }


def _grouped(wanted: EnergyFilter, group_by: tuple[GroupKey, ...]) -> Select[Any]:
    asked = {key: column for key, column in _of_job().items() if key in group_by}
    # A subquery, so that a path into the job is one expression where it is selected, grouped and sorted.
    cells = _filtered(wanted, asked).subquery()
    c = cells.c
    keys = [c[key] for key in group_by] + [c.reality, c.rails]
    query = select(
        *keys,
        func.count().label("n"),
        func.avg(c.window_j).label("mean_j"),
        func.avg(c.window_u_j).label("mean_u_j"),
        func.stddev_samp(c.window_j).label("spread_j"),
        func.min(c.grade).label("grade"),
    )
    return query.group_by(*keys).order_by(*keys)


def _filtered(wanted: EnergyFilter, of_job: Mapping[GroupKey, ColumnElement[Any]]) -> Select[Any]:
    """Return the cells that a filter lets through, with the asked parameters of their jobs."""
    c = energy_cells.c
    query = select(energy_cells, *(column.label(key) for key, column in of_job.items()))
    if of_job:
        query = query.join(attempts, attempts.c.seq == c.attempt_seq).join(jobs, jobs.c.seq == attempts.c.job_seq)
    for name in ("workload", "board", "component", "phase", "reality"):
        value = getattr(wanted, name)
        if value is not None:
            query = query.where(c[name] == value)
    if wanted.since is not None:
        query = query.where(c.ended_at >= wanted.since)
    if wanted.until is not None:
        query = query.where(c.ended_at < wanted.until)
    return query


def _row(row: Row[Any], group_by: tuple[GroupKey, ...]) -> EnergyRow:
    # The type-A share of the mean; one attempt alone shows no spread.
    repeats = row.spread_j / math.sqrt(row.n) if row.spread_j is not None else 0.0
    return EnergyRow(
        **{key: getattr(row, key) for key in group_by},
        reality=row.reality,
        rails=tuple(row.rails.split(",")),
        n=row.n,
        mean_j=row.mean_j,
        u_j=math.hypot(row.mean_u_j, repeats),
        spread_j=row.spread_j,
        grade=GRADE_ORDER[row.grade],
    )
