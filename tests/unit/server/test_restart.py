"""A server may die at any instant: nothing lost, nothing twice."""

from __future__ import annotations

import signal
import socket
import sqlite3
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

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


def begin_upload(server: Server) -> tuple[socket.socket, Path]:
    """Send the beginning of a file; returns the connection and the staged part."""
    address, before = urlsplit(server.url), set((server.data_dir / "staging").iterdir())
    connection = socket.create_connection((address.hostname, address.port))
    head = (
        f"POST /api/v1/files?kind=qubo&name=a HTTP/1.1\r\nHost: {address.netloc}\r\n"
        f"Authorization: Bearer {server.token}\r\nContent-Type: application/octet-stream\r\nContent-Length: 21\r\n\r\n"
    )
    connection.sendall(head.encode() + b"p qubo")
    (part,) = until(lambda: set((server.data_dir / "staging").iterdir()) - before or None, what="the staged part")
    return connection, part


def test_parts_of_a_killed_server_are_removed_and_those_of_a_living_one_stay(
    start_server: Callable[..., Server],
) -> None:
    """Of two servers on one folder one is killed in the middle of an upload; the next start removes its part alone."""
    killed, living = start_server(), start_server()
    gone, left = begin_upload(killed)
    with gone:
        killed.stop(signal.SIGKILL)
    assert left.exists()
    connection, part = begin_upload(living)
    trace = killed.data_dir / "staging" / "1-abc.part"
    trace.write_bytes(b"a trace that is resumed")

    back = start_server()

    until(lambda: not left.exists(), what="the end of the part of the killed server")
    said = until(
        lambda: (text := (back.data_dir / "log").read_text()).count("1 staged files") and text, what="its line"
    )
    assert said.count("of uploads that nobody goes on with were removed") == 1
    assert trace.exists()
    with connection:
        assert part.exists()
        connection.sendall(b" 0 1 1 0\n0 0 1\n")
        assert connection.recv(12) == b"HTTP/1.1 201"
    until(lambda: not part.exists(), what="the end of the part of the living server")
