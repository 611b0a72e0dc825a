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

    assert f"database: empty, newest known: {schema_revision.head()}" in run("db", "current", *place).stdout
    assert f"revision {schema_revision.head()}" in run("db", "upgrade", *place).stdout
    assert f"database: {schema_revision.head()}" in run("db", "current", *place).stdout


def test_tokens_are_made_listed_and_revoked_without_a_server(tmp_path: Path) -> None:
    """The operator who owns the database owns the tokens."""
    place = ("--data-dir", str(tmp_path))

    secret = run("token", "create", "lab", "--scope", "agent", "--bench", "b1", *place).stdout.strip()
    listed = run("token", "list", *place).stdout
    token_id = listed.split()[0]
    revoked = run("token", "revoke", token_id, *place)

    assert secret.startswith("nrg_")
    assert re.search(r"lab +agent +b1", listed)
    assert secret not in listed
    assert revoked.returncode == 0
    assert "revoked" in run("token", "list", *place).stdout
    unbound = run("token", "create", "lab", "--scope", "agent", *place)
    assert (unbound.returncode, "bound to one bench" in unbound.stderr) == (1, True)
    unknown = run("token", "revoke", "nothing", *place)
    assert (unknown.returncode, "no token 'nothing'" in unknown.stderr) == (1, True)


def test_expiring_token_is_listed_with_its_end(tmp_path: Path) -> None:
    """A token may end by itself."""
    place = ("--data-dir", str(tmp_path))
    run("token", "create", "x", "--scope", "read", "--expires", "2099-01-01", *place)

    assert "until 2" in run("token", "list", *place).stdout


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_stop_signal_ends_in_order(start_server: Callable[..., Server], number: int) -> None:
    """SIGTERM and Ctrl-C end with exit code 0 and free the port."""
    server = start_server()

    assert server.stop(number) == 0

    with pytest.raises(httpx.ConnectError):
        httpx.get(f"{server.url}/healthz")
    assert "Traceback" not in (server.data_dir / "log").read_text()


def test_token_in_a_file_is_not_printed(tmp_path: Path) -> None:
    """A token that goes to a file appears nowhere else, and the file is its owner's alone."""
    data, secret = str(tmp_path / "data"), tmp_path / "secrets" / "agent"

    done = run(
        "token", "create", "a", "--scope", "agent", "--bench", "b", "--token-file", str(secret), "--data-dir", data
    )

    assert (done.returncode, done.stdout) == (0, "")
    assert secret.read_text().startswith("nrg_")
    assert stat.S_IMODE(secret.stat().st_mode) == 0o600
