"""The commands as an operator types them."""

from __future__ import annotations

import os
import re
import signal
import socket
import sqlite3
import stat
import subprocess
from collections.abc import Callable
from pathlib import Path

import httpx
import pytest
from server_kit import Server, command

from neurorig_server.store import schema_revision


def run(name: str, *args: str, **env: str) -> subprocess.CompletedProcess[str]:
    """Run a command to its end."""
    return subprocess.run(
        command(name, *args), capture_output=True, text=True, timeout=60, check=False, env={**os.environ, **env}
    )


def test_first_start_makes_an_admin_token_for_its_owners_eyes_only(
    start_server: Callable[..., Server], tmp_path: Path
) -> None:
    """The first token is printed once and, on request, written to a file that nobody else can read."""
    first = start_server()
    with first.client() as client:
        assert client.get("/tokens").status_code == 200
    mode = stat.S_IMODE((tmp_path / "token").stat().st_mode)
    assert first.stop() == 0

    again = start_server()

    assert mode == 0o600
    assert again.token == first.token
    assert again.stop() == 0


def test_port_in_use_is_said_plainly(tmp_path: Path) -> None:
    """Another listener is named with its port, before anything is created."""
    with socket.create_server(("127.0.0.1", 0)) as other:
        port = other.getsockname()[1]
        done = run("serve", "--port", str(port), "--data-dir", str(tmp_path / "data"))

    assert done.returncode == 1
    assert f"port {port} on 127.0.0.1 is in use" in done.stderr
    assert "--port" in done.stderr
    assert not (tmp_path / "data").exists()


def test_database_newer_than_the_code_is_refused(tmp_path: Path) -> None:
    """An older release does not touch a newer database."""
    run("db", "upgrade", "--data-dir", str(tmp_path))
    with sqlite3.connect(tmp_path / "neurorig.db") as connection:
        connection.execute("UPDATE alembic_version SET version_num = '9999'")
    connection.close()

    done = run("serve", "--port", "0", "--data-dir", str(tmp_path))

    assert done.returncode == 1
    assert "schema revision 9999" in done.stderr
    assert "Next step:" in done.stderr
    assert "Traceback" not in done.stderr


@pytest.mark.parametrize(
    ("args", "env", "said"),
    [
        (["--db", "nonsense"], {}, "database"),
        (["--db", "postgresql://127.0.0.1:1/x"], {}, "the database cannot be used"),
        (["--host", "203.0.113.1", "--port", "0"], {}, "cannot listen on 203.0.113.1"),
        ([], {"NEURORIG_LEASE_TTL_S": "-1"}, "lease_ttl_s"),
    ],
)
def test_impossible_setting_ends_with_one_sentence(
    tmp_path: Path, args: list[str], env: dict[str, str], said: str
) -> None:
    """Whatever an operator mistypes, there is a message and no traceback."""
    done = run("serve", "--data-dir", str(tmp_path), "--port", "0", *args, **env)

    assert done.returncode in (1, 2)
    assert said in done.stderr
    assert "Traceback" not in done.stderr


def test_database_commands_tell_the_revision(tmp_path: Path) -> None:
    """Current before and after upgrade."""
    place = ("--data-dir", str(tmp_path))

    assert f"database: none, newest known: {schema_revision.head()}" in run("db", "current", *place).stdout
    assert f"revision {schema_revision.head()}" in run("db", "upgrade", *place).stdout
    assert f"database: {schema_revision.head()}" in run("db", "current", *place).stdout


@pytest.fixture
def database(tmp_path: Path) -> tuple[str, str]:
    """The options that name an existing database."""
    place = ("--data-dir", str(tmp_path / "data"))
    assert run("db", "upgrade", *place).returncode == 0
    return place


def test_tokens_are_made_listed_and_revoked_without_a_server(database: tuple[str, str]) -> None:
    """The operator who owns the database owns the tokens."""
    secret = run("db", "token", "create", "lab", "--scope", "agent", "--bench", "b1", *database).stdout.strip()
    listed = run("db", "token", "list", *database).stdout
    token_id = listed.split()[0]
    revoked = run("db", "token", "revoke", token_id, *database)

    assert secret.startswith("nrg_")
    assert re.search(r"lab +agent +b1", listed)
    assert secret not in listed
    assert revoked.returncode == 0
    assert "revoked" in run("db", "token", "list", *database).stdout
    unbound = run("db", "token", "create", "lab", "--scope", "agent", *database)
    assert (unbound.returncode, "bound to one bench" in unbound.stderr) == (1, True)
    unknown = run("db", "token", "revoke", "nothing", *database)
    assert (unknown.returncode, "no token 'nothing'" in unknown.stderr) == (1, True)


