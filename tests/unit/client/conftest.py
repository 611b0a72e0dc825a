"""A stand-in server: a real HTTP server on the loopback that speaks the routes the client uses."""

from __future__ import annotations

import json
import re
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import parse_qsl, urlsplit

import pytest
from whole_answers import of_route

AT = "2026-11-21T08:00:00Z"
TOKEN = "nrg_test"
ABSENT = {"reason_code": "censored", "reason": "the gap was not reached"}


def job_body(job_id: str, state: str = "queued", **more: Any) -> dict[str, Any]:
    """Return a JobView as a server sends it, with a field that this client does not know."""
    workload = {"name": "qubo-mis", "n": 250, "density": 0.05, "seed": 0}
    workload["scenario"] = {"kind": "fixed-timeout", "timeout_s": 0.01}
    return {
        "id": job_id,
        "state": state,
        "priority": 50,
        "spec": {"workload": workload, "needs": {"board": "host-cpu"}, "tags": [], "plan": {"trials": 1}},
        "created_at": AT,
        "updated_at": AT,
        "attempts": [],
        "from_a_newer_server": True,
        **more,
    }


def attempt_body(attempt_id: str, job_id: str = "j1", **more: Any) -> dict[str, Any]:
    """Return an AttemptView of a QUBO job that reached one of two gaps."""
    energy = {"value": 0.0123, "unit": "J", "u": 0.0001, "k": 2.0, "n": 1, "grade": "metered"}
    verified = {
        "kind": "qubo",
        "cost": -63,
        "solver_cost": -63,
        "independent_set": True,
        "gap": 0.0597,
        "official_target": -67,
        "target_source": "NeuroBench",
        "best_target": -69,
        "best_gap": 0.087,
        "reached": [
            {"gap": 0.1, "target_cost": -61, "cost": -63, "latency_s": 0.004, "energy": energy},
            {"gap": 0.01, "target_cost": -67, "cost": None, "latency_s": None, "energy": ABSENT},
        ],
    }
    answer = {
        "kind": "qubo",
        "solver": "dwave-tabu",
        "n": 250,
        "solution": "AAAA",
        "solver_cost": -63,
        "stopped_by": "timeout",
        "requested_s": 0.01,
        "setup_s": 0.002,
        "solve_s": 0.0112,
        "clock": "host",
        "start_event": "problem loaded",
        "verified": verified,
    }
    return {
        "id": attempt_id,
        "job_id": job_id,
        "number": 1,
        "bench": "host-cpu",
        "board": "host-cpu",
        "reality": "physical",
        "state": "succeeded",
        "quality": "valid",
        "codes": ["energy_absent"],
        "times": [],
        "answer": answer,
        "board_info": None,
        "compiled": None,
        "placement": None,
        "provenance": {},
        "error": None,
        "evidence": [],
        "leased_at": AT,
        "started_at": AT,
        "ended_at": AT,
        "energy_absent": "no power monitor is configured on this bench",
        **more,
    }


class StandIn:
    """The server. `answers` maps "METHOD /path" to (status, body); jobs step through their scripted states."""

    def __init__(self) -> None:
        self.jobs: dict[str, list[dict[str, Any]]] = {}
        self.answers: dict[str, tuple[int, Any]] = {}
        self.requests: list[dict[str, Any]] = []
        self.asked = threading.Condition()
        self.port = 0
        self.to_lose = 0
        """How many requests from now on are read and never answered."""
        self._server: ThreadingHTTPServer | None = None

    @property
    def url(self) -> str:
        """The address, which stays the same over a restart."""
        return f"http://127.0.0.1:{self.port}"

    def add_job(self, job_id: str, *states: str, **last: Any) -> None:
        """Script a job: each look at it shows the next state, the last one stays; `last` are its fields then."""
        views = [job_body(job_id, state) for state in states]
        views[-1].update(last)
        self.jobs[job_id] = views

    def start(self) -> None:
        """Listen, on the same port as before."""
        self._server = ThreadingHTTPServer(("127.0.0.1", self.port), _handler_of(self))
        self.port = self._server.server_address[1]
        self._thread = threading.Thread(target=self._server.serve_forever, args=(0.02,), daemon=True)
        self._thread.start()

    def stop(self) -> None:
        """Stop listening; connections are refused from now on."""
        if self._server is not None:
            self._server.shutdown()
            self._server.server_close()
            self._thread.join()
            self._server = None

    def wait_for_request(self, path: str, count: int = 1, deadline_s: float = 20) -> None:
        """Return once a path was asked for so many times."""
        with self.asked:
            enough = self.asked.wait_for(
                lambda: sum(r["path"] == path for r in self.requests) >= count, timeout=deadline_s
            )
        assert enough, f"{path} was not asked for {count} times"

    def answer(self, method: str, path: str, query: dict[str, str]) -> tuple[int, Any]:
        """Return status and body for a request."""
        scripted = self.answers.get(f"{method} {path}")
        if scripted is not None:
            return scripted
        if method == "GET" and path == "/api/v1/jobs":
            return 200, self._page(int(query.get("limit", 100)), int(query.get("cursor", 0)))
        found = re.fullmatch(r"/api/v1/jobs/([^/]+)", path)
        if method == "GET" and found and found[1] in self.jobs:
            views = self.jobs[found[1]]
            return 200, views.pop(0) if len(views) > 1 else views[0]
        problem = {"type": "urn:x", "title": "Not Found", "status": 404, "detail": f"nothing at {path}"}
        return 404, {**problem, "code": "not_found", "next_step": "look elsewhere"}

    def _page(self, limit: int, start: int) -> dict[str, Any]:
        ids = list(self.jobs)[start : start + limit]
        more = start + limit < len(self.jobs)
        return {"items": [self.jobs[i][0] for i in ids], "next": str(start + limit) if more else None}


def _handler_of(stand_in: StandIn) -> type[BaseHTTPRequestHandler]:
    class Handler(BaseHTTPRequestHandler):
        def _reply(self) -> None:
            parts = urlsplit(self.path)
            body = self.rfile.read(int(self.headers.get("Content-Length") or 0))
            query = dict(parse_qsl(parts.query))
            record = {"method": self.command, "path": parts.path, "query": query, "headers": dict(self.headers)}
            with stand_in.asked:
                stand_in.requests.append({**record, "body": json.loads(body) if body else None})
                stand_in.asked.notify_all()
                lost = stand_in.to_lose > 0
                stand_in.to_lose -= lost
            if lost:
                self.close_connection = True
                return
            status, found = stand_in.answer(self.command, parts.path, query)
            found = of_route(self.command, parts.path, found) if status < 400 else found
            raw = found if isinstance(found, bytes) else json.dumps(found).encode()
            self.send_response(status)
            self.send_header("Content-Length", str(len(raw)))
            self.end_headers()
            self.wfile.write(raw)

        do_GET = do_POST = do_DELETE = _reply  # noqa: N815 - the names that http.server looks for

        def log_message(self, *_: Any) -> None:
            return

    return Handler


@pytest.fixture
def stand_in() -> Iterator[StandIn]:
    """A running stand-in server."""
    server = StandIn()
    server.start()
    yield server
    server.stop()


@pytest.fixture
def bodies() -> Any:
    """The builders of answers: `bodies.job(...)` and `bodies.attempt(...)`."""

    class Bodies:
        job = staticmethod(job_body)
        attempt = staticmethod(attempt_body)
        at = AT

    return Bodies
