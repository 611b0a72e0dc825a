"""A real server process on a free port, shared by the tests of its routes."""

from __future__ import annotations

import itertools
import os
import signal
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest
from server_kit import METERED, Server, bench_body, job, launch

_numbers = itertools.count(1)


@pytest.fixture(scope="session")
def shared_server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    """One server for all tests of routes; they keep apart by bench."""
    for name in [n for n in os.environ if n.startswith("NEURORIG_")]:
        del os.environ[name]
    server = launch(tmp_path_factory.mktemp("server"))
    yield server
    assert server.stop() == 0


@pytest.fixture
def start_server(tmp_path: Path) -> Iterator[Callable[..., Server]]:
    """Start servers of one's own; all end with the test."""
    started: list[Server] = []

    def start(*args: str, data_dir: Path = tmp_path, **env: str) -> Server:
        started.append(launch(data_dir, *args, **env))
        return started[-1]

    yield start
    for server in started:
        server.stop(signal.SIGKILL)


@pytest.fixture
def api(shared_server: Server) -> Iterator[httpx.Client]:
    """The shared server, seen by its administrator."""
    with shared_server.client() as client:
        yield client


@pytest.fixture
def bench_name() -> str:
    """A name that no other test uses: tests share one server and keep apart by bench."""
    return f"bench-{next(_numbers)}"


@pytest.fixture
def agent(api: httpx.Client, shared_server: Server, bench_name: str) -> Iterator[httpx.Client]:
    """An agent with its own token, its bench registered and metered."""
    made = api.post("/tokens", json={"name": bench_name, "scopes": ["agent"], "bench": bench_name}).json()
    with shared_server.client(made["token"]) as client:
        assert client.put(f"/benches/{bench_name}", json=bench_body(bench_name, **METERED)).status_code == 200
        yield client


@pytest.fixture
def lease(api: httpx.Client, agent: httpx.Client, bench_name: str) -> dict[str, Any]:
    """A lease of the agent on a job, begun."""
    assert api.post("/jobs", json=job(bench_name)).status_code == 201
    answer = agent.post("/leases", json={"bench": bench_name, "wait_s": 0})
    assert answer.status_code == 200
    found: dict[str, Any] = answer.json()
    assert agent.post(f"/leases/{found['lease_id']}/start", json={"fence": 1}).status_code == 204
    return found
