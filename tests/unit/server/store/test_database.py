"""Transactions and types of the database layer."""

from __future__ import annotations

import statistics
import threading
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta, timezone
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from sqlalchemy import Column, Integer, MetaData, Table, func, insert, select, text
from sqlalchemy.dialects import sqlite
from sqlalchemy.exc import IntegrityError, StatementError

from neurorig_server.store.database import Database, UtcDateTime, _StddevSamp

NEAR, FAR = datetime(1970, 1, 2), datetime(2200, 1, 1)  # noqa: DTZ001  # hypothesis adds the zone
meta = MetaData()
rows = Table("rows", meta, Column("id", Integer, primary_key=True), Column("at", UtcDateTime))


@pytest.fixture
def db(tmp_path: Path) -> Iterator[Database]:
    """A SQLite database with one table, in a folder that is not there yet."""
    made = Database(f"sqlite:///{tmp_path / 'new' / 'folder' / 'x.db'}")
    with made.write() as connection:
        meta.create_all(connection)
    yield made
    made.close()


def test_sqlite_is_set_up_for_a_server(db: Database) -> None:
    """Write-ahead log, foreign keys, full synchronisation, and patience with other writers."""
    with db.read() as connection:
        found = {p: connection.execute(text(f"PRAGMA {p}")).scalar() for p in ("journal_mode", "foreign_keys")}
        found |= {p: connection.execute(text(f"PRAGMA {p}")).scalar() for p in ("synchronous", "busy_timeout")}

    assert found == {"journal_mode": "wal", "foreign_keys": 1, "synchronous": 2, "busy_timeout": 10_000}


def test_failed_transaction_leaves_nothing(db: Database) -> None:
    """What raised is rolled back as a whole."""
    with pytest.raises(IntegrityError), db.write() as connection:
        connection.execute(insert(rows), [{"id": 1}, {"id": 2}, {"id": 1}])

    with db.read() as connection:
        assert connection.execute(select(func.count()).select_from(rows)).scalar() == 0


def test_writers_follow_each_other(db: Database) -> None:
    """Read-modify-write in many threads loses no update."""
    with db.write() as connection:
        connection.execute(insert(rows).values(id=0))

    def add() -> None:
        for _ in range(10):
            with db.write() as connection:
                last = connection.execute(select(func.max(rows.c.id))).scalar_one()
                connection.execute(insert(rows).values(id=last + 1))

    threads = [threading.Thread(target=add) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    with db.read() as connection:
        assert connection.execute(select(func.max(rows.c.id))).scalar() == 80


@given(at=st.datetimes(NEAR, FAR), hours=st.integers(-12, 12))
def test_instants_come_back_as_the_same_instant_in_utc(at: datetime, hours: int) -> None:
    """Any zone goes in, UTC comes out, to the microsecond."""
    kind = UtcDateTime()
    instant = at.replace(tzinfo=timezone(timedelta(hours=hours)))
    stored = kind.process_bind_param(instant, sqlite.dialect())
    assert stored is not None
    back = kind.process_result_value(stored.replace(tzinfo=None), sqlite.dialect())

    assert back == instant
    assert back.tzinfo is UTC


def test_instant_without_a_zone_is_refused(db: Database) -> None:
    """Nobody can say which instant a naive one is."""
    with pytest.raises(StatementError, match="no time zone"), db.write() as connection:
        connection.execute(insert(rows).values(id=1, at=datetime(2026, 1, 1)))  # noqa: DTZ001  # naive on purpose


@given(st.lists(st.floats(-1e6, 1e6), max_size=30))
def test_sqlite_computes_the_sample_standard_deviation(values: list[float]) -> None:
    """The aggregate that SQLite lacks agrees with Python's own."""
    aggregate = _StddevSamp()
    for value in values:
        aggregate.step(value)
    aggregate.step(None)

    found = aggregate.finalize()

    if len(values) < 2:
        assert found is None
    else:
        assert found == pytest.approx(statistics.stdev(values), rel=1e-9, abs=1e-9)
