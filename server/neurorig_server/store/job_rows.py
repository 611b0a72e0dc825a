"""From rows of jobs and attempts to the views that clients read, and why a job waits."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence
from datetime import datetime
from typing import Any

from sqlalchemy import Connection, Row, and_, func, or_, select

from neurorig_protocols.api.jobs import AttemptSummary, JobView
from neurorig_protocols.benchmarks.trial_results import limit_s
from neurorig_protocols.job import JobSpec, JobState
from neurorig_server.store.evaluations import standings
from neurorig_server.store.tables import attempts, benches, feasible, holds_bench, is_queued, jobs

NAMED_BENCHES = 5
"""How many benches a sentence names before it counts the rest."""


def job_views(connection: Connection, rows: Sequence[Row[Any]]) -> tuple[JobView, ...]:
    """Return the views of job rows, with their attempts, in the rows' order."""
    tried = _attempts_of(connection, [row.seq for row in rows])
    specs = [JobSpec.model_validate(row.spec) for row in rows]
    ranks = standings(connection, [(spec, row.created_at) for spec, row in zip(specs, rows, strict=True)])
    return tuple(
        JobView(
            id=row.id,
            state=row.state,
            priority=row.priority,
            spec=spec,
            created_at=row.created_at,
            updated_at=row.updated_at,
            cancel_requested_at=row.cancel_requested_at,
            campaign_id=row.campaign_id,
            error=row.error,
            attempts=tuple(tried[row.seq]),
            standing=rank,
        )
        for row, spec, rank in zip(rows, specs, ranks, strict=True)
    )


def with_wait(connection: Connection, row: Row[Any], view: JobView, *, seen_since: datetime) -> JobView:
    """Add position and reason to the view of a waiting job, and to one that is being cancelled how it ends.

    Benches silent since `seen_since` are offline.
    """
    if row.state == JobState.CANCELLING:
        return view.model_copy(update={"reason": _ending(view.spec)})
    if row.state != JobState.QUEUED:
        return view
    ahead = select(func.count()).where(
        is_queued,
        or_(jobs.c.priority > row.priority, and_(jobs.c.priority == row.priority, jobs.c.seq < row.seq)),
    )
    position = connection.execute(ahead).scalar_one() + 1
    reason = _reason(connection, row.requirement_id, seen_since)
    return view.model_copy(update={"position": position, "reason": reason})


def _ending(spec: JobSpec) -> str:
    """Say in one sentence when a job that is being cancelled ends."""
    scenario = getattr(spec.workload, "scenario", None)
    length = "" if scenario is None else f", at most {limit_s(scenario):g} s"
    return (
        "The agent hears of the cancel within seconds. Boards that can stop a run do so; others finish the window that "
        f"is being measured{length}."
    )


def _attempts_of(connection: Connection, job_seqs: list[int]) -> dict[int, list[AttemptSummary]]:
    found: dict[int, list[AttemptSummary]] = defaultdict(list)
    if not job_seqs:
        return found
    c = attempts.c
    query = select(c.job_seq, c.id, c.number, c.bench, c.state, c.started_at, c.ended_at, c.quality)
    for row in connection.execute(query.where(c.job_seq.in_(job_seqs)).order_by(c.job_seq, c.number)):
        summary = AttemptSummary.model_validate(
            {k: v for k, v in row._mapping.items() if k != "job_seq"}  # noqa: SLF001  # SQLAlchemy's public name for it
        )
        found[row.job_seq].append(summary)
    return found


def _reason(connection: Connection, requirement_id: int, seen_since: datetime) -> str:
    """Say in one sentence why a queued job does not run."""
    taken = select(attempts.c.bench).where(holds_bench)
    query = (
        select(
            benches.c.name,
            (benches.c.last_seen_at >= seen_since).label("online"),
            benches.c.name.in_(taken).label("busy"),
        )
        .join(feasible, feasible.c.bench == benches.c.name)
        .where(feasible.c.requirement_id == requirement_id)
        .order_by(benches.c.name)
    )
    fitting = connection.execute(query).all()
    if not fitting:
        return "No registered bench meets its needs yet."
    online = [row for row in fitting if row.online]
    if not online:
        return f"Every bench that fits is offline: {_named(fitting)}."
    if all(row.busy for row in online):
        return f"Every bench that fits is busy: {_named(online)}."
    return f"Waits for its turn on {_named([row for row in online if not row.busy])}."


def _named(rows: Sequence[Row[Any]]) -> str:
    names = [str(row.name) for row in rows[:NAMED_BENCHES]]
    rest = len(rows) - len(names)
    return ", ".join(names) + (f" and {rest} more" if rest else "")
