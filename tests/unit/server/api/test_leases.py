"""Routes of leases: an agent asks, begins, renews, and stops when it is told to."""

from __future__ import annotations

import statistics
import time
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import httpx
from house import until
from server_kit import Server, bench_body, job


def test_no_work_is_204(agent: httpx.Client, bench_name: str) -> None:
    """An agent without work gets an empty answer after its wait."""
    answer = agent.post("/leases", json={"bench": bench_name, "wait_s": 0.05})

    assert (answer.status_code, answer.content) == (204, b"")


def test_unregistered_bench_gets_no_lease(api: httpx.Client) -> None:
    """A bench registers before it asks for work."""
    answer = api.post("/leases", json={"bench": "never-seen", "wait_s": 0})

    assert (answer.status_code, answer.json()["code"]) == (404, "not_found")


def test_waiting_agent_gets_a_job_as_soon_as_it_is_submitted(
    api: httpx.Client, agent: httpx.Client, shared_server: Server, bench_name: str
) -> None:
    """A submission wakes the waiting request: the median of ten stays far below the next look, which is 5 s away."""
    delays = []
    with ThreadPoolExecutor(1) as pool:
        for i in range(10):
            waiting = pool.submit(_timed_claim, agent, bench_name)
            until(lambda: shared_server.waiting() > 0, what="the waiting request")
            submitted = time.perf_counter()
            api.post("/jobs", json=job(bench_name, seed=i)).raise_for_status()
            lease, got = waiting.result(timeout=30)
            delays.append(got - submitted)
            failed = {"fence": lease["fence"], "outcome": "failed", "error": _wrong()}
            agent.post(f"/attempts/{lease['attempt_id']}/report", json=failed).raise_for_status()

    assert statistics.median(delays) < 1.0


def _timed_claim(agent: httpx.Client, bench: str) -> tuple[dict[str, Any], float]:
    answer = agent.post("/leases", json={"bench": bench, "wait_s": 30})
    return answer.json(), time.perf_counter()


def _wrong() -> dict[str, Any]:
    return {"code": "wrong_answer", "fault": "job", "retryable": False, "message": "wrong"}


def test_renewal_carries_the_cancel(api: httpx.Client, agent: httpx.Client, lease: dict[str, Any]) -> None:
    """The owner's cancel reaches the agent, and the agent's report ends the job."""
    url = f"/leases/{lease['lease_id']}/renew"
    renewal = {"fence": 1, "phase": "run", "clock_offset_s": 0.001, "health": {"temperature_c": 41.5}}
    assert agent.post(url, json=renewal).json()["cancel"] is False

    api.post(f"/jobs/{lease['job_id']}/cancel")

    assert agent.post(url, json=renewal).json()["cancel"] is True
    done = agent.post(f"/attempts/{lease['attempt_id']}/report", json={"fence": 1, "outcome": "cancelled"})
    assert done.json()["attempt"]["state"] == "cancelled"
    assert api.get(f"/jobs/{lease['job_id']}").json()["state"] == "cancelled"


def test_stale_fence_is_a_lost_lease(agent: httpx.Client, lease: dict[str, Any]) -> None:
    """409 lease_lost tells the agent to stop."""
    for action, fence in (("start", 7), ("renew", 7), ("start", 10**30), ("renew", 10**30)):
        answer = agent.post(f"/leases/{lease['lease_id']}/{action}", json={"fence": fence})
        assert (answer.status_code, answer.json()["code"]) == (409, "lease_lost")


def test_silent_agent_loses_its_lease_and_its_late_report_is_evidence(start_server: Any) -> None:
    """After the lease's life the job waits again; the late report gets 409 and is kept."""
    server: Server = start_server(NEURORIG_LEASE_TTL_S="0.3", NEURORIG_SWEEP_S="0.05")
    with server.client() as api:
        api.put("/benches/b", json=bench_body("b")).raise_for_status()
        api.post("/jobs", json=job("b")).raise_for_status()
        first = api.post("/leases", json={"bench": "b"}).json()

        second = api.post("/leases", json={"bench": "b", "wait_s": 30}).json()

        assert (second["job_id"], second["fence"]) == (first["job_id"], 2)
        late = api.post(f"/attempts/{first['attempt_id']}/report", json={"fence": 1, "outcome": "succeeded"})
        assert (late.status_code, late.json()["code"]) == (409, "stale_fence")
        view = api.get(f"/attempts/{first['attempt_id']}").json()
        assert (view["state"], len(view["evidence"])) == ("lost", 1)
        metrics = httpx.get(f"{server.url}/metrics").text
        assert "neurorig_lease_expiries_total 0.0" not in metrics
