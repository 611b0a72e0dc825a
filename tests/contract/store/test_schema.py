"""Contract of the migrations: they give the very schema that the code works with."""

from __future__ import annotations

import uuid
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from alembic.autogenerate import compare_metadata
from alembic.runtime.migration import MigrationContext
from sqlalchemy import Engine, create_engine, inspect, text

from neurorig_server.store import schema_revision
from neurorig_server.store.database import Database
from neurorig_server.store.schema_revision import DatabaseNewer
from neurorig_server.store.tables import metadata


@pytest.fixture(params=["sqlite", "postgresql"])
def empty(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Database]:
    """An empty database."""
    if request.param == "sqlite":
        db = Database(f"sqlite:///{tmp_path / 'migrated.db'}")
    else:
        db = Database(_empty_postgres(request))
    yield db
    db.close()


@pytest.fixture
def declared(request: pytest.FixtureRequest, empty: Database, tmp_path: Path) -> Iterator[Engine]:
    """A database of the same kind, made from the tables of the code."""
    url = f"sqlite:///{tmp_path / 'declared.db'}" if empty.is_sqlite else _empty_postgres(request)
    engine = create_engine(url)
    metadata.create_all(engine)
    yield engine
    engine.dispose()


def _empty_postgres(request: pytest.FixtureRequest) -> str:
    make: Any = request.getfixturevalue("new_postgres")
    return str(make(f"empty_{uuid.uuid4().hex}"))


def _shape(engine: Engine) -> dict[str, Any]:
    """Everything that a database tells of its tables."""
    found = inspect(engine)
    return {
        table: {
            "columns": [(c["name"], str(c["type"]), c["nullable"], c["default"]) for c in found.get_columns(table)],
            "primary key": found.get_pk_constraint(table),
            "unique": sorted(found.get_unique_constraints(table), key=str),
            "checks": sorted(found.get_check_constraints(table), key=str),
            "foreign keys": sorted(found.get_foreign_keys(table), key=str),
            "indexes": sorted(map(_index, found.get_indexes(table))),
        }
        for table in sorted(found.get_table_names())
        if table != "alembic_version"
    }


def _index(index: Any) -> str:
    """Name, columns, uniqueness and the condition of a partial index, which the inspector gives as an object."""
    options = index.get("dialect_options", {})
    where = [str(value) for key, value in options.items() if key.endswith("_where")]
    return str((index["name"], index.get("expressions", index["column_names"]), index["unique"], where))


def test_migrated_schema_is_the_declared_one(empty: Database, declared: Engine) -> None:
    """Columns, keys, checks and partial indexes are equal, whichever way a database was made."""
    schema_revision.upgrade(empty)

    assert _shape(empty.engine) == _shape(declared)
    with empty.read() as connection:
        assert compare_metadata(MigrationContext.configure(connection), metadata) == []


def test_upgrade_is_repeatable_and_says_the_revision(empty: Database) -> None:
    """An up-to-date database stays as it is."""
    assert schema_revision.current(empty) is None

    assert (
        schema_revision.upgrade(empty)
        == schema_revision.upgrade(empty)
        == schema_revision.head()
        == schema_revision.current(empty)
    )


def test_newer_database_is_refused_and_left_alone(empty: Database) -> None:
    """A revision that this code does not know stops it, with both revisions named."""
    schema_revision.upgrade(empty)
    with empty.write() as connection:
        connection.execute(text("UPDATE alembic_version SET version_num = '9999'"))

    with pytest.raises(DatabaseNewer, match=f"9999.*{schema_revision.head()}"):
        schema_revision.upgrade(empty)

    assert schema_revision.current(empty) == "9999"


def test_failed_upgrade_leaves_an_empty_database_empty(empty: Database, monkeypatch: pytest.MonkeyPatch) -> None:
    """A migration that breaks off half way is taken back as a whole."""
    from alembic import command

    def break_off(config: Any, revision: str) -> None:
        config.attributes["connection"].execute(text("CREATE TABLE half (x INTEGER)"))
        raise RuntimeError(f"power cut before {revision}")

    with monkeypatch.context() as patch:
        patch.setattr(command, "upgrade", break_off)
        with pytest.raises(RuntimeError):
            schema_revision.upgrade(empty)

    assert inspect(empty.engine).get_table_names() == []
    schema_revision.upgrade(empty)
