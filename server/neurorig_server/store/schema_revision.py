"""The database's schema against the code's: which revision it has, and bringing it up to date.

Not for table definitions: those are in `store/tables.py` and, frozen, in the migrations.
"""

from __future__ import annotations

from pathlib import Path

from alembic import command
from alembic.config import Config
from alembic.runtime.migration import MigrationContext
from alembic.script import ScriptDirectory
from sqlalchemy import Connection, make_url

from neurorig_protocols.errors import InvalidConfig
from neurorig_server.store.database import Database

REPLACED = frozenset({"0001", "0002", "0003", "0004", "0005"})
"""Revisions from before the first release; one that keeps the number 0006 replaces them all."""

MIGRATING = 0x6E65_7572_6F03
"""Advisory key: of several servers that start at once, one migrates and the others wait."""


class DatabaseNewer(InvalidConfig):
    """The database has a revision that this code does not know."""

    code = "database_newer"


class DatabaseTooOld(InvalidConfig):
    """The database has a revision from before the first release that this code no longer upgrades."""

    code = "database_too_old"


class DatabaseMissing(InvalidConfig):
    """There is no database, or one without this code's schema, where one is required."""

    code = "database_missing"


def is_missing(url: str) -> bool:
    """Say whether a URL names a SQLite file that does not exist; opening a connection would create it.

    Args:
        url: The database URL in SQLAlchemy's form.
    """
    parts = make_url(url)
    return parts.get_backend_name() == "sqlite" and not Path(parts.database or "").is_file()


def require_present(url: str) -> None:
    """Raise DatabaseMissing when a URL names a SQLite file that does not exist."""
    if is_missing(url):
        raise DatabaseMissing(
            f"there is no database at '{make_url(url).database}'",
            where="database",
            next_step="Name the server's own folder with --data-dir; `neurorig serve` creates a database.",
        )


def require_head(db: Database) -> None:
    """Raise DatabaseMissing when the schema is absent or older than the code, DatabaseNewer when it is newer."""
    revision = current(db)
    require_known(revision)
    if revision != head():
        raise DatabaseMissing(
            f"the database has the schema revision {revision or 'none'}, this neurorig needs {head()}",
            where="database",
            next_step="Run `neurorig db upgrade` with the same options first.",
        )


def head() -> str:
    """Return the newest revision that this code knows."""
    return _scripts().get_heads()[0]


def current(db: Database) -> str | None:
    """Return the database's revision, None for an empty database."""
    with db.read() as connection:
        return _current(connection)


def upgrade(db: Database) -> str:
    """Bring the database to the newest revision and return it; DatabaseNewer when it is newer than the code."""
    with db.write() as connection:
        db.serialise(connection, MIGRATING)
        require_known(_current(connection))
        config = _config()
        config.attributes["connection"] = connection
        command.upgrade(config, "head")
    return head()


def require_known(revision: str | None) -> None:
    """Raise DatabaseTooOld or DatabaseNewer unless this code knows the revision."""
    if revision in REPLACED:
        raise DatabaseTooOld(
            f"the database has the schema revision {revision}; this neurorig opens {head()} and newer ones",
            where="database",
            next_step="Run `neurorig db upgrade` of commit 21e9261, the last that knows it, then start this one.",
        )
    known = {script.revision for script in _scripts().walk_revisions()}
    if revision is not None and revision not in known:
        raise DatabaseNewer(
            f"the database has the schema revision {revision}, this neurorig knows revisions up to {head()}",
            where="database",
            next_step="Start the neurorig that upgraded it, or a newer one; a database is never taken back.",
        )


def _current(connection: Connection) -> str | None:
    return MigrationContext.configure(connection).get_current_revision()


def _config() -> Config:
    config = Config()
    config.set_main_option("script_location", "neurorig_migrations:")
    return config


def _scripts() -> ScriptDirectory:
    return ScriptDirectory.from_config(_config())
