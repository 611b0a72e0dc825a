"""Routes of evaluation rounds, from the commitment to the official jobs."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from typing import Any

import httpx
import pytest
from server_kit import Server

from neurorig_protocols.benchmarks import evaluation
from neurorig_protocols.benchmarks.evaluation import EvaluationRound
from neurorig_protocols.benchmarks.tuning import TuningDeclaration

SCENARIO = {"kind": "fixed-timeout", "timeout_s": 0.01}


@pytest.fixture(autouse=True)
def bench(agent: httpx.Client) -> None:
    """The test's own bench is registered."""


@pytest.fixture
def body(bench_name: str) -> dict[str, Any]:
    """A declaration of this test's own."""
    params = {"by": bench_name, "t": {"expression": "2 * n"}}
    return {"benchmark": "qubo-mis", "board": "virtual-loihi", "solver": "annealing", "params": params}


@pytest.fixture
def digest(api: httpx.Client, body: dict[str, Any]) -> str:
    """The digest of the test's declaration."""
    return str(api.post("/tunings", json=body).json()["digest"])


def open_round(api: httpx.Client) -> str:
    """Open a round and return its id."""
    return str(api.post("/evaluations", json={}).json()["id"])


def record(view: dict[str, Any]) -> EvaluationRound:
    """Return the public record in an answer."""
    return EvaluationRound.model_validate({k: v for k, v in view.items() if k not in ("owner", "comment", "jobs")})


def test_whole_way_of_a_round(
    api: httpx.Client, shared_server: Server, bench_name: str, body: dict[str, Any], digest: str
) -> None:
    """Commitment, freeze, check by anybody, jobs that count as official; the secret never stands in a log."""
    opened = api.post("/evaluations", json={"comment": "first"})
    assert (opened.status_code, opened.json()["state"], opened.json()["secret"]) == (201, "open", None)
    place = opened.headers["Location"].removeprefix("/api/v1")

    frozen = api.post(f"{place}/freeze", json={"tuning": digest, "nonce": "c0ffee"})
    assert frozen.status_code == 200
    view = frozen.json()
    assert view == api.get(place).json()
    assert view["commitment"] == opened.json()["commitment"]
    assert all(c.well for c in evaluation.verify(record(view), TuningDeclaration.model_validate(body)))

    asked = {"sizes": [10, 25], "densities": [0.05], "scenario": SCENARIO, "needs": {"bench": bench_name}}
    made = api.post(f"{place}/jobs", json={**asked, "tags": [bench_name], "plan": {"trials": 2}})
    assert (made.status_code, made.json()["count"]) == (201, 10)
    jobs = api.get("/jobs", params={"tag": f"evaluation:{view['id']}", "limit": 50}).json()["items"]
    assert {j["spec"]["workload"]["seed"] for j in jobs} == set(view["seeds"])
    assert {j["standing"]["name"] for j in jobs} == {"official-evaluation"}
    assert {(j["spec"]["workload"]["n"], j["spec"]["solver"]["params"]["t"]) for j in jobs} == {(10, 20), (25, 50)}
    assert all(j["spec"]["plan"]["trials"] == 2 for j in jobs)
    assert api.get(place).json()["jobs"] == 10
    assert view["secret"] not in (shared_server.data_dir / "log").read_text()


def test_rounds_tag_cannot_be_set_by_hand(api: httpx.Client, bench_name: str, digest: str) -> None:
    """A job, a campaign's base or grid and the extra tags of another round's jobs are refused with a stable code."""
    rounds = [open_round(api) for _ in range(2)]
    for round_id in rounds:
        api.post(f"/evaluations/{round_id}/freeze", json={"tuning": digest})
    stolen = f"evaluation:{rounds[0]}"
    needs = {"bench": bench_name}
    job = {"workload": {"name": "qubo-mis", "n": 10, "density": 0.05, "seed": 0, "scenario": SCENARIO}, "needs": needs}
    jobs = {"sizes": [10], "densities": [0.05], "scenario": SCENARIO, "needs": needs}

    refused = [
        api.post("/jobs", json={**job, "tags": [stolen]}),
        api.post("/campaigns", json={"name": "c", "base": {**job, "tags": [stolen]}}),
        api.post("/campaigns", json={"name": "c", "base": job, "grid": {"tags": [[], [stolen]]}}),
        api.post(f"/evaluations/{rounds[1]}/jobs", json={**jobs, "tags": [stolen]}),
    ]

    assert [(answer.status_code, answer.json()["code"]) for answer in refused] == [(422, "reserved_tag")] * 4
    assert all("Leave the tag out" in answer.json()["next_step"] for answer in refused)
    assert api.get(f"/evaluations/{rounds[0]}").json()["jobs"] == 0
    assert api.post(f"/evaluations/{rounds[0]}/jobs", json={**jobs, "tags": [stolen]}).status_code == 201
    assert api.get(f"/evaluations/{rounds[0]}").json()["jobs"] == 5


