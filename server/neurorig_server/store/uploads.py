"""Use cases on trace uploads: which trace of which attempt, how long, whether it is complete. Not for the bytes."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from sqlalchemy import Connection, Row, insert, select, update

from neurorig_protocols.api.problems import FieldProblem
from neurorig_protocols.refusals import Invalid, StaleFence, not_found
from neurorig_server.store.database import Database
from neurorig_server.store.tables import attempts, traces
from neurorig_server.store.tokens import Principal


@dataclass(frozen=True)
class Upload:
    """A trace on its way. `attempt_seq` is a number of our own, safe in a file name; size in bytes."""

    attempt_seq: int
    digest: str
    size: int
    complete: bool


class Uploads:
    """Use cases on trace uploads; digests are 64 hex digits."""

    def __init__(self, db: Database) -> None:
        self._db = db

    def find(self, attempt_id: str, digest: str, who: Principal) -> Upload | None:
        """Return an upload, None when it has not begun; NotFound, Forbidden."""
        with self._db.read() as connection:
            row = _attempt(connection, attempt_id, who)
            found = _trace(connection, row.seq, digest)
        return _upload(found) if found else None

    def begin(self, attempt_id: str, digest: str, size: int, fence: int, who: Principal) -> Upload:
        """Note an upload of the attempt's present lease, new or going on.

        Raises NotFound, Forbidden, StaleFence, and Invalid when the length differs from before.
        """
        with self._db.write() as connection:
            row = _held(connection, attempt_id, fence, who)
            found = _trace(connection, row.seq, digest)
            if found is None:
                new = insert(traces).values(attempt_seq=row.seq, digest=digest, size=size, complete=False)
                found = connection.execute(new.returning(traces)).one()
        if found.size != size:
            message = f"the upload began with a length of {found.size} bytes, this says {size}"
            problem = FieldProblem(field="header.Upload-Length", message=message, code="length_changed")
            raise Invalid(message, problems=[problem])
        return _upload(found)

    def complete(self, attempt_id: str, digest: str, fence: int, who: Principal) -> None:
        """Note that all bytes lie in the trace store and have this digest; NotFound, Forbidden, StaleFence."""
        with self._db.write() as connection:
            row = _held(connection, attempt_id, fence, who)
            whole = update(traces).where(traces.c.attempt_seq == row.seq, traces.c.digest == digest)
            connection.execute(whole.values(complete=True))


def _attempt(connection: Connection, attempt_id: str, who: Principal, *, lock: bool = False) -> Row[Any]:
    query = select(attempts).where(attempts.c.id == attempt_id)
    row = connection.execute(query.with_for_update() if lock else query).first()
    if row is None:
        raise not_found("attempt", attempt_id)
    who.require_bench(row.bench)
    return row


def _held(connection: Connection, attempt_id: str, fence: int, who: Principal) -> Row[Any]:
    row = _attempt(connection, attempt_id, who, lock=True)
    if row.fence != fence or row.state not in ("leased", "running") or row.reported_at is not None:
        raise StaleFence("the lease of this attempt has ended")
    return row


def _trace(connection: Connection, attempt_seq: int, digest: str) -> Row[Any] | None:
    query = select(traces).where(traces.c.attempt_seq == attempt_seq, traces.c.digest == digest)
    return connection.execute(query).first()


def _upload(row: Row[Any]) -> Upload:
    return Upload(attempt_seq=row.attempt_seq, digest=row.digest, size=row.size, complete=row.complete)
