"""Idempotency keys over HTTP: the same answer with the same status, and a refusal for another body."""

from __future__ import annotations

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from typing import Any

import httpx
import pytest
from server_kit import job

SCENARIO = {"kind": "fixed-timeout", "timeout_s": 0.01}


@dataclass
class Asked:
    """A request, the same with another body, and what of the answer stays the same."""

    path: str
    body: dict[str, Any]
    other: dict[str, Any]
    status: int = 201
    same: tuple[str, ...] = field(default=("id",))


def declaration(steps: int, name: str) -> dict[str, Any]:
    """A declaration of this test's own."""
    params = {"by": name, "steps": steps}
    return {"benchmark": "qubo-mis", "board": "virtual-loihi", "solver": "annealing", "params": params}


@pytest.fixture
def revealed(api: httpx.Client, bench_name: str) -> Callable[[], str]:
    """Make a round with its seeds; returns its id."""

    def make() -> str:
        digest = api.post("/tunings", json=declaration(3, bench_name)).json()["digest"]
        round_id = str(api.post("/evaluations", json={}).json()["id"])
        assert api.post(f"/evaluations/{round_id}/freeze", json={"tuning": digest}).status_code == 200
        return round_id

    return make


@pytest.fixture(params=["campaign", "comparison", "tuning", "evaluation", "freeze", "evaluation jobs"])
def asked(
    request: pytest.FixtureRequest,
    api: httpx.Client,
    agent: httpx.Client,
    bench_name: str,
    revealed: Callable[[], str],
) -> Asked:
    """Every route that takes a key, beside that of jobs."""
    match request.param:
        case "campaign":
            body = {"name": "c", "base": job(bench_name), "grid": {"workload.seed": [1, 2]}}
            return Asked("/campaigns", body, {**body, "grid": {"workload.seed": [1, 3]}}, same=("id", "jobs", "count"))
        case "comparison":
            left, right = ({"job": api.post("/jobs", json=job(bench_name)).json()["id"]} for _ in range(2))
            body = {"left": left, "right": right}
            return Asked("/comparisons", body, {"left": right, "right": left})
        case "tuning":
            bodies = declaration(1, bench_name), declaration(2, bench_name)
            return Asked("/tunings", *bodies, same=("digest", "created_at"))
        case "evaluation":
            return Asked("/evaluations", {"comment": bench_name}, {"comment": ""}, same=("id", "commitment"))
        case "freeze":
            digest = api.post("/tunings", json=declaration(3, bench_name)).json()["digest"]
            place = f"/evaluations/{api.post('/evaluations', json={}).json()['id']}/freeze"
            bodies = {"tuning": digest, "nonce": "aa"}, {"tuning": digest, "nonce": "bb"}
            return Asked(place, *bodies, status=200, same=("id", "seeds", "frozen_at", "nonce"))
        case _:
            body = {"scenario": SCENARIO, "sizes": [10], "densities": [0.05], "needs": {"bench": bench_name}}
            return Asked(f"/evaluations/{revealed()}/jobs", body, {**body, "sizes": [25]}, same=("id", "jobs"))


def test_repeated_request_has_the_same_answer_and_status(api: httpx.Client, asked: Asked, bench_name: str) -> None:
    """Status, place and identity are those of the first time, also with the fields in another order."""
    headers = {"Idempotency-Key": f"again-{bench_name}"}
    first = api.post(asked.path, json=asked.body, headers=headers)
    again = api.post(asked.path, json=dict(reversed(asked.body.items())), headers=headers)

    assert (first.status_code, again.status_code) == (asked.status, asked.status)
    assert again.headers.get("Location") == first.headers.get("Location")
    assert [again.json()[name] for name in asked.same] == [first.json()[name] for name in asked.same]


def test_another_body_is_refused(api: httpx.Client, asked: Asked, bench_name: str) -> None:
    """A key that came with one body does not do for another one, nor in another place."""
    headers = {"Idempotency-Key": f"other-{bench_name}"}
    api.post(asked.path, json=asked.body, headers=headers)
    answers = [
        api.post(asked.path, json=asked.other, headers=headers),
        api.post("/jobs", json=job(bench_name), headers=headers),
    ]

    assert [(a.status_code, a.json()["code"]) for a in answers] == [(409, "idempotency_key_reused")] * 2
    assert all(a.json()["next_step"] for a in answers)


def test_of_requests_at_once_one_makes_the_thing(api: httpx.Client, asked: Asked, bench_name: str) -> None:
    """Equal requests that arrive together have one answer."""
    headers = {"Idempotency-Key": f"at-once-{bench_name}"}
    with ThreadPoolExecutor(8) as pool:
        answers = list(pool.map(lambda _: api.post(asked.path, json=asked.body, headers=headers), range(8)))

    assert {answer.status_code for answer in answers} == {asked.status}
    found = [[answer.json()[name] for name in asked.same] for answer in answers]
    assert all(one == found[0] for one in found)


@pytest.mark.parametrize("key", ["", "a b", "x" * 256])
def test_key_that_is_none_is_named(api: httpx.Client, asked: Asked, key: str) -> None:
    """An empty key, one with a space and one that is too long are refused."""
    answer = api.post(asked.path, json=asked.body, headers={"Idempotency-Key": key})

    assert answer.status_code == 422
    assert [e["field"] for e in answer.json()["errors"]] == ["header.Idempotency-Key"]
