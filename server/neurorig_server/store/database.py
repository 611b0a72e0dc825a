"""Connections and transactions, the same for SQLite and PostgreSQL. Knows no table.

SQLite: write-ahead log, every write transaction begins IMMEDIATE, and the writers of this process queue on one lock
instead of racing for the file's. PostgreSQL: READ COMMITTED; what must not interleave takes an advisory lock.
"""

from __future__ import annotations

import json
import math
import threading
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager, nullcontext
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from sqlalchemy import Connection, Dialect, Engine, TypeDecorator, create_engine, event, func, make_url, select
from sqlalchemy.types import DateTime

Clock = Callable[[], datetime]
WakeListener = Callable[[frozenset[str]], None]
"""Called after a commit with the benches that may find work now."""

WAKE_CHANNEL = "neurorig_wake"
"""PostgreSQL channel on which servers tell each other the same; the payload is a JSON list of bench names."""
MAX_PAYLOAD_BYTES = 7999

BUSY_TIMEOUT_MS = 10_000
"""How long a SQLite connection waits for another process's write."""


def utc_now() -> datetime:
    """Return the present instant in UTC."""
    return datetime.now(UTC)


class UtcDateTime(TypeDecorator[datetime]):
    """An aware instant; SQLite, which has no such type, keeps UTC text that sorts in order of time."""

    impl = DateTime(timezone=True)
    cache_ok = True

    def process_bind_param(self, value: datetime | None, dialect: Dialect) -> datetime | None:  # noqa: ARG002  # SQLAlchemy's signature
        """Turn an aware instant into UTC; ValueError for a naive one."""
        if value is not None and value.tzinfo is None:
            raise ValueError(f"the instant {value} has no time zone")
        return value.astimezone(UTC) if value is not None else None

    def process_result_value(self, value: datetime | None, dialect: Dialect) -> datetime | None:  # noqa: ARG002  # SQLAlchemy's signature
        """Return the stored instant in UTC."""
        if value is None:
            return None
        return value.replace(tzinfo=UTC) if value.tzinfo is None else value.astimezone(UTC)


class Database:
    """An engine with two kinds of transaction. `clock` is the source of every stored instant."""

    def __init__(self, url: str, *, clock: Clock = utc_now) -> None:
        self.url = make_url(url)
        self.is_sqlite = self.url.get_backend_name() == "sqlite"
        self.now = clock
        self.engine = self._sqlite() if self.is_sqlite else self._postgresql()
        self.listeners: list[WakeListener] = []
        self._writers: AbstractContextManager[Any] = threading.Lock() if self.is_sqlite else nullcontext()

    @contextmanager
    def read(self) -> Iterator[Connection]:
        """A transaction that writes nothing."""
        with self.engine.connect() as connection:
            yield connection

    @contextmanager
    def write(self) -> Iterator[Connection]:
        """A transaction that commits at the end and rolls back on any exception."""
        with self._writers, self.engine.connect() as plain:
            connection = plain.execution_options(neurorig_write=True)
            with connection.begin():
                yield connection

    def serialise(self, connection: Connection, key: int) -> None:
        """Let no other transaction that names the same key run until this one ends."""
        if not self.is_sqlite:
            connection.execute(select(func.pg_advisory_xact_lock(key)))

    def wake(self, benches: frozenset[str]) -> None:
        """Tell waiting lease requests, after the commit, that these benches may find work."""
        if not benches:
            return
        for listener in self.listeners:
            listener(benches)
        if not self.is_sqlite:
            payload = _to_json(sorted(benches))
            # Too many names to list: the empty list stands for every bench.
            text = payload if len(payload) <= MAX_PAYLOAD_BYTES else "[]"
            with self.write() as connection:
                connection.execute(select(func.pg_notify(WAKE_CHANNEL, text)))

    def close(self) -> None:
        """Close all pooled connections."""
        self.engine.dispose()

    def _sqlite(self) -> Engine:
        if self.url.database:
            Path(self.url.database).parent.mkdir(parents=True, exist_ok=True)
        engine = create_engine(self.url, pool_size=10, max_overflow=30, json_serializer=_to_json)
        event.listen(engine, "connect", _prepare_sqlite)
        event.listen(engine, "begin", _begin_sqlite)
        return engine

    def _postgresql(self) -> Engine:
        return create_engine(self.url, pool_size=10, max_overflow=30, pool_pre_ping=True, json_serializer=_to_json)


def _to_json(value: Any) -> str:
    return json.dumps(value, allow_nan=False, sort_keys=True, separators=(",", ":"))


def _prepare_sqlite(connection: Any, _record: Any) -> None:
    # The driver's own transaction control cannot begin IMMEDIATE; `_begin_sqlite` takes its place.
    connection.isolation_level = None
    for pragma in ("journal_mode=WAL", "synchronous=FULL", "foreign_keys=ON", f"busy_timeout={BUSY_TIMEOUT_MS}"):
        connection.execute(f"PRAGMA {pragma}").close()
    connection.create_aggregate("stddev_samp", 1, _StddevSamp)


def _begin_sqlite(connection: Connection) -> None:
    write = connection.get_execution_options().get("neurorig_write", False)
    connection.exec_driver_sql("BEGIN IMMEDIATE" if write else "BEGIN")


class _StddevSamp:
    """Sample standard deviation, which PostgreSQL has and SQLite has not; Welford's update."""

    def __init__(self) -> None:
        self.n, self.mean, self.m2 = 0, 0.0, 0.0

    def step(self, value: float | None) -> None:
        """Add one value; NULL is passed over."""
        if value is None:
            return
        self.n += 1
        delta = value - self.mean
        self.mean += delta / self.n
        self.m2 += delta * (value - self.mean)

    def finalize(self) -> float | None:
        """Return the deviation, NULL for fewer than two values."""
        return math.sqrt(self.m2 / (self.n - 1)) if self.n > 1 else None
