"""The commands `serve` and `db`. They print for people; programs use the REST interface."""

from __future__ import annotations

import contextlib
import errno
import fcntl
import functools
import logging
import os
import socket
from collections.abc import Callable, Iterator
from datetime import datetime
from pathlib import Path
from typing import Any, ParamSpec, TypeVar, get_args

import click
from pydantic import ValidationError
from sqlalchemy.exc import SQLAlchemyError

from neurorig_protocols import wording
from neurorig_protocols.api.tokens import Scope, TokenCreated
from neurorig_protocols.errors import NeurorigError
from neurorig_server.settings import Settings
from neurorig_server.store import schema_revision
from neurorig_server.store.store import Store
from neurorig_server.store.tokens import PREFIX

LOCK_NAME = "in-use.lock"
"""The file of the data folder that a running server keeps locked; `neurorig demo` moves no folder that is in use."""

P = ParamSpec("P")
T = TypeVar("T")

_db_option = click.option("--db", "database_url", help="Database URL; SQLite in the data folder without it.")
_dir_option = click.option(
    "--data-dir", type=click.Path(file_okay=False, path_type=Path), help="Folder of database and traces."
)


def _plainly(command: Callable[P, T]) -> Callable[P, T]:
    """Turn foreseen failures into one line that says what to do next."""

    @functools.wraps(command)
    def wrapped(*args: P.args, **kwargs: P.kwargs) -> T:
        try:
            return command(*args, **kwargs)
        except NeurorigError as error:
            step = f"\nNext step: {error.next_step}" if error.next_step else ""
            raise click.ClickException(f"{error.message}{step}") from error
        except SQLAlchemyError as error:
            reason = str(getattr(error, "orig", None) or error).strip()
            raise click.ClickException(f"the database cannot be used: {reason}") from error

    return wrapped


def _settings(**given: Any) -> Settings:
    """Return the settings of environment and options; options win."""
    try:
        return Settings(**{name: value for name, value in given.items() if value is not None})
    except ValidationError as error:
        raise click.ClickException(f"a setting is wrong: {'; '.join(wording.sentences(error))}") from error


@click.command()
@click.option("--host", help="Address to listen on.  [default: 127.0.0.1]")
@click.option("--port", type=click.IntRange(0, 65535), help="Port to listen on, 0 for a free one.  [default: 8321]")
@_db_option
@_dir_option
@click.option("--public-read", is_flag=True, default=None, help="Let anyone read without a token.")
@click.option(
    "--token-file",
    type=click.Path(dir_okay=False, path_type=Path),
    help="Also write the first admin token here, for its owner's eyes only.",
)
@_plainly
def serve(token_file: Path | None, **given: Any) -> None:
    """Run the server."""
    from neurorig_server.app import create_app
    from neurorig_server.http.serving import run

    logging.basicConfig(level=logging.INFO, format="%(asctime)s %(levelname)s %(name)s: %(message)s")
    logging.getLogger("alembic").setLevel(logging.WARNING)
    settings = _settings(**given)
    if token_file is not None:
        _require_a_token_s(token_file)
    with _listening(settings.host, settings.port) as listener, _in_use(settings.data_dir):
        store = Store(settings)
        schema_revision.upgrade(store.db)
        _first_token(store, token_file)
        app = create_app(settings, store)
        host, port = listener.getsockname()[:2]
        address = f"[{host}]" if ":" in host else host
        run(app, listener, ready=lambda: click.echo(f"neurorig serves on http://{address}:{port}"))


@contextlib.contextmanager
def _in_use(data_dir: Path) -> Iterator[None]:
    """Hold a lock that shows others that a server uses the folder; several servers may share one."""
    with contextlib.ExitStack() as stack:
        # A file system without locks must not stop a server; who needs the folder reports one that cannot be written.
        with contextlib.suppress(OSError):
            data_dir.mkdir(parents=True, exist_ok=True)
            file = stack.enter_context((data_dir / LOCK_NAME).open("a"))
            fcntl.flock(file, fcntl.LOCK_SH | fcntl.LOCK_NB)
        yield


def _listening(host: str, port: int) -> socket.socket:
    """Return a listening socket; a ClickException says plainly when the port is taken."""
    try:
        listener = socket.create_server((host, port), family=socket.AF_INET6 if ":" in host else socket.AF_INET)
    except OSError as error:
        if error.errno == errno.EADDRINUSE:
            raise click.ClickException(
                f"port {port} on {host} is in use\nNext step: stop what listens there, or choose another with --port."
            ) from error
        raise click.ClickException(f"cannot listen on {host}:{port}: {error.strerror or error}") from error
    # Accepted connections inherit it: without it every small answer waits 40 ms for a delayed acknowledgement.
    listener.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    return listener


