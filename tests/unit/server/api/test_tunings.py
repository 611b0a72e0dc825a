"""Routes of tuning declarations, and their enforcement on jobs."""

from __future__ import annotations

import time
from typing import Any

import httpx
import pytest
from server_kit import Server, job

QUICK_S = 5


@pytest.fixture(autouse=True)
def bench(agent: httpx.Client) -> None:
    """The test's own bench is registered."""


def declaration(name: str, **params: Any) -> dict[str, Any]:
    """A declaration of this test; `name` keeps it apart from those of others."""
    return {"benchmark": "qubo-mis", "board": "virtual-loihi", "solver": "annealing", "params": {"by": name, **params}}


def tuned(bench: str, digest: str, **solver: Any) -> dict[str, Any]:
    """A job of a declaration."""
    body = job(bench)
    body["needs"]["board"] = "virtual-loihi"
    return {**body, "solver": {"name": "annealing", "tuning": digest, **solver}}


def test_declaration_is_created_at_its_digest(api: httpx.Client, bench_name: str) -> None:
    """201 the first time, 200 and the same record the second, both with its place."""
    body = declaration(bench_name, t={"expression": "2 * n"}, r={"steps": [{"n": 50, "value": 1}, {"value": 2}]})

    first, again = (api.post("/tunings", json=body) for _ in range(2))

    assert (first.status_code, again.status_code) == (201, 200)
    made = first.json()
    assert made == again.json()
    assert (made["owner"], made["rounds"]) == ("first admin", 0)
    assert first.headers["Location"] == f"/api/v1/tunings/{made['digest']}"
    assert api.get(f"/tunings/{made['digest']}").json() == made
    assert made in api.get("/tunings", params={"limit": 200}).json()["items"]


def test_declaration_cannot_be_changed_or_deleted(api: httpx.Client, bench_name: str) -> None:
    """There is no route that writes to a frozen declaration."""
    made = api.post("/tunings", json=declaration(bench_name)).json()

    for method in ("PUT", "PATCH", "DELETE", "POST"):
        assert api.request(method, f"/tunings/{made['digest']}").status_code == 405


def test_job_gets_the_declared_parameters(api: httpx.Client, bench_name: str) -> None:
    """The stored job has the evaluated values and says that it counts as tuning."""
    made = api.post("/tunings", json=declaration(bench_name, t={"expression": "2 * n"})).json()

    body = api.post("/jobs", json=tuned(bench_name, made["digest"])).json()

    assert body["spec"]["solver"]["params"] == {"by": bench_name, "t": 20}
    assert (body["standing"]["name"], body["standing"]["seed"]) == ("tuning", "tuning")


def test_per_instance_tuning_is_refused(api: httpx.Client, bench_name: str) -> None:
    """422 per_instance_tuning names the parameter, the declared and the given value, for a job and for a campaign."""
    made = api.post("/tunings", json=declaration(bench_name, t={"expression": "2 * n"})).json()
    base = tuned(bench_name, made["digest"])
    jobs = api.post("/jobs", json={**base, "solver": {**base["solver"], "params": {"by": bench_name, "t": 21}}})
    grid = {"workload.seed": [0, 1], "solver.params.t": [20, 21], "solver.params.by": [bench_name]}
    campaign = api.post("/campaigns", json={"name": "g", "base": base, "grid": grid})

    for answer in (jobs, campaign):
        assert (answer.status_code, answer.json()["code"]) == (422, "per_instance_tuning")
        (error,) = answer.json()["errors"]
        assert (error["field"], error["message"]) == ("solver.params.t", "declared 20, given 21")


def test_unknown_and_foreign_declarations_are_refused(api: httpx.Client, bench_name: str) -> None:
    """A digest that nobody declared and a declaration of another solver are told apart."""
    made = api.post("/tunings", json=declaration(bench_name)).json()
    unknown = api.post("/jobs", json=tuned(bench_name, "sha256:" + "0" * 64))
    foreign = api.post("/jobs", json=tuned(bench_name, made["digest"], name="default"))

    assert (unknown.status_code, unknown.json()["errors"][0]["code"]) == (422, "unknown_tuning")
    assert (foreign.status_code, foreign.json()["code"]) == (422, "tuning_differs")


@pytest.mark.parametrize(
    ("params", "field"),
    [
        ({"t": {"expression": "seed"}}, "params.t.expression"),
        ({"t": {"expression": "__import__('os').system('true')"}}, "params.t.expression"),
        ({"t": {"expression": "n.__class__.__mro__"}}, "params.t.expression"),
        ({"t": {"expression": "9**9**9**9**9**9"}}, None),
        ({"t": {"expression": "n" * 900_000}}, "params.t.expression"),
        ({"t": {"expression": "(" * 900_000}}, "params.t.expression"),
        ({"t": {"steps": [{"n": 10, "value": 1}]}}, "params.t"),
        ({"t": {"steps": [{"value": 1}] * 10_000}}, "params.t.steps"),
        ({"t": [1]}, "params.t"),
        ({"t": 10**400}, "params.t"),
        ({"t": True}, "params.t"),
        ({"": 1}, "params."),
        ({f"p{i}": i for i in range(100)}, "params"),
    ],
)
def test_hostile_declarations_are_refused_quickly(
    api: httpx.Client, bench_name: str, params: dict[str, Any], field: str | None
) -> None:
    """Code, endless text, towers of powers and open tables end with 422 and the field, at once."""
    body = declaration(bench_name) | {"params": params}
    begin = time.perf_counter()
    answer = api.post("/tunings", json=body)

    assert time.perf_counter() - begin < QUICK_S
    assert answer.status_code == 422
    assert len(answer.content) < 20_000
    if field is not None:
        assert any(error["field"].startswith(field) for error in answer.json()["errors"])
    else:
        assert answer.json()["code"] == "no_value"


@pytest.mark.parametrize("digest", ["x", "sha256:" + "A" * 64, "0" * 64, "sha256:..%2F..%2Fetc"])
def test_digest_in_the_path_is_one(api: httpx.Client, digest: str) -> None:
    """Anything but a digest is refused before it is looked for."""
    assert api.get(f"/tunings/{digest}").status_code in (404, 422)


def test_reading_is_not_declaring(api: httpx.Client, shared_server: Server, bench_name: str) -> None:
    """A token that may only read cannot declare."""
    made = api.post("/tokens", json={"name": bench_name, "scopes": ["read"]}).json()
    with shared_server.client(made["token"]) as reader:
        assert reader.get("/tunings").status_code == 200
        assert reader.post("/tunings", json=declaration(bench_name)).status_code == 403
