"""`neurorig token`: through the server, never to a database."""

from __future__ import annotations

import json
import stat

import pytest
from click.testing import CliRunner

from neurorig.cli.main import cli

MADE = {
    "id": "t1", "name": "lab", "scopes": ["agent"], "bench": "b1", "created_at": "2026-11-21T08:00:00Z",
    "expires_at": None, "revoked_at": None,
}  # fmt: skip


@pytest.fixture
def run(stand_in, tmp_path, monkeypatch):
    """Run `neurorig token` against the stand-in server, in an empty folder."""
    stand_in.answers["POST /api/v1/tokens"] = (201, {**MADE, "token": "nrg_new"})
    stand_in.answers["GET /api/v1/tokens"] = (200, [MADE])
    stand_in.answers["DELETE /api/v1/tokens/t1"] = (204, None)
    monkeypatch.chdir(tmp_path)

    def invoke(*arguments, **more):
        environment = {"NEURORIG_SERVER": stand_in.url, "NEURORIG_TOKEN": "nrg_admin", **more}
        return CliRunner().invoke(cli, ["token", *arguments], env=environment)

    return invoke


def test_a_token_is_made_by_the_server(run, stand_in, tmp_path):
    """The request goes to NEURORIG_SERVER with NEURORIG_TOKEN; only the secret is printed, and no file appears."""
    result = run("create", "lab", "--scope", "agent", "--bench", "b1", "--expires", "2099-01-01")
    (sent,) = stand_in.requests

    assert (result.exit_code, result.output) == (0, "nrg_new\n")
    assert sent["headers"]["Authorization"] == "Bearer nrg_admin"
    assert (sent["body"]["scopes"], sent["body"]["bench"]) == (["agent"], "b1")
    assert sent["body"]["expires_at"].startswith("2099-01-01T00:00:00")
    assert len(sent["body"]["expires_at"]) > len("2099-01-01T00:00:00")
    assert not list(tmp_path.iterdir())


def test_a_new_token_goes_to_a_new_file(run, tmp_path):
    """The file is its owner's alone, nothing else shows the secret, and an existing file is refused before asking."""
    make = ("create", "lab", "--scope", "agent", "--bench", "b1", "--out", "tokens/agent", "--json")
    result = run(*make)
    again = run(*make)
    path = tmp_path / "tokens" / "agent"

    assert (path.read_text(), stat.S_IMODE(path.stat().st_mode)) == ("nrg_new\n", 0o600)
    assert "nrg_new" not in result.output
    assert json.loads(result.output)["id"] == "t1"
    assert again.exit_code == 2


def test_a_token_that_cannot_be_written_is_not_lost(run, tmp_path):
    """Where the file cannot be written, the secret that the server shows once is printed."""
    (tmp_path / "file").touch()
    result = run("create", "lab", "--scope", "agent", "--bench", "b1", "--out", "file/agent")

    assert result.exit_code == 2
    assert "nrg_new" in result.output


def test_tokens_are_listed_and_revoked(run, stand_in):
    """The list names id, scopes and bench; revoking asks the server by the id."""
    listed = run("list").output
    revoked = run("revoke", "t1")

    assert all(text in listed for text in ("t1", "lab", "agent", "b1"))
    assert revoked.exit_code == 0
    assert (stand_in.requests[-1]["method"], stand_in.requests[-1]["path"]) == ("DELETE", "/api/v1/tokens/t1")


def test_without_a_server_nothing_is_made(run, tmp_path):
    """When no server answers, the command says so and creates no database."""
    result = run("create", "lab", "--scope", "read", NEURORIG_SERVER="http://127.0.0.1:1")

    assert result.exit_code == 3
    assert not list(tmp_path.iterdir())


def test_a_refused_token_is_explained_for_a_command(run, stand_in):
    """The next step after a 401 names what a command takes, not an HTTP header."""
    body = {"code": "unauthorised", "detail": "a token is needed", "next_step": "Send the header."}
    stand_in.answers["GET /api/v1/tokens"] = (401, body)
    result = run("list", NEURORIG_TOKEN="")

    assert result.exit_code == 4
    assert "NEURORIG_TOKEN" in result.output