def _first_token(store: Store, token_file: Path | None) -> None:
    token = store.tokens.create_first_admin()
    if token is None:
        return
    click.echo(f"First admin token, shown this once: {token.token}")
    if token_file is not None:
        _write_secret(token_file, token)


def _write_secret(path: Path, token: TokenCreated) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    _require_a_token_s(path)
    path.unlink(missing_ok=True)
    # Created closed to others: a file that is closed afterwards was open for a moment.
    with os.fdopen(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "w") as file:
        file.write(token.token + "\n")


def _require_a_token_s(path: Path) -> None:
    """Refuse to replace a file that holds something other than a token."""
    if path.exists() and not path.read_bytes().startswith(PREFIX.encode()):
        raise click.ClickException(f"'{path}' exists and is not a token's file\nNext step: name another file.")


@click.group()
def db() -> None:
    """Look after the database."""


@db.command("upgrade")
@_db_option
@_dir_option
@_plainly
def db_upgrade(**given: Any) -> None:
    """Bring the database to the schema of this version; `serve` does it too."""
    store = Store(_settings(**given))
    click.echo(f"The database has revision {schema_revision.upgrade(store.db)}.")
    store.close()


@db.command("current")
@_db_option
@_dir_option
@_plainly
def db_current(**given: Any) -> None:
    """Show the database's schema revision and the newest known one; creates nothing."""
    settings = _settings(**given)
    revision = "none" if schema_revision.is_missing(settings.sqlalchemy_url) else _revision(settings)
    click.echo(f"database: {revision}, newest known: {schema_revision.head()}")


def _revision(settings: Settings) -> str:
    with contextlib.closing(Store(settings)) as store:
        return schema_revision.current(store.db) or "empty"


@db.group("token")
def db_token() -> None:
    """Make, list and revoke tokens in the database itself, for its operator.

    Needs no server and no token, only an existing database, named by --data-dir or --db (or NEURORIG_DATA_DIR or
    NEURORIG_DATABASE_URL). Everybody else uses `neurorig token`, which asks the server.
    """


@db_token.command("create")
@click.argument("name")
@click.option("--scope", "scopes", type=click.Choice(get_args(Scope)), multiple=True, required=True)
@click.option("--bench", help="Bench of an agent's token; required with the scope agent, and only with it.")
@click.option("--expires", type=click.DateTime(), help="When it expires, local time; never by default.")
@click.option(
    "--out",
    type=click.Path(path_type=Path, dir_okay=False),
    help="Write the token to this file instead of printing it.",
)
@click.option("--replace", is_flag=True, help="Replace the file if it exists.")
@_db_option
@_dir_option
@_plainly
def token_create(
    *,
    name: str,
    scopes: tuple[Scope, ...],
    bench: str | None,
    expires: datetime | None,
    out: Path | None,
    replace: bool,
    **given: Any,
) -> None:
    """Make a token and print it, this once."""
    if out is not None and out.exists() and not replace:
        raise click.UsageError(f"'{out}' exists; --replace writes over it")
    with _existing(**given) as store:
        made = store.tokens.create(name, scopes, bench=bench, expires_at=expires.astimezone() if expires else None)
    if out is None:
        click.echo(made.token)
    else:
        _write_secret(out, made)


@db_token.command("list")
@_db_option
@_dir_option
@_plainly
def token_list(**given: Any) -> None:
    """List all tokens, without their secrets."""
    with _existing(**given) as store:
        listed = store.tokens.list()
    for row in listed:
        end = "revoked" if row.revoked_at else f"until {row.expires_at:%Y-%m-%d %H:%M %Z}" if row.expires_at else ""
        click.echo("  ".join(filter(None, [row.id, row.name, ",".join(row.scopes), row.bench or "", end])))


@db_token.command("revoke")
@click.argument("token_id")
@_db_option
@_dir_option
@_plainly
def token_revoke(token_id: str, **given: Any) -> None:
    """Revoke a token now."""
    with _existing(**given) as store:
        store.tokens.revoke(token_id)
    click.echo(f"Token {token_id} is revoked.")


@contextlib.contextmanager
def _existing(**given: Any) -> Iterator[Store]:
    """Open the named database, which must have this version's schema: only `serve` and `db upgrade` create one."""
    settings = _settings(**given)
    if not settings.model_fields_set & {"data_dir", "database_url"}:
        raise click.UsageError("name the server's database with --data-dir or --db")
    schema_revision.require_present(settings.sqlalchemy_url)
    with contextlib.closing(Store(settings)) as store:
        schema_revision.require_head(store.db)
        yield store
