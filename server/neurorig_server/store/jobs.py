"""Use cases on jobs: submit, look, cancel. Claiming and closing them is `leases.py` and `attempts.py`."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import timedelta
from typing import Any

from pydantic import Field
from sqlalchemy import Connection, Row, Select, exists, insert, or_, select

from neurorig_protocols.api.jobs import JobEventView, JobPage, JobView
from neurorig_protocols.forms import NO_ZERO
from neurorig_protocols.job import JobEvent, JobSpec, JobState
from neurorig_protocols.records import Name, Record
from neurorig_protocols.refusals import Forbidden, not_found
from neurorig_server.ids import new_id
from neurorig_server.store import (
    admission,
    evaluations,
    files,
    idempotency,
    requirements,
    targets_of_jobs,
    transitions,
    tunings,
)
from neurorig_server.store.database import Database
from neurorig_server.store.files import require_files
from neurorig_server.store.job_rows import job_views, with_wait
from neurorig_server.store.paging import cut, from_cursor
from neurorig_server.store.tables import attempts, job_events, job_tags, jobs
from neurorig_server.store.tokens import Principal
from neurorig_server.store.transitions import Cause


class JobFilter(Record):
    """What a list of jobs is narrowed to; None does not matter."""

    state: JobState | None = None
    workload: Name | None = None
    board: Name | None = None
    tag: str | None = Field(default=None, min_length=1, max_length=64, pattern=NO_ZERO)
    campaign: Name | None = None


class Jobs:
    """Use cases on jobs. `offline_s`: silence after which a bench counts as offline."""

    def __init__(self, db: Database, *, offline_s: float = 30) -> None:
        self._db = db
        self._offline = timedelta(seconds=offline_s)

    def submit(self, spec: JobSpec, who: Principal, *, key: str | None = None, wait_for_bench: bool = False) -> JobView:
        """Queue a job; the same key and body return the job of the first time.

        Raises Infeasible when no registered bench fits, unless `wait_for_bench`; ReservedTag, KeyReused.
        """
        admission.require_possible(spec, {})
        evaluations.require_free([spec])
        once = idempotency.Key.of(who, key, "job", spec)
        fitting: set[str] = set()
        with self._db.write() as connection:

            def make() -> str:
                jobs = placed(self._db, connection, [spec], wait_for_bench=wait_for_bench, fitting=fitting)
                return insert_jobs(self._db, connection, jobs, who)[0]

            job_id = idempotency.once(self._db, connection, once, make)
        self._db.wake(frozenset(fitting))
        return self.get(job_id)

    def get(self, job_id: str) -> JobView:
        """Return one job; NotFound."""
        with self._db.read() as connection:
            row = _row(connection, job_id)
            (view,) = job_views(connection, [row])
            return with_wait(connection, row, view, seen_since=self._db.now() - self._offline)

    def list(self, wanted: JobFilter, *, limit: int = 50, cursor: str | None = None) -> JobPage:
        """Return a page of jobs, newest first."""
        query = _filtered(select(jobs), wanted).order_by(jobs.c.seq.desc()).limit(limit + 1)
        if cursor is not None:
            query = query.where(jobs.c.seq < from_cursor(cursor))
        with self._db.read() as connection:
            rows = connection.execute(query).all()
            page, more = cut(rows, limit)
            return JobPage(items=job_views(connection, page), next=more)

    def cancel(self, job_id: str, who: Principal) -> JobView:
        """Ask for a job's end: a waiting one ends now, a running one when its agent has closed its window.

        Raises IllegalTransition for a job that has ended, Forbidden for another's job without the scope operate.
        """
        with self._db.write() as connection:
            row = _row(connection, job_id)
            if row.submitted_by != who.id and not (who.may("operate") or who.may("admin")):
                raise Forbidden("only the job's owner or an operator may cancel it")
            now = row.cancel_requested_at or self._db.now()
            cause = Cause(who.name, "asked to cancel")
            transitions.advance(self._db, connection, row.seq, JobEvent.CANCEL, cause, cancel_requested_at=now)
        return self.get(job_id)

    def history(self, job_id: str) -> tuple[JobEventView, ...]:
        """Return what happened to a job, oldest first; NotFound."""
        c = job_events.c
        with self._db.read() as connection:
            row = _row(connection, job_id)
            lines = connection.execute(select(job_events).where(c.job_seq == row.seq).order_by(c.seq))
            return tuple(
                JobEventView(at=line.at, event=line.event, state=line.state, who=line.who, why=line.why)
                for line in lines
            )


def placed(
    db: Database, connection: Connection, specs: Sequence[JobSpec], *, wait_for_bench: bool, fitting: set[str]
) -> list[tuple[JobSpec, int]]:
    """Return the jobs with what declarations and targets give them, each with its requirement id.

    Raises Infeasible for one that fits no bench, unless `wait_for_bench`. Adds the benches that fit to `fitting`.
    """
    require_files(connection, specs)
    specs = targets_of_jobs.resolve(connection, tunings.settle(connection, specs))
    asked: dict[str, int] = {}
    found: list[tuple[JobSpec, int]] = []
    for spec in specs:
        key = requirements.digest(spec)
        if key not in asked:
            asked[key] = requirements.ensure(db, connection, spec)
            if not wait_for_bench:
                requirements.require_feasible(connection, asked[key], spec)
            fitting |= requirements.fitting_benches(connection, asked[key])
        found.append((spec, asked[key]))
    return found


def insert_jobs(
    db: Database,
    connection: Connection,
    specs: Sequence[tuple[JobSpec, int]],
    who: Principal,
    *,
    campaign_id: str | None = None,
) -> list[str]:
    """Insert queued jobs with their requirement ids; return their ids in the same order."""
    now = db.now()
    values = [_values(spec, requirement, who, campaign_id, now) for spec, requirement in specs]
    made = insert(jobs).returning(jobs.c.seq, sort_by_parameter_order=True)
    seqs = [int(row.seq) for row in connection.execute(made, values)]
    tagged = [
        {"job_seq": seq, "tag": tag}
        for seq, (spec, _) in zip(seqs, specs, strict=True)
        for tag in sorted(set(spec.tags))
    ]
    if tagged:
        connection.execute(insert(job_tags), tagged)
    files.note(connection, [(seq, spec) for seq, (spec, _) in zip(seqs, specs, strict=True)])
    why = "submitted" if campaign_id is None else f"submitted with campaign {campaign_id}"
    transitions.record(db, connection, [(seq, JobState.QUEUED) for seq in seqs], "submit", Cause(who.name, why))
    return [str(value["id"]) for value in values]


def _values(spec: JobSpec, requirement: int, who: Principal, campaign_id: str | None, now: Any) -> dict[str, Any]:
    return {
        "id": new_id(),
        "state": str(JobState.QUEUED),
        "priority": spec.priority,
        "requirement_id": requirement,
        "workload": spec.workload.name,
        "board": spec.needs.board,
        "spec": spec.model_dump(mode="json"),
        "max_attempts": spec.max_attempts,
        "attempts": 0,
        "fence": 0,
        "campaign_id": campaign_id,
        "submitted_by": who.id,
        "created_at": now,
        "updated_at": now,
    }


def _row(connection: Connection, job_id: str) -> Row[Any]:
    row = connection.execute(select(jobs).where(jobs.c.id == job_id)).first()
    if row is None:
        raise not_found("job", job_id)
    return row


def _filtered(query: Select[Any], wanted: JobFilter) -> Select[Any]:
    if wanted.state is not None:
        query = query.where(jobs.c.state == str(wanted.state))
    if wanted.workload is not None:
        query = query.where(jobs.c.workload == wanted.workload)
    if wanted.board is not None:
        ran = exists().where(attempts.c.job_seq == jobs.c.seq, attempts.c.board == wanted.board)
        query = query.where(or_(jobs.c.board == wanted.board, ran))
    if wanted.tag is not None:
        tagged = exists().where(job_tags.c.job_seq == jobs.c.seq, job_tags.c.tag == wanted.tag)
        query = query.where(tagged)
    if wanted.campaign is not None:
        query = query.where(jobs.c.campaign_id == wanted.campaign)
    return query
