"""A server may die at any instant: nothing lost, nothing twice."""

from __future__ import annotations

import signal
import sqlite3
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from typing import Any

import httpx
from house import until
from server_kit import ANSWER, Server, bench_body, job


def begin(api: httpx.Client) -> dict[str, Any]:
    """Register a bench and begin an attempt on it."""
    api.put("/benches/b", json=bench_body("b")).raise_for_status()
    api.post("/jobs", json=job("b")).raise_for_status()
    lease: dict[str, Any] = api.post("/leases", json={"bench": "b"}).json()
    api.post(f"/leases/{lease['lease_id']}/start", json={"fence": 1}).raise_for_status()
    return lease


def until_ended(api: httpx.Client, job_id: str) -> dict[str, Any]:
    """Return a job once it has ended."""

    def ended() -> dict[str, Any] | None:
        view: dict[str, Any] = api.get(f"/jobs/{job_id}").json()
        return view if view["state"] in ("succeeded", "failed", "cancelled") else None

    return until(ended, what=f"the end of job {job_id}")


def test_lease_survives_a_killed_server_that_was_away_longer_than_its_life(
    start_server: Callable[..., Server],
) -> None:
    """The agent that could not renew finds its lease again, and the job is run once."""
    server = start_server()
    with server.client() as api:
        lease = begin(api)
    server.stop(signal.SIGKILL)
    with closing(sqlite3.connect(server.data_dir / "neurorig.db")) as database, database:
        database.execute("UPDATE attempts SET expires_at = '2001-02-03 04:05:06.000000'")

    back = start_server(NEURORIG_SWEEP_S="0.05")

    with back.client() as api:
        renewed = api.post(f"/leases/{lease['lease_id']}/renew", json={"fence": 1})
        assert renewed.status_code == 200
        report = {"fence": 1, "outcome": "succeeded", "answer": ANSWER}
        api.post(f"/attempts/{lease['attempt_id']}/report", json=report).raise_for_status()
        view = until_ended(api, lease["job_id"])
    assert (view["state"], len(view["attempts"])) == ("succeeded", 1)


def test_report_that_was_accepted_is_analysed_after_a_kill(start_server: Callable[..., Server]) -> None:
    """A server killed between accepting and analysing finishes the attempt when it is back."""
    server = start_server(NEURORIG_ANALYSIS_WAIT_S="0")
    with server.client() as api:
        lease = begin(api)
        report = {"fence": 1, "outcome": "succeeded", "answer": ANSWER}
        accepted = api.post(f"/attempts/{lease['attempt_id']}/report", json=report)
    server.stop(signal.SIGKILL)
    assert accepted.json()["accepted"] is True

    back = start_server()

    with back.client() as api:
        assert until_ended(api, lease["job_id"])["state"] == "succeeded"
        attempt = api.get(f"/attempts/{lease['attempt_id']}").json()
        again = api.post(f"/attempts/{lease['attempt_id']}/report", json=report)
    assert attempt["answer"]["verified"]["cost"] == -10
    assert again.json() == {"accepted": True, "attempt": attempt}


def test_waiting_agent_is_sent_home_when_the_server_stops(start_server: Callable[..., Server]) -> None:
    """A stop does not wait for requests that wait for work."""
    server = start_server()
    with server.client() as api, server.client() as agent, ThreadPoolExecutor(1) as pool:
        api.put("/benches/b", json=bench_body("b")).raise_for_status()
        waiting = pool.submit(agent.post, "/leases", json={"bench": "b", "wait_s": 60})
        until(lambda: server.waiting() == 1, what="the waiting request")
        began = time.monotonic()

        assert server.stop() == 0

        assert time.monotonic() - began < 10
        assert waiting.result(timeout=10).status_code == 204
