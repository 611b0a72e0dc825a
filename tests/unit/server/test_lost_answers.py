"""Our client on our server through a connection that loses answers: everything is made once."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import httpx
import pytest
from server_kit import Server, job

from neurorig import Client


class Losing(ThreadingHTTPServer):
    """A gateway to a server that passes every request on and loses the answer to the first of each two POSTs."""

    def __init__(self, behind: str) -> None:
        super().__init__(("127.0.0.1", 0), Passing)
        self.behind = behind
        self.statuses: list[int] = []


class Passing(BaseHTTPRequestHandler):
    """Passes one request on."""

    server: Losing

    def _pass_on(self) -> None:
        body = self.rfile.read(int(self.headers.get("Content-Length") or 0))
        headers = {k: v for k, v in self.headers.items() if k.lower() not in ("host", "connection")}
        answer = httpx.request(self.command, self.server.behind + self.path, headers=headers, content=body, timeout=60)
        if self.command == "POST":
            self.server.statuses.append(answer.status_code)
            if len(self.server.statuses) % 2:
                self.close_connection = True
                return
        self.send_response(answer.status_code)
        self.send_header("Content-Length", str(len(answer.content)))
        self.end_headers()
        self.wfile.write(answer.content)

    do_GET = do_POST = _pass_on  # noqa: N815 - the names that http.server looks for

    def log_message(self, *_: object) -> None:
        """Keep the tests' output clean."""


@pytest.fixture
def gateway(shared_server: Server, agent: httpx.Client) -> Iterator[Losing]:
    """A losing gateway to the shared server, which knows the test's bench."""
    found = Losing(shared_server.url)
    thread = threading.Thread(target=found.serve_forever, args=(0.02,))
    thread.start()
    yield found
    found.shutdown()
    thread.join()
    found.server_close()


def test_everything_is_made_once(gateway: Losing, shared_server: Server, api: httpx.Client, bench_name: str) -> None:
    """Campaign, comparison, declaration, round, freeze and the round's jobs: two requests each, one thing each."""
    declaration = {"benchmark": "qubo-mis", "board": "virtual-loihi", "solver": "annealing"}
    asked = {"scenario": {"kind": "fixed-timeout", "timeout_s": 0.01}, "sizes": [10], "densities": [0.05]}
    with Client(f"http://127.0.0.1:{gateway.server_port}", shared_server.token) as client:
        spec = job(bench_name, tags=[bench_name])
        campaign = client.submit_campaign("c", spec, {"workload.seed": [1, 2]})
        left, right = ({"job": job_id} for job_id in campaign.jobs)
        found = client.compare(left, right)
        digest = client.declare_tuning({**declaration, "params": {"by": bench_name}}).digest
        opened = client.open_evaluation(comment=bench_name)
        frozen = client.freeze_evaluation(opened.id, digest, nonce="c0ffee")
        jobs = client.submit_evaluation(opened.id, {**asked, "tags": [bench_name]})

        assert frozen.state == "revealed"
        assert [view.comment for view in client.evaluations()].count(bench_name) == 1
        assert client.comparison(found.id).id == found.id
    assert gateway.statuses == [201, 201, 201, 201, 201, 201, 201, 201, 200, 200, 201, 201]
    listed = api.get("/jobs", params={"tag": bench_name, "limit": 200}).json()["items"]
    assert {one["id"] for one in listed} == {*campaign.jobs, *jobs.jobs}
