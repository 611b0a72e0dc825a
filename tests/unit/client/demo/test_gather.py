"""Gathering results through the client."""

from __future__ import annotations

import pytest
from whole_answers import record

from neurorig import Client
from neurorig.demo.results import gather
from neurorig.errors import ClientError
from neurorig_protocols.api.jobs import JobView

BENCH = {
    "name": "host-cpu",
    "reality": "physical",
    "board": "host-cpu",
    "profile": {
        "components": [{"name": "processor"}],
        "omitted": [{"component": "processor", "reason": "no counters"}],
    },
    "board_info": {},
    "last_seen_at": "2026-11-21T08:00:00Z",
    "state": "online",
}


@pytest.fixture
def client(stand_in, bodies):
    """A client of a server with one attempt whose energy is absent."""
    stand_in.answers |= {
        "GET /api/v1/benches": (200, [BENCH]),
        "GET /api/v1/attempts/a1": (200, bodies.attempt("a1")),
        "GET /api/v1/attempts/a1/energy": (200, {"absent": "no monitor"}),
    }
    with Client(stand_in.url) as found:
        yield found


def test_the_last_attempt_is_gathered_with_the_benchs_reason(client, bodies):
    """A result holds the job's last attempt; missing energy is explained by attempt and bench."""
    attempts = [{"id": f"a{2 - k}", "number": k, "bench": "host-cpu", "state": "lost"} for k in range(2)]
    [result] = gather(client, [record(JobView, bodies.job("j1", "succeeded", attempts=attempts))])

    assert result.attempt.id == "a1"
    assert result.matrix is None
    assert result.why_absent == "no monitor; processor: no counters"


def test_a_job_without_an_attempt_is_an_error(client, bodies):
    """A job that ended without an attempt is named with the reason."""
    job = record(JobView, bodies.job("j1", "failed", reason="no bench came"))
    with pytest.raises(ClientError, match="no bench came"):
        gather(client, [job])
