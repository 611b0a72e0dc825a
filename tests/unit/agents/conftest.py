"""A server on loopback that speaks the agent's routes and can be told to fail, and a bench of trial drivers."""

from __future__ import annotations

import json
import re
import socket
import threading
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest

from neurorig_agents.bench_in_operation import LiveBench
from neurorig_protocols.bench import BenchProfile
from neurorig_protocols.job import JobSpec
from neurorig_protocols.lease import Lease
from neurorig_protocols.trace import digest_of

TRIAL_DRIVERS = Path(__file__).parents[2] / "trial_drivers"

PROFILE: dict[str, Any] = {
    "name": "trial",
    "reality": "virtual",
    "board": {"driver": "trial-board", "options": {"run_s": 0.02}},
    "components": [{"name": "core"}, {"name": "io"}],
    "rails": [{"name": "core", "component": "core"}, {"name": "io", "component": "io"}],
    "monitors": [
        {
            "id": "pm",
            "driver": "trial-monitor",
            "channels": [{"channel": 1, "rail": "core"}, {"channel": 2, "rail": "io"}],
        }
    ],
}

JOB: dict[str, Any] = {
    "workload": {
        "name": "qubo-mis",
        "n": 10,
        "density": 0.05,
        "seed": 0,
        "scenario": {"kind": "fixed-timeout", "timeout_s": 0.02},
    },
    "plan": {"idle_s": 0.02, "settle_s": 0.005},
}


def profile(board: dict[str, Any] | None = None, monitor: dict[str, Any] | None = None) -> BenchProfile:
    """Return the trial bench with options of its board and its monitor."""
    table = json.loads(json.dumps(PROFILE))
    table["board"]["options"] |= board or {}
    table["monitors"][0]["options"] = monitor or {}
    return BenchProfile.model_validate(table)


def lease(number: int = 1, ttl_s: float = 15.0, **job: Any) -> Lease:
    """Return a lease of the trial job; `job` replaces parts of its spec."""
    return Lease(
        lease_id=f"lease-{number}",
        fence=number,
        job_id=f"job-{number}",
        attempt_id=f"attempt-{number}",
        attempt=1,
        job=JobSpec.model_validate({**JOB, **job}),
        ttl_s=ttl_s,
        expires_at=datetime.now(UTC) + timedelta(seconds=ttl_s),
    )


class Server:
    """The server's agent routes, held in memory. Faults are chosen with `fail`."""

    def __init__(self) -> None:
        self.changed = threading.Condition()
        self.benches: dict[str, Any] = {}
        self.leases: list[Lease] = []
        self.started: list[str] = []
        self.asked: list[str] = []
        self.returned: list[str] = []
        self.renewals: list[dict[str, Any]] = []
        self.uploads: dict[str, bytes] = {}
        self.files: dict[str, bytes] = {}
        self.reports: dict[str, Any] = {}
        self.log: list[tuple[str, str]] = []
        self.headers: list[dict[str, str]] = []
        self.cancel = False
        self.lost = False
        self._faults: list[tuple[str, str, str | int | dict[str, Any]]] = []
        self._connections: set[socket.socket] = set()
        self._http = self._serve(0)

    @property
    def url(self) -> str:
        """Address for the agent's `--server`."""
        return f"http://127.0.0.1:{self._http.server_port}"

    def fail(self, method: str, path: str, how: str | int | dict[str, Any], times: int = 1) -> None:
        """Let the next requests fail: "drop" the connection, "deafen" (act, then drop), a status or a problem.

        "cut" breaks off in the middle of the answer.
        """
        self._faults += [(method, path, how)] * times

    def give(self, *leases: Lease) -> None:
        """Put work into the queue."""
        with self.changed:
            self.leases += leases
            self.changed.notify_all()

    def wait_for(self, condition: Callable[[], Any], seconds: float = 10.0) -> None:
        """Wait until a condition on this server holds."""
        with self.changed:
            assert self.changed.wait_for(condition, seconds), f"not within {seconds} s; log: {self.log}"

    def stop(self) -> None:
        """Hang up on everybody."""
        self._http.shutdown()
        self._thread.join()
        for connection in list(self._connections):
            try:
                connection.shutdown(socket.SHUT_RDWR)
            except OSError:
                continue
        self._http.server_close()

    def restart(self) -> None:
        """Serve again on the same port."""
        self._http = self._serve(self._http.server_port)

    def _serve(self, port: int) -> ThreadingHTTPServer:
        self.handler = type("Handler", (_Handler,), {"state": self})
        http = ThreadingHTTPServer(("127.0.0.1", port), self.handler)
        http.daemon_threads = False
        self._thread = threading.Thread(target=http.serve_forever, args=(0.01,), name="trial server")
        self._thread.start()
        return http

    def _fault(self, method: str, path: str) -> str | int | dict[str, Any] | None:
        for k, (want, part, how) in enumerate(self._faults):
            if want == method and re.search(part, path):
                del self._faults[k]
                return how
        return None


