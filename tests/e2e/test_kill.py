"""SIGKILL at every step of an attempt: nothing lost, nothing twice, no cut window becomes a number."""

from __future__ import annotations

from pathlib import Path

import pytest
from house import QUBO, House, until

import neurorig

pytestmark = pytest.mark.e2e

STEPS = (
    "prepare",
    "compile",
    "load",
    "ranging",
    "arm",
    "idle 0",
    "warmup 0",
    "run 0",
    "idle 1",
    "keep traces",
    "report",
)
"""Steps of an attempt's journal, in the order in which they begin."""


def closed_books(client: neurorig.Client, job_id: str) -> None:
    """A job that ended well has one attempt that succeeded, with energy, and no other with a number."""
    job = client.job(job_id)
    states = [attempt.state for attempt in job.attempts]
    assert states.count("succeeded") == 1, states
    assert set(states) <= {"succeeded", "lost", "failed"}, states
    for attempt in job.attempts:
        energy = client.energy(attempt.id)
        assert bool(getattr(energy, "cells", ())) == (attempt.state == "succeeded"), (attempt.state, energy)


def spec(**changes: object) -> dict:
    """A metered job with enough attempts for a killing test."""
    return {"workload": QUBO, "needs": {"board": "virtual-loihi"}, "max_attempts": 10, **changes}


@pytest.mark.timeout(300)
def test_agent_killed_at_each_step_loses_nothing(house: House) -> None:
    """Wherever the agent dies, the restarted one leads the job to exactly one result."""
    house.server()
    _, bench = house.lab("virtual-loihi")
    client = house.client()
    agent = house.agent(bench)
    for step in STEPS:
        job = client.submit(spec())
        until(lambda step=step: step in house.steps(), what=f"step '{step}'")
        agent.kill()

        agent = house.agent(bench)
        (done,) = client.wait([job.id], poll_s=0.1)
        assert done.state == "succeeded", (step, done)
        closed_books(client, job.id)


@pytest.mark.timeout(300)
def test_server_killed_at_each_step_loses_nothing(house: House) -> None:
    """Wherever the server dies, the agent's result reaches the restarted one exactly once."""
    server = house.server()
    _, bench = house.lab("virtual-loihi")
    house.agent(bench)
    client = house.client()
    for step in STEPS:
        job = client.submit(spec())
        until(lambda step=step: step in house.steps(), what=f"step '{step}'")
        server.kill()

        server = house.server()
        (done,) = client.wait([job.id])
        assert done.state == "succeeded", (step, done)
        closed_books(client, job.id)


def test_agent_that_comes_back_after_its_lease_is_evidence_only(house: House, tmp_path: Path) -> None:
    """A report that was finished before the kill and arrives after the lease's end is kept and refused as result."""
    server = house.server()
    _, bench = house.lab("virtual-loihi")
    agent = house.agent(bench)
    client = house.client()
    job = client.submit(spec(max_attempts=1))
    until(lambda: "arm" in house.steps(), what="the measurement")
    server.kill()
    until(lambda: any((house.root / "spool" / "attempts").glob("*/report.json")), what="the report on disk")
    agent.kill()

    house.server()
    until(lambda: client.job(job.id).state == "failed", what="the end of the lease")
    house.agent(bench)

    attempt = client.job(job.id).attempts[0]
    until(lambda: client.attempt(attempt.id).evidence or None, what="the evidence")
    assert client.attempt(attempt.id).state == "lost"
    assert not getattr(client.energy(attempt.id), "cells", ())
