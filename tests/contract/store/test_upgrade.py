"""Contract of the upgrade from revision 0005: what was asked for before keeps its files afterwards."""

from __future__ import annotations

import uuid
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from alembic import command
from alembic.config import Config
from sqlalchemy import insert, select
from store_kit import ADMIN, Shelf, bench_record

from neurorig_server.settings import Settings
from neurorig_server.store import schema_revision
from neurorig_server.store.errors import FileInUse
from neurorig_server.store.store import Store
from neurorig_server.store.tables import benches, files, job_files, jobs, requirements

PROBLEM, MODEL, EVENTS, UNUSED = ("a" * 64, "b" * 64, "c" * 64, "d" * 64)
SCENARIO = {"kind": "fixed-timeout", "timeout_s": 0.01}
WORKLOADS: tuple[dict[str, Any], ...] = (
    {"name": "qubo", "problem": f"sha256:{PROBLEM}", "scenario": SCENARIO},
    {"name": "snn", "model": f"sha256:{MODEL}", "events": f"sha256:{EVENTS}", "steps": 1, "samples": 1},
    {"name": "qubo-mis", "n": 10, "density": 0.1, "seed": 0, "scenario": SCENARIO},
)
JOBS = 2500
"""More than the upgrade reads at once."""


@pytest.fixture(params=["sqlite", "postgresql"])
def old(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Store]:
    """A database of revision 0005 with files and jobs of every workload that names some."""
    url = f"sqlite:///{tmp_path / 'old.db'}"
    if request.param == "postgresql":
        url = request.getfixturevalue("new_postgres")(f"old_{uuid.uuid4().hex}")
    store = Store(Settings(database_url=url))
    config = Config()
    config.set_main_option("script_location", "neurorig_migrations:")
    with store.db.write() as connection:
        config.attributes["connection"] = connection
        command.upgrade(config, "0005")
        _fill(store, connection)
    yield store
    store.close()


def _fill(store: Store, connection: Any) -> None:
    now = store.db.now()
    record = bench_record()
    bench = {
        "name": "bench-a",
        "reality": "virtual",
        "board": "virtual-loihi",
        "record": record.model_dump(mode="json"),
    }
    connection.execute(insert(benches).values(**bench, registered_at=now, last_seen_at=now))
    connection.execute(insert(requirements).values(digest="0" * 64, example={}))
    kinds = {PROBLEM: "qubo", MODEL: "nir", EVENTS: "events", UNUSED: "qubo"}
    for digest, kind in kinds.items():
        row = {"digest": digest, "kind": kind, "name": "one", "size": 5, "facts": {}, "uploaded_by": "somebody"}
        connection.execute(insert(files).values(**row, created_at=now))
    connection.execute(insert(jobs), [_job(k, now) for k in range(JOBS)])


def _job(k: int, now: Any) -> dict[str, Any]:
    workload = WORKLOADS[k % 3]
    return {
        "id": f"{k:012}",
        "state": "succeeded",
        "priority": 50,
        "requirement_id": 1,
        "workload": workload["name"],
        "spec": {"workload": workload},
        "max_attempts": 3,
        "attempts": 0,
        "fence": 0,
        "submitted_by": "somebody",
        "created_at": now,
        "updated_at": now,
    }


def test_upgrade_notes_the_files_of_every_job_that_is_here(old: Store) -> None:
    """Each job with its files and no other, and the row of a bench stays as it was."""
    assert schema_revision.current(old.db) == "0005"

    schema_revision.upgrade(old.db)

    with old.db.read() as connection:
        found = sorted((row.job_seq, row.digest) for row in connection.execute(select(job_files)))
        named = {str(w["name"]): [w[f].removeprefix("sha256:") for f in ("problem", "model", "events") if f in w]
                 for w in WORKLOADS}  # fmt: skip
        rows = connection.execute(select(jobs.c.seq, jobs.c.workload)).all()
        assert found == sorted((row.seq, digest) for row in rows for digest in named[row.workload])
        assert connection.execute(select(benches.c.returned_lease)).scalars().all() == [None]
    assert len(found) > 2000
    assert old.benches.get("bench-a").name == "bench-a"


def test_files_of_old_jobs_stay_and_others_may_go(old: Store) -> None:
    """Who uploaded a file before the upgrade, and how large it was, is known as before."""
    schema_revision.upgrade(old.db)
    shelf = Shelf(PROBLEM, MODEL, EVENTS, UNUSED)

    for digest in (PROBLEM, MODEL, EVENTS):
        with pytest.raises(FileInUse):
            old.files.remove(digest, ADMIN, shelf)
    old.files.remove(UNUSED, ADMIN, shelf)

    assert shelf.held == {PROBLEM, MODEL, EVENTS}
