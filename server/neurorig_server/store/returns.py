"""Use cases on leases that an agent hands back before their attempts begin. Ends that are no failure."""

from __future__ import annotations

from typing import Any

from sqlalchemy import Connection, Row, select, update

from neurorig_protocols.errors import ErrorRecord
from neurorig_protocols.job import JobEvent
from neurorig_protocols.lease import LeaseReturn
from neurorig_server.store import closing, transitions
from neurorig_server.store.database import Database
from neurorig_server.store.errors import AttemptBegan, LeaseEnded
from neurorig_server.store.tables import attempts, benches
from neurorig_server.store.tokens import Principal
from neurorig_server.store.transitions import Cause

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
        AttemptBegan, and LeaseEnded for another fence or a lease that ended in another way.
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
        raise LeaseEnded("the lease has ended or the fence is stale", next_step="Nothing is to be handed back.")
    if row.state == "running" or row.reported_at is not None:
        raise AttemptBegan("the attempt has begun", next_step="Close it with a report.")