def test_expiring_token_is_listed_with_its_end(database: tuple[str, str]) -> None:
    """A token may end by itself."""
    run("db", "token", "create", "x", "--scope", "read", "--expires", "2099-01-01", *database)

    assert "until 2" in run("db", "token", "list", *database).stdout


ON_TOKENS = [("db", "token", "create", "x", "--scope", "read"), ("db", "token", "list"), ("db", "token", "revoke", "x")]


@pytest.mark.parametrize("args", [*ON_TOKENS, ("db", "current")], ids=" ".join)
def test_only_serve_and_upgrade_create_a_database(tmp_path: Path, args: tuple[str, ...]) -> None:
    """Where no database is, commands on one leave nothing behind; those on tokens fail and name the place."""
    place = tmp_path / "nowhere"
    done = run(*args, "--data-dir", str(place))

    assert not place.exists()
    assert "Traceback" not in done.stderr
    if args == ("db", "current"):
        assert f"database: none, newest known: {schema_revision.head()}" in done.stdout
    else:
        assert done.returncode == 1
        assert str(place) in done.stderr


@pytest.mark.parametrize("args", ON_TOKENS, ids=" ".join)
def test_tokens_need_a_named_database(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, args: tuple[str, ...]) -> None:
    """Without --data-dir or --db nothing is guessed and nothing is created in the current folder."""
    monkeypatch.chdir(tmp_path)
    done = run(*args)

    assert (done.returncode, done.stdout) == (2, "")
    assert "--data-dir" in done.stderr
    assert not list(tmp_path.iterdir())


def test_tokens_need_the_schema_of_this_version(tmp_path: Path) -> None:
    """A database of another revision is neither upgraded nor written by a command on tokens."""
    with sqlite3.connect(tmp_path / "neurorig.db") as connection:
        connection.execute("CREATE TABLE alembic_version (version_num VARCHAR(32))")
    connection.close()
    done = run("db", "token", "list", "--data-dir", str(tmp_path))

    assert done.returncode == 1
    assert "neurorig db upgrade" in done.stderr
    assert "database: empty" in run("db", "current", "--data-dir", str(tmp_path)).stdout


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_stop_signal_ends_in_order(start_server: Callable[..., Server], number: int) -> None:
    """SIGTERM and Ctrl-C end with exit code 0 and free the port."""
    server = start_server()

    assert server.stop(number) == 0

    with pytest.raises(httpx.ConnectError):
        httpx.get(f"{server.url}/healthz")
    assert "Traceback" not in (server.data_dir / "log").read_text()


def test_token_in_a_file_is_not_printed(database: tuple[str, str], tmp_path: Path) -> None:
    """A token that goes to a file appears nowhere else, the file is its owner's alone and replaced only on request."""
    secret = tmp_path / "secrets" / "agent"
    make = ("db", "token", "create", "a", "--scope", "agent", "--bench", "b", "--out", str(secret), *database)

    done = run(*make)
    first = secret.read_text()
    again = run(*make)
    kept = secret.read_text()

    assert (done.returncode, done.stdout) == (0, "")
    assert first.startswith("nrg_")
    assert stat.S_IMODE(secret.stat().st_mode) == 0o600
    assert (again.returncode, kept) == (2, first)
    assert run(*make, "--replace").returncode == 0
    assert secret.read_text() != first


@pytest.mark.parametrize("args", [("serve", "--port", "0", "--token-file"), (*ON_TOKENS[0], "--replace", "--out")])
def test_a_file_that_holds_no_token_is_never_replaced(
    database: tuple[str, str], tmp_path: Path, args: tuple[str, ...]
) -> None:
    """A path that was mistyped costs nobody a file, not even with --replace."""
    thesis = tmp_path / "thesis.tex"
    thesis.write_text("years of work")
    done = run(*args, str(thesis), *database)

    assert done.returncode == 1
    assert thesis.read_text() == "years of work"
    assert "Traceback" not in done.stderr
