"""Contract with stores written before the code was restructured: they open, and show what they showed then.

`tests/data/store_of_2026_11` was written by commit 21e9261 from one job on a virtual-loihi bench: its database as SQL,
its trace, and the answers that it gave to requests for job, attempt, energy and energies over all attempts.
"""

from __future__ import annotations

import json
import shutil
import sqlite3
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from pydantic import BaseModel
from sqlalchemy import text, update

from neurorig_server.recompute.attempt import recompute
from neurorig_server.settings import Settings
from neurorig_server.store import schema_revision
from neurorig_server.store.schema_revision import DatabaseTooOld
from neurorig_server.store.store import Store
from neurorig_server.store.tables import attempts

OLD = Path(__file__).parents[2] / "data" / "store_of_2026_11"
ANSWERS: dict[str, Any] = json.loads((OLD / "answers.json").read_text("utf-8"))
ATTEMPT = ANSWERS["attempt"]["id"]


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """The data folder as the old server left it, without its tokens."""
    shutil.copytree(OLD / "traces", tmp_path / "traces")
    with sqlite3.connect(tmp_path / "neurorig.db") as connection:
        connection.executescript((OLD / "store.sql").read_text("utf-8"))
    connection.close()
    return tmp_path


@pytest.fixture
def store(folder: Path) -> Iterator[Store]:
    """The old store, upgraded and opened by today's code, as a server does when it starts."""
    store = Store(Settings(data_dir=folder, database_url=f"sqlite:///{folder / 'neurorig.db'}"))
    schema_revision.upgrade(store.db)
    yield store
    store.close()


def lacking(old: Any, new: Any, at: str = "") -> list[str]:
    """Return where a new answer lacks something of an old one or differs from it; more fields are no difference."""
    if isinstance(old, dict) and isinstance(new, dict):
        return [place for key in old for place in lacking(old[key], new.get(key), f"{at}.{key}")]
    if isinstance(old, list) and isinstance(new, list) and len(old) == len(new):
        return [place for i, pair in enumerate(zip(old, new, strict=True)) for place in lacking(*pair, f"{at}[{i}]")]
    return [] if old == new else [f"{at}: {old!r} became {new!r}"]


def test_the_answers_are_those_of_then(store: Store) -> None:
    """Job, attempt and energy matrix are the same, field by field."""
    assert schema_revision.current(store.db) == schema_revision.head()
    found: dict[str, BaseModel] = {
        "job": store.jobs.get(ANSWERS["job"]["id"]),
        "attempt": store.attempts.get(ATTEMPT),
        "energy": store.attempts.energy(ATTEMPT),
    }

    differences = {name: lacking(ANSWERS[name], view.model_dump(mode="json")) for name, view in found.items()}

    assert differences == {"job": [], "attempt": [], "energy": []}


def test_the_trace_gives_the_same_joules_again(store: Store, folder: Path) -> None:
    """A recomputation of the old report from the old trace ends in the same verdict and the same energies."""
    with store.db.write() as connection:
        connection.execute(update(attempts).values(state="running", analysis_until_at=None))
    task = store.reports.begin_analysis(ATTEMPT, hold_s=60)
    assert task is not None

    verdict = recompute(task, str(folder / "traces"))

    assert (verdict.state, verdict.quality) == ("succeeded", "valid")
    assert verdict.energy is not None
    assert lacking(ANSWERS["energy"], verdict.energy.model_dump(mode="json")) == []


@pytest.mark.parametrize("revision", ["0001", "0005"])
def test_a_store_from_before_the_squash_is_refused_by_name(store: Store, revision: str) -> None:
    """Its revision cannot be upgraded any more: the message says what to run first, and nothing is changed."""
    with store.db.write() as connection:
        connection.execute(text("UPDATE alembic_version SET version_num = :revision"), {"revision": revision})

    with pytest.raises(DatabaseTooOld) as refused:
        schema_revision.upgrade(store.db)

    assert refused.value.code == "database_too_old"
    assert schema_revision.current(store.db) == revision