class _Handler(BaseHTTPRequestHandler):
    """Strictly private: one connection of one agent."""

    protocol_version = "HTTP/1.1"
    state: Server

    def setup(self) -> None:
        super().setup()
        self.connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self.state._connections.add(self.connection)

    def finish(self) -> None:
        self.state._connections.discard(self.connection)
        super().finish()

    def handle(self) -> None:
        try:
            super().handle()
        except ConnectionError:
            self.close_connection = True

    def log_message(self, *args: object) -> None:
        """Say nothing on standard error."""

    def _any(self) -> None:
        body = self.rfile.read(int(self.headers.get("Content-Length", 0)))
        path = self.path.removeprefix("/api/v1")
        state = self.state
        with state.changed:
            state.log.append((self.command, path))
            state.headers.append(dict(self.headers))
            how = state._fault(self.command, path)
        if how == "drop":
            self.close_connection = True
            self.connection.shutdown(socket.SHUT_RDWR)
            return
        if isinstance(how, int):
            self._answer(how, {}, {"Retry-After": "0"})
            return
        if isinstance(how, dict):
            self._answer(how["status"], how)
            return
        with state.changed:
            status, answer, headers = self._act(path, body)
            state.changed.notify_all()
        if how == "deafen":
            self.close_connection = True
            self.connection.shutdown(socket.SHUT_RDWR)
            return
        self._answer(status, answer, headers, cut=how == "cut")

    do_GET = do_PUT = do_POST = do_PATCH = do_HEAD = _any  # noqa: N815 - the base class names them

    def _act(self, path: str, body: bytes) -> tuple[int, Any, dict[str, str]]:
        match path.strip("/").split("/"):
            case ["benches", name]:
                self.state.benches[name] = json.loads(body)
                return 200, {}, {}
            case ["leases", *rest]:
                return self._lease(rest, json.loads(body))
            case ["files", digest, "content"]:
                missing = 404, {"status": 404, "code": "not_found", "detail": "there is no such file"}, dict[str, str]()
                return (200, self.state.files[digest], {}) if digest in self.state.files else missing
            case ["attempts", _, "traces", digest]:
                return self._upload(digest, body)
            case ["attempts", attempt_id, "report"] if not self.state.lost:
                self.state.reports.setdefault(attempt_id, json.loads(body))
                return 200, {"accepted": True}, {}
        return _LOST

    def _lease(self, rest: list[str], message: Any) -> tuple[int, Any, dict[str, str]]:
        state = self.state
        if not rest:
            state.asked.append(message["lease_id"])
            state.changed.wait_for(lambda: state.leases, min(message["wait_s"], 1.0))
            return (200, state.leases.pop(0).model_dump(mode="json"), {}) if state.leases else (204, None, {})
        if rest[1] == "return":
            assert message["bench"] in state.benches
            state.returned.append(rest[0])
            return 204, None, {}
        if rest[1] == "start":
            state.started.append(rest[0])
            return 204, None, {}
        state.renewals.append(message)
        if state.lost:
            return _LOST
        expires_at = (datetime.now(UTC) + timedelta(seconds=15)).isoformat()
        return 200, {"kind": "renewal_answer", "expires_at": expires_at, "cancel": state.cancel}, {}

    def _upload(self, digest: str, body: bytes) -> tuple[int, Any, dict[str, str]]:
        held = self.state.uploads.get(digest, b"")
        if self.command == "PATCH":
            if int(self.headers["Upload-Offset"]) != len(held):
                return 409, {"detail": "another offset", "code": "offset_mismatch", "status": 409}, {}
            held += body
            self.state.uploads[digest] = held
            if len(held) == int(self.headers["Upload-Length"]):
                assert digest_of(held) == f"sha256:{digest}"
            return 204, None, {"Upload-Offset": str(len(held))}
        return 200, None, {"Upload-Offset": str(len(held))}

    def _answer(self, status: int, answer: Any, headers: dict[str, str] | None = None, *, cut: bool = False) -> None:
        told = answer if isinstance(answer, bytes) else json.dumps(answer).encode()
        content = b"" if answer is None or self.command == "HEAD" else told
        self.send_response(status)
        for name, value in (headers or {}).items():
            self.send_header(name, value)
        if status != 204:
            self.send_header("Content-Length", str(len(content)))
        self.end_headers()
        self.wfile.write(content[: len(content) // 2] if cut else content)
        if cut:
            self.close_connection = True
            self.connection.shutdown(socket.SHUT_RDWR)


_LOST = 409, {"status": 409, "code": "lease_lost", "detail": "the lease has ended"}, dict[str, str]()


@pytest.fixture
def server() -> Iterator[Server]:
    """Serve the agent's routes on loopback for one test."""
    state = Server()
    yield state
    state.stop()


@pytest.fixture
def make_lease() -> Callable[..., Lease]:
    """Return `lease`."""
    return lease


@pytest.fixture
def make_profile() -> Callable[..., BenchProfile]:
    """Return `profile`."""
    return profile


@pytest.fixture(scope="module")
def trial_drivers() -> Iterator[Path]:
    """Install the trial drivers for the tests of one module."""
    with pytest.MonkeyPatch.context() as patch:
        patch.syspath_prepend(str(TRIAL_DRIVERS))
        patch.setenv("PYTHONPATH", str(TRIAL_DRIVERS))
        yield TRIAL_DRIVERS


@pytest.fixture(scope="module")
def trial_bench(trial_drivers: Path) -> Iterator[LiveBench]:
    """Keep one bench without faults warm for the tests of one module."""
    with LiveBench.of(profile()) as bench:
        bench.board.ensure_running()
        bench.monitors.open()
        yield bench


@pytest.fixture
def open_bench(trial_drivers: Path) -> Iterator[Callable[..., LiveBench]]:
    """Return a function that makes a live bench of trial drivers; all are closed at the end."""
    opened: list[LiveBench] = []

    def make(**options: Any) -> LiveBench:
        opened.append(LiveBench.of(profile(**options)))
        return opened[-1]

    yield make
    for bench in opened:
        bench.close()
