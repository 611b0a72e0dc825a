"""What the client's doctor finds."""

from __future__ import annotations

import json

import pytest
from click.testing import CliRunner

from neurorig import Client
from neurorig.cli.doctor import examine
from neurorig.cli.main import cli

BENCH = {"name": "b", "reality": "virtual", "board": "x", "profile": {}, "board_info": {}, "state": "online"}


@pytest.fixture
def healthy(stand_in):
    """A server where the token may read and submit, with one bench of two online."""
    benches = [{**BENCH, "last_seen_at": "2026-11-21T08:00:00Z"}]
    benches += [{**benches[0], "name": "gone", "state": "offline"}]
    stand_in.answers |= {
        "GET /healthz": (200, {"status": "ok"}),
        "GET /readyz": (200, {"status": "ready"}),
        "GET /api/v1/jobs": (200, {"items": [], "next": None}),
        "POST /api/v1/jobs": (422, {"code": "invalid"}),
        "POST /api/v1/leases": (403, {"code": "forbidden"}),
        "GET /api/v1/tokens": (403, {"code": "forbidden"}),
        "GET /api/v1/benches": (200, benches),
    }
    return stand_in


def look(server):
    """Return check -> (well, seen)."""
    with Client(server.url) as client:
        return {finding.check: (finding.well, finding.seen) for finding in examine(client)}


def test_a_healthy_server(healthy):
    """Each check is well; the scopes are those that the server does not refuse."""
    found = look(healthy)

    assert all(well for well, _ in found.values())
    assert found["token"][1] == "may read, submit"
    assert found["benches"][1] == "1 of 2 online: b"


def test_the_probes_change_nothing(healthy):
    """What the doctor posts is an empty body, which no server can accept."""
    look(healthy)

    assert [r["body"] for r in healthy.requests if r["method"] == "POST"] == [{}, {}]


def test_a_wrong_token(healthy):
    """A token that may do nothing is named, with what to set."""
    for route in ("GET /api/v1/jobs", "POST /api/v1/jobs"):
        healthy.answers[route] = (401, {"code": "unauthorised"})
    found = look(healthy)

    assert not found["token"][0]
    assert "NEURORIG_TOKEN" in found["token"][1]
    assert not found["benches"][0]


def test_a_server_that_is_not_ready(healthy):
    """A server whose database does not answer is up but not ready."""
    healthy.answers["GET /readyz"] = (503, {"detail": "the database does not answer"})

    assert look(healthy)["server"][0]
    assert not look(healthy)["ready"][0]


def test_no_server(stand_in):
    """Without a server nothing else is looked at; the command ends with 3 and answers in JSON."""
    stand_in.stop()
    result = CliRunner().invoke(cli, ["doctor", "--server", stand_in.url, "--json"])

    assert result.exit_code == 3
    assert [c["check"] for c in json.loads(result.stdout)["checks"] if not c["well"]] == ["server"]
    assert result.stdout.count("check") == 3


def test_all_well_ends_with_zero(healthy):
    """The command shows a table and ends with 0 when all is well."""
    result = CliRunner().invoke(cli, ["doctor", "--server", healthy.url])

    assert result.exit_code == 0
    assert "may read, submit" in result.stdout