def test_freeze_is_once(api: httpx.Client, digest: str) -> None:
    """The second freeze is refused with a stable code, and so are jobs of an open round."""
    round_id = open_round(api)
    early = api.post(f"/evaluations/{round_id}/jobs", json={"scenario": SCENARIO})
    api.post(f"/evaluations/{round_id}/freeze", json={"tuning": digest})
    again = api.post(f"/evaluations/{round_id}/freeze", json={"tuning": digest})

    assert (early.status_code, early.json()["code"]) == (409, "evaluation_open")
    assert (again.status_code, again.json()["code"]) == (409, "evaluation_revealed")
    assert early.json()["next_step"]
    assert again.json()["next_step"]


def test_of_two_freezes_at_once_one_wins(api: httpx.Client, digest: str) -> None:
    """Requests that arrive together do not both draw seeds."""
    round_id = open_round(api)

    def freeze(k: int) -> httpx.Response:
        return api.post(f"/evaluations/{round_id}/freeze", json={"tuning": digest, "nonce": f"{k:02x}"})

    with ThreadPoolExecutor(8) as pool:
        answers = list(pool.map(freeze, range(8)))

    won = [answer.json() for answer in answers if answer.status_code == 200]
    assert [answer.status_code for answer in answers].count(409) == 7
    assert won == [api.get(f"/evaluations/{round_id}").json()]


def test_another_token_cannot_freeze(api: httpx.Client, shared_server: Server, bench_name: str, digest: str) -> None:
    """A round belongs to who opened it."""
    round_id = open_round(api)
    made = api.post("/tokens", json={"name": bench_name, "scopes": ["submit"]}).json()
    with shared_server.client(made["token"]) as other:
        answer = other.post(f"/evaluations/{round_id}/freeze", json={"tuning": digest})

    assert (answer.status_code, answer.json()["code"]) == (403, "forbidden")


def test_list_counts_the_rounds(api: httpx.Client, digest: str) -> None:
    """The list says how many rounds each solver on each board has had, and how many wait."""
    before = _counted(api)
    api.post(f"/evaluations/{open_round(api)}/freeze", json={"tuning": digest})

    assert _counted(api) == before + 1
    assert api.get("/evaluations", params={"limit": 1}).json()["next"] is not None


def _counted(api: httpx.Client) -> int:
    counts = api.get("/evaluations").json()["counts"]
    return sum(c["rounds"] for c in counts if (c["board"], c["solver"]) == ("virtual-loihi", "annealing"))


@pytest.mark.parametrize(
    ("asked", "field"),
    [
        ({}, "scenario"),
        ({"scenario": {"kind": "fixed-timeout", "timeout_s": -1}}, "scenario.timeout_s"),
        ({"sizes": [0]}, "sizes[0]"),
        ({"sizes": []}, "sizes"),
        ({"sizes": [10] * 33}, "sizes"),
        ({"densities": [1.5]}, "densities[0]"),
        ({"sizes": [100_000], "densities": [1.0]}, "workload.density"),
        ({"tags": [""]}, "tags[0]"),
        ({"tags": [str(i) for i in range(32)]}, "tags"),
        ({"seeds": [5, 6, 7, 8, 9]}, "seeds"),
        ({"params": {"t": 1}}, "params"),
        ({"needs": {"board": "host-cpu"}}, "needs.board"),
    ],
)
def test_wrong_jobs_of_a_round_name_the_field(
    api: httpx.Client, digest: str, asked: dict[str, Any], field: str
) -> None:
    """Sizes out of range, seeds and parameters of one's own and another board are refused; nothing is queued."""
    round_id = open_round(api)
    api.post(f"/evaluations/{round_id}/freeze", json={"tuning": digest})
    body = {"scenario": SCENARIO, **asked} if asked else {}

    answer = api.post(f"/evaluations/{round_id}/jobs", json=body)

    assert answer.status_code == 422
    assert field in {error["field"] for error in answer.json()["errors"]}
    assert api.get(f"/evaluations/{round_id}").json()["jobs"] == 0


@pytest.mark.parametrize(
    "body",
    [
        {},
        {"tuning": "x"},
        {"tuning": "sha256:" + "0" * 64, "nonce": "xyz"},
        {"tuning": "sha256:" + "0" * 64, "nonce": "abc"},
        {"tuning": "sha256:" + "0" * 64, "nonce": "00" * 33},
        {"tuning": "sha256:" + "0" * 64, "secret": "00" * 32},
    ],
)
def test_wrong_freeze_leaves_the_round_open(api: httpx.Client, body: dict[str, Any]) -> None:
    """A malformed digest or nonce is refused and uses nothing up."""
    round_id = open_round(api)

    assert api.post(f"/evaluations/{round_id}/freeze", json=body).status_code == 422
    assert api.get(f"/evaluations/{round_id}").json()["state"] == "open"


def test_benchmark_without_rounds_is_refused(api: httpx.Client) -> None:
    """Rounds exist for benchmarks whose rules know evaluation seeds."""
    assert api.post("/evaluations", json={"benchmark": "mnist-digits"}).status_code == 422


def test_unknown_round_is_not_found(api: httpx.Client, digest: str) -> None:
    """A round that nobody opened is said to be missing, whatever is asked of it."""
    answers = [
        api.get("/evaluations/000000000000"),
        api.post("/evaluations/000000000000/freeze", json={"tuning": digest}),
        api.post("/evaluations/000000000000/jobs", json={"scenario": SCENARIO}),
    ]

    assert [(a.status_code, a.json()["code"]) for a in answers] == [(404, "not_found")] * 3
