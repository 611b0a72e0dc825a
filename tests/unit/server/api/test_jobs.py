"""Routes of jobs and campaigns."""

from __future__ import annotations

from typing import Any

import httpx
import pytest
from server_kit import bench_body, job


@pytest.fixture(autouse=True)
def bench(agent: httpx.Client) -> None:
    """The test's own bench is registered."""


def test_submitted_job_is_created_at_its_location(api: httpx.Client, bench_name: str) -> None:
    """A submission answers 201 with the place where the job can be looked at."""
    answer = api.post("/jobs", json=job(bench_name))

    assert answer.status_code == 201
    body = answer.json()
    assert answer.headers["Location"] == f"/api/v1/jobs/{body['id']}"
    assert (body["state"], body["position"] >= 1, body["attempts"]) == ("queued", True, [])
    assert api.get(f"/jobs/{body['id']}").json() == body


def test_idempotency_key_makes_a_retry_safe(api: httpx.Client, bench_name: str) -> None:
    """The same key and body give the same job, also with the fields in another order; another body is refused."""
    headers = {"Idempotency-Key": f"key-{bench_name}"}
    body = job(bench_name)
    first = api.post("/jobs", json=body, headers=headers)

    again = api.post("/jobs", json=dict(reversed(body.items())), headers=headers)
    other = api.post("/jobs", json=job(bench_name, seed=1), headers=headers)

    assert first.json()["id"] == again.json()["id"]
    assert again.status_code == 201
    assert (other.status_code, other.json()["code"]) == (409, "idempotency_key_reused")


def test_infeasible_job_names_the_unmet_need_of_each_bench(api: httpx.Client, bench_name: str) -> None:
    """422 infeasible lists every bench with what it lacks and says how to wait instead."""
    answer = api.post("/jobs", json=job(bench_name, needs={"board": "loihi-2"}))

    assert answer.status_code == 422
    body = answer.json()
    assert body["code"] == "infeasible"
    lacks = {e["field"]: e["message"] for e in body["errors"]}
    assert "board is 'loihi-2'" in lacks[f"benches.{bench_name}"]
    assert "wait_for_bench" in body["next_step"]


def test_infeasible_job_may_wait(api: httpx.Client) -> None:
    """With wait_for_bench the same job is queued and says why it waits."""
    answer = api.post("/jobs", json=job(needs={"board": "loihi-2"}), params={"wait_for_bench": "true"})

    assert answer.status_code == 201
    assert answer.json()["reason"] == "No registered bench meets its needs yet."
    api.post(f"/jobs/{answer.json()['id']}/cancel")


def test_list_pages_and_filters(api: httpx.Client, bench_name: str) -> None:
    """Pages follow each other by cursor; a tag selects its jobs."""
    ids = [api.post("/jobs", json=job(bench_name, tags=[bench_name])).json()["id"] for _ in range(3)]

    first = api.get("/jobs", params={"tag": bench_name, "limit": 2}).json()
    second = api.get("/jobs", params={"tag": bench_name, "limit": 2, "cursor": first["next"]}).json()

    assert [j["id"] for j in first["items"] + second["items"]] == ids[::-1]
    assert second["next"] is None


def test_cancel_answers_202_and_history_tells_it(api: httpx.Client, bench_name: str) -> None:
    """A cancelled job says so, and who asked."""
    made = api.post("/jobs", json=job(bench_name)).json()

    answer = api.post(f"/jobs/{made['id']}/cancel")

    assert (answer.status_code, answer.json()["state"]) == (202, "cancelled")
    history = api.get(f"/jobs/{made['id']}/history").json()
    assert [line["event"] for line in history] == ["submit", "cancel"]
    again = api.post(f"/jobs/{made['id']}/cancel")
    assert (again.status_code, again.json()["code"]) == (409, "illegal_transition")


def test_campaign_is_a_grid(api: httpx.Client, bench_name: str) -> None:
    """Every combination becomes a job, the last axis running fastest."""
    grid = {"workload.seed": [0, 1], "workload.scenario.timeout_s": [0.01, 0.1, 1.0]}
    answer = api.post("/campaigns", json={"name": "grid", "base": job(bench_name), "grid": grid})

    assert answer.status_code == 201
    made = answer.json()
    assert (made["count"], len(made["jobs"])) == (6, 6)
    fourth = api.get(f"/jobs/{made['jobs'][3]}").json()["spec"]["workload"]
    assert (fourth["seed"], fourth["scenario"]["timeout_s"]) == (1, 0.01)
    view = api.get(answer.headers["Location"].removeprefix("/api/v1")).json()
    assert (view["states"], view["complete"]) == ({"queued": 6}, 0.0)
    assert len(api.get("/jobs", params={"campaign": made["id"]}).json()["items"]) == 6


@pytest.mark.parametrize(
    ("grid", "field"),
    [
        ({"workload.sed": [1]}, "grid.workload.sed"),
        ({"workload.n": [10, 0]}, "grid.workload.n"),
        ({"workload.scenario.timeout_s": [-1]}, "grid.workload.scenario.timeout_s"),
        ({"priority.x": [1]}, "grid.priority.x"),
        ({"workload.seed": []}, "grid"),
        ({"workload.seed": list(range(101)), "priority": list(range(100))}, "grid"),
    ],
)
def test_wrong_grid_names_its_path(api: httpx.Client, bench_name: str, grid: dict[str, Any], field: str) -> None:
    """A path that leads nowhere, a value that is no value, and too many combinations are told apart."""
    answer = api.post("/campaigns", json={"name": "grid", "base": job(bench_name), "grid": grid})

    assert answer.status_code == 422
    assert field in {e["field"] for e in answer.json()["errors"]}


def test_bench_is_shown_as_it_registered(api: httpx.Client, agent: httpx.Client, bench_name: str) -> None:
    """A bench is listed with profile, board, state and when it was last heard of."""
    one = api.get(f"/benches/{bench_name}").json()

    assert one in api.get("/benches").json()
    assert (one["state"], one["lease"], one["board"], one["reality"]) == ("online", None, "virtual-loihi", "virtual")
    assert one["profile"]["monitors"][0]["id"] == "meter"


def test_bench_file_that_contradicts_itself_is_refused(agent: httpx.Client, bench_name: str) -> None:
    """An unknown rail and a channel mapped twice are both named."""
    channels = [{"channel": 1, "rail": "nowhere"}, {"channel": 1, "rail": "nowhere"}]
    body = bench_body(bench_name, monitors=[{"id": "m", "driver": "d", "channels": channels}])

    answer = agent.put(f"/benches/{bench_name}", json=body)

    assert answer.status_code == 422
    (error,) = answer.json()["errors"]
    assert error["field"] == "profile"
    assert "unknown rail 'nowhere'" in error["message"]
    assert "mapped 2 times" in error["message"]


def test_bench_is_registered_under_its_own_name(agent: httpx.Client, bench_name: str) -> None:
    """Path and profile must name the same bench."""
    answer = agent.put(f"/benches/{bench_name}", json=bench_body("another"))

    assert answer.status_code == 422
    assert [e["field"] for e in answer.json()["errors"]] == ["profile.name"]
