"""Use cases on leases: claim, start, renew, return, expire. The fence is checked inside every write transaction."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import Connection, Row, ScalarSelect, Update, exists, insert, select, update
from sqlalchemy.exc import IntegrityError

from neurorig_protocols.errors import ErrorRecord, LeaseLost
from neurorig_protocols.job import JobEvent, JobSpec, JobState
from neurorig_protocols.lease import Lease, LeaseReturn, Renewal, RenewalAnswer
from neurorig_protocols.refusals import AttemptBegan, not_found
from neurorig_server.ids import new_id
from neurorig_server.store import closing, transitions
from neurorig_server.store.database import Database
from neurorig_server.store.tables import (
    attempts,
    benches,
    documents,
    exclusions,
    feasible,
    holds_bench,
    is_queued,
    jobs,
)
from neurorig_server.store.tokens import Principal
from neurorig_server.store.transitions import Cause

SWEEPER = "sweeper"


@dataclass(frozen=True)
class Expired:
    """A lease that ended because nobody renewed it."""

    attempt_id: str
    bench: str
    job_state: JobState


class Leases:
    """Use cases on leases. `ttl_s`: life between two renewals; `exclude_s`: see `closing.py`."""

    def __init__(self, db: Database, *, ttl_s: float = 15, exclude_s: float = 300) -> None:
        self._db = db
        self._ttl = timedelta(seconds=ttl_s)
        self._exclude = timedelta(seconds=exclude_s)

    def claim(self, bench: str, who: Principal, *, lease_id: str | None = None) -> Lease | None:
        """Give the bench the first job in the queue that fits it; None when there is none or the bench is taken.

        `lease_id` is the id that the lease shall have: asked for again it gives the same lease, as long as its attempt
        has not begun. Raises Forbidden, and LeaseLost for the id of a lease that has begun, ended or been handed back.
        """
        who.require_bench(bench)
        # A look without the write lock: most agents that wait, wait for nothing.
        with self._db.read() as connection:
            known = lease_id is not None and _is_known(connection, lease_id)
            if not known and connection.execute(select(_candidate(bench, self._db.now()))).scalar() is None:
                return None
        try:
            with self._db.write() as connection:
                if lease_id is not None and known:
                    return self._again(connection, bench, lease_id)
                return self._claim(connection, bench, who, lease_id)
        except IntegrityError:
            # Two claims for one bench at the same instant: the unique index let one of them through.
            return None

    def _again(self, connection: Connection, bench: str, lease_id: str) -> Lease:
        """Give a lease whose answer was lost once more, with a full life; LeaseLost when it has begun or ended."""
        mine = attempts.c.lease_id == lease_id, attempts.c.bench == bench, attempts.c.state == "leased"
        prolonged = update(attempts).where(*mine).values(expires_at=self._db.now() + self._ttl)
        attempt = connection.execute(prolonged.returning(attempts)).first()
        if attempt is None:
            raise _ended()
        return self._lease(connection.execute(select(jobs).where(jobs.c.seq == attempt.job_seq)).one(), attempt)

    def _claim(self, connection: Connection, bench: str, who: Principal, lease_id: str | None) -> Lease | None:
        now = self._db.now()
        # Its row is held so that the lease is handed back wholly before this or wholly after it.
        host = connection.execute(
            select(benches).where(benches.c.name == bench).with_for_update(key_share=True)
        ).one_or_none()
        if host is None:
            return None
        if lease_id is not None and host.returned_lease == lease_id:
            raise _ended()
        job = connection.execute(_take(bench, now)).first()
        if job is None:
            return None
        attempt = connection.execute(
            insert(attempts)
            .values(
                id=new_id(),
                job_seq=job.seq,
                number=job.attempts,
                bench=bench,
                board=host.board,
                reality=host.reality,
                state="leased",
                lease_id=lease_id or new_id(),
                fence=job.fence,
                leased_at=now,
                expires_at=now + self._ttl,
                codes=[],
            )
            .returning(attempts)
        ).one()
        connection.execute(
            insert(documents).values(attempt_seq=attempt.seq, kind="bench", digest="", at=now, body=host.record)
        )
        cause = Cause(who.name, f"attempt {attempt.number} on bench {bench}")
        transitions.record(self._db, connection, [(job.seq, JobState.LEASED)], JobEvent.CLAIM, cause)
        return self._lease(job, attempt)

    def _lease(self, job: Row[Any], attempt: Row[Any]) -> Lease:
        return Lease(
            lease_id=attempt.lease_id,
            fence=attempt.fence,
            job_id=job.id,
            attempt_id=attempt.id,
            attempt=attempt.number,
            job=JobSpec.model_validate(job.spec),
            ttl_s=self._ttl.total_seconds(),
            expires_at=attempt.expires_at,
        )

    def start(self, lease_id: str, fence: int, who: Principal) -> None:
        """Note that the attempt has begun. Twice is once. Raises LeaseLost, NotFound, Forbidden."""
        now = self._db.now()
        with self._db.write() as connection:
            row = _lease_row(connection, lease_id, who)
            begun = _held(row, fence).where(attempts.c.state == "leased").values(state="running", started_at=now)
            if connection.execute(begun).rowcount:
                cause = Cause(who.name, f"attempt {row.number} began")
                transitions.advance(self._db, connection, row.job_seq, JobEvent.START, cause)
            elif row.state != "running" or row.reported_at is not None:
                raise _ended()

    def renew(self, lease_id: str, renewal: Renewal, who: Principal) -> RenewalAnswer:
        """Prolong a lease and keep its heartbeat. Raises LeaseLost, NotFound, Forbidden."""
        now = self._db.now()
        heartbeat = renewal.model_dump(mode="json", exclude={"kind", "fence"})
        with self._db.write() as connection:
            row = _lease_row(connection, lease_id, who)
            prolonged = _held(row, renewal.fence).values(expires_at=now + self._ttl, heartbeat=heartbeat)
            if not connection.execute(prolonged).rowcount:
                raise _ended()
            connection.execute(update(benches).where(benches.c.name == row.bench).values(last_seen_at=now))
            state = connection.execute(select(jobs.c.state).where(jobs.c.seq == row.job_seq)).scalar_one()
        return RenewalAnswer(expires_at=now + self._ttl, cancel=state == JobState.CANCELLING)

    def grace(self) -> None:
        """Prolong every lease by a full life: no agent could renew while the server was down."""
        with self._db.write() as connection:
            connection.execute(update(attempts).where(holds_bench).values(expires_at=self._db.now() + self._ttl))

    def expire(self) -> tuple[Expired, ...]:
        """End every lease whose time is over: the attempt is lost, its job waits again or fails."""
        with self._db.write() as connection:
            overdue = connection.execute(
                select(attempts)
                .where(holds_bench, attempts.c.expires_at < self._db.now())
                .order_by(attempts.c.seq)
                .with_for_update(skip_locked=True)
            ).all()
            ended = [self._lose(connection, row) for row in overdue]
            freed = frozenset(row.bench for row in overdue)
            for row in overdue:
                freed |= closing.fitting_benches(connection, row.job_seq)
        self._db.wake(freed)
        return tuple(ended)

    def _lose(self, connection: Connection, row: Row[Any]) -> Expired:
        error = LeaseLost(
            f"the agent of bench '{row.bench}' stopped renewing",
            where=f"attempt {row.number}",
            next_step="Look at the agent's log and its network.",
        ).record()
        closing.close_attempt(self._db, connection, row.seq, "lost", error=error)
        state = closing.retry_or_fail(
            self._db, connection, row, error, Cause(SWEEPER, error.message), exclude=self._exclude
        )
        return Expired(attempt_id=row.id, bench=row.bench, job_state=state)


def _candidate(bench: str, now: datetime) -> ScalarSelect[int]:
    """Return the query of the first queued job that fits a free bench; rows that others are taking are passed over."""
    fits = jobs.c.requirement_id.in_(
        select(feasible.c.requirement_id).where(feasible.c.bench == bench).scalar_subquery()
    )
    passed_over = exists().where(
        exclusions.c.job_seq == jobs.c.seq, exclusions.c.bench == bench, exclusions.c.until_at > now
    )
    taken = exists().where(attempts.c.bench == bench, holds_bench)
    return (
        select(jobs.c.seq)
        .where(is_queued, fits, ~passed_over, ~taken)
        .order_by(jobs.c.priority.desc(), jobs.c.seq)
        .limit(1)
        .with_for_update(skip_locked=True, of=jobs)
        .scalar_subquery()
    )


def _take(bench: str, now: datetime) -> Any:
    """Return the one statement that claims: find, lock and mark a job."""
    return (
        update(jobs)
        .where(jobs.c.seq == _candidate(bench, now), transitions.is_legal(JobEvent.CLAIM))
        .values(
            state=transitions.next_state(JobEvent.CLAIM),
            fence=jobs.c.fence + 1,
            attempts=jobs.c.attempts + 1,
            updated_at=now,
        )
        .returning(jobs)
    )


def _held(row: Row[Any], fence: int) -> Update:
    """Return an update of an attempt that is still its agent's; LeaseLost for another fence than the lease's own."""
    # A lease's fence never changes, so it is compared with what this transaction read.
    if row.fence != fence:
        raise _ended()
    return update(attempts).where(attempts.c.seq == row.seq, holds_bench)


def _is_known(connection: Connection, lease_id: str) -> bool:
    return connection.execute(select(attempts.c.seq).where(attempts.c.lease_id == lease_id)).first() is not None


def _lease_row(connection: Connection, lease_id: str, who: Principal) -> Row[Any]:
    row = connection.execute(select(attempts).where(attempts.c.lease_id == lease_id)).first()
    if row is None:
        raise not_found("lease", lease_id)
    who.require_bench(row.bench)
    return row


def _ended() -> LeaseLost:
    return LeaseLost(
        "the lease has ended or the fence is stale",
        next_step="Stop the attempt; its report will be kept as evidence.",
    )


HANDED_BACK = ErrorRecord(
    code="handed_back",
    fault="infra",
    retryable=True,
    message="the agent handed the lease back before the attempt began",
    where="agent",
    next_step="Nothing is to be done: another attempt is made, and this one is not counted.",
)


class Returns:
    """Use cases on returned leases."""

    def __init__(self, db: Database) -> None:
        self._db = db

    def take_back(self, lease_id: str, back: LeaseReturn, who: Principal) -> None:
        """End a lease whose attempt has not begun and queue its job again, without counting the attempt.

        A lease that does not exist yet never will: its claim may still be on its way. Twice is once. Raises Forbidden,
        AttemptBegan, and LeaseLost for another fence or a lease that ended in another way.
        """
        who.require_bench(back.bench)
        # Apart from the rest: a claim that holds the bench's row is over before the lease is looked for.
        with self._db.write() as connection:
            connection.execute(update(benches).where(benches.c.name == back.bench).values(returned_lease=lease_id))
        with self._db.write() as connection:
            leased = attempts.c.lease_id == lease_id, attempts.c.bench == back.bench
            row = connection.execute(select(attempts).where(*leased).with_for_update()).first()
            if row is None or row.state == "returned":
                return
            _require_unbegun(row, back.fence)
            freed = self._requeue(connection, row, who)
        self._db.wake(freed)

    def _requeue(self, connection: Connection, row: Row[Any], who: Principal) -> frozenset[str]:
        closing.close_attempt(self._db, connection, row.seq, "returned", error=HANDED_BACK)
        cause = Cause(who.name, f"attempt {row.number} was handed back before it began")
        transitions.advance(self._db, connection, row.job_seq, JobEvent.REQUEUE, cause)
        return closing.fitting_benches(connection, row.job_seq) | {row.bench}


def _require_unbegun(row: Row[Any], fence: int | None) -> None:
    if fence not in (None, row.fence) or row.state not in ("leased", "running"):
        raise LeaseLost("the lease has ended or the fence is stale", next_step="Nothing is to be handed back.")
    if row.state == "running" or row.reported_at is not None:
        raise AttemptBegan("the attempt has begun", next_step="Close it with a report.")
