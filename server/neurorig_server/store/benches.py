"""Use cases on benches: what agents register and whether they are there."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Any, Literal

from sqlalchemy import Connection, Row, insert, select, update

from neurorig_protocols.api.benches import BenchView, LeaseView
from neurorig_protocols.job import BenchRecord
from neurorig_protocols.refusals import not_found
from neurorig_server.store import requirements
from neurorig_server.store.database import Database
from neurorig_server.store.tables import attempts, benches, holds_bench, jobs
from neurorig_server.store.tokens import Principal

TOUCH_S = 1.0
"""An agent is noted as seen at most this often, so that waiting agents do not keep the database writing."""


class Benches:
    """Use cases on benches. `offline_s`: silence after which a bench counts as offline."""

    def __init__(self, db: Database, *, offline_s: float = 30) -> None:
        self._db = db
        self._offline = timedelta(seconds=offline_s)

    def register(self, record: BenchRecord, who: Principal) -> BenchView:
        """Write or renew a bench and match it with what is asked for; Forbidden for another agent's bench."""
        name = record.profile.name
        who.require_bench(name)
        now = self._db.now()
        values = {
            "reality": record.profile.reality,
            "board": record.profile.board.driver,
            "record": record.model_dump(mode="json"),
            "last_seen_at": now,
        }
        with self._db.write() as connection:
            self._db.serialise(connection, requirements.MATCHING)
            known = connection.execute(update(benches).where(benches.c.name == name).values(**values)).rowcount
            if not known:
                connection.execute(insert(benches).values(name=name, registered_at=now, **values))
            requirements.match_bench(self._db, connection, record)
        return self.get(name)

    def get(self, name: str) -> BenchView:
        """Return one bench; NotFound."""
        with self._db.read() as connection:
            row = connection.execute(select(benches).where(benches.c.name == name)).first()
            if row is None:
                raise not_found("bench", name)
            return _views(connection, [row], self._db.now() - self._offline)[0]

    def list(self) -> tuple[BenchView, ...]:
        """Return all benches by name."""
        with self._db.read() as connection:
            rows = connection.execute(select(benches).order_by(benches.c.name)).all()
            return _views(connection, rows, self._db.now() - self._offline)

    def touch(self, name: str) -> None:
        """Note that the bench's agent was heard of; NotFound for a bench that never registered."""
        now = self._db.now()
        with self._db.read() as connection:
            seen = connection.execute(select(benches.c.last_seen_at).where(benches.c.name == name)).scalar()
        if seen is None:
            raise not_found("bench", name)
        if now - seen > timedelta(seconds=TOUCH_S):
            with self._db.write() as connection:
                connection.execute(update(benches).where(benches.c.name == name).values(last_seen_at=now))


def _views(connection: Connection, rows: Sequence[Row[Any]], seen_since: datetime) -> tuple[BenchView, ...]:
    held = _leases(connection)
    return tuple(_view(row, held.get(row.name), seen_since) for row in rows)


def _view(row: Row[Any], lease: LeaseView | None, seen_since: datetime) -> BenchView:
    record = BenchRecord.model_validate(row.record)
    state: Literal["online", "offline", "busy"] = "online" if row.last_seen_at >= seen_since else "offline"
    return BenchView(
        name=row.name,
        reality=row.reality,
        board=row.board,
        profile=record.profile,
        board_info=record.board,
        agent_version=record.agent_version,
        last_seen_at=row.last_seen_at,
        state="busy" if lease else state,
        lease=lease,
    )


def _leases(connection: Connection) -> dict[str, LeaseView]:
    query = (
        select(attempts.c.bench, attempts.c.id, jobs.c.id.label("job_id"), attempts.c.expires_at, attempts.c.heartbeat)
        .join(jobs, jobs.c.seq == attempts.c.job_seq)
        .where(holds_bench)
    )
    return {
        row.bench: LeaseView(
            attempt_id=row.id,
            job_id=row.job_id,
            expires_at=row.expires_at,
            phase=(row.heartbeat or {}).get("phase", ""),
        )
        for row in connection.execute(query)
    }
