"""Routes of targets: looking, downloading, proposing; every bad proposal is refused by its own code."""

from __future__ import annotations

from typing import Any

import httpx
import numpy as np
import pytest
from server_kit import Server

from neurorig_protocols.workloads.qubo import mis, targets_shipped
from neurorig_protocols.workloads.qubo.qubo_records import pack_bits
from neurorig_protocols.workloads.qubo.qubo_targets import MisProblem, SolutionFile, parse, recompute

TUNING = MisProblem(n=250, density=0.05, seed=0)


def body(problem: MisProblem, members: list[int], **fields: Any) -> dict[str, Any]:
    """Return a proposal of a set of vertices."""
    bits = np.zeros(problem.n, np.uint8)
    bits[members] = 1
    found = {"problem": problem.model_dump(), "solution": pack_bits(bits), "found_by": "me", "found_on": "paper"}
    return found | fields


def strangers(problem: MisProblem, count: int) -> list[int]:
    """Return so many vertices that know each other not, found by the simplest means."""
    graph = mis.instance(problem.n, problem.density, problem.seed)
    pairs = set(zip(graph.rows.tolist(), graph.cols.tolist(), strict=True))
    found: list[int] = []
    for v in range(problem.n):
        if len(found) < count and all((u, v) not in pairs for u in found):
            found.append(v)
    return found


def test_both_targets_stand_beside_each_other(api: httpx.Client) -> None:
    """A list narrowed to one instance shows its official and its best verified target, without the solution."""
    answer = api.get("/targets", params={"workload": "qubo-mis", "n": 250, "density": 0.05, "seed": 0})
    (found,) = answer.json()["items"]

    assert found["official"]["cost"] == -67
    assert found["best"]["cost"] <= -67
    assert found["improvement"] == found["official"]["cost"] - found["best"]["cost"]
    assert found["best"]["shipped"]
    assert "solution" not in found
    assert len(api.get("/targets").json()["items"]) >= 180
    assert api.get("/targets", params={"problem": "sha256:" + "0" * 64}).json()["items"] == []


def test_a_downloaded_solution_checks_out(api: httpx.Client) -> None:
    """The file has the target's cost, and its solution has that cost."""
    answer = api.get(f"/targets/{TUNING.key}/solution")
    found = parse(answer.text)

    assert answer.headers["content-disposition"] == f'attachment; filename="{TUNING.key}.json"'
    assert isinstance(found, SolutionFile)
    shipped = targets_shipped.best(TUNING.key)
    assert shipped is not None
    assert recompute(mis.instance(250, 0.05, 0), found.solution) == found.cost == shipped.cost
    assert api.get(f"/targets/{TUNING.key}").json()["solution"] == found.solution


def test_a_better_solution_is_kept_with_its_finder(api: httpx.Client) -> None:
    """The server recomputes the cost, keeps the solution and shows who held the record before."""
    problem = MisProblem(n=30, density=0.1, seed=900)
    first = api.post("/targets", json=body(problem, strangers(problem, 3)))
    second = api.post("/targets", json=body(problem, strangers(problem, 5), found_by="you", comment="more"))

    assert (first.status_code, second.status_code) == (201, 201)
    assert second.headers["location"] == f"/api/v1/targets/{problem.key}"
    found = second.json()
    assert (found["best"]["cost"], found["best"]["found_by"], found["official"]) == (-5, "you", None)
    assert [held["cost"] for held in found["history"]] == [-3, -5]


def test_a_solution_that_is_not_better_is_a_conflict(api: httpx.Client) -> None:
    """An equal cost is no record."""
    problem = MisProblem(n=30, density=0.1, seed=901)
    proposal = body(problem, strangers(problem, 4))

    assert api.post("/targets", json=proposal).status_code == 201
    again = api.post("/targets", json=proposal)
    assert (again.status_code, again.json()["code"]) == (409, "target_not_better")
    shipped = targets_shipped.best(TUNING.key)
    assert shipped is not None
    same = api.post("/targets", json=body(TUNING, [], solution=shipped.solution))
    assert (same.status_code, same.json()["code"]) == (409, "target_not_better")


@pytest.mark.parametrize(
    ("members", "fields", "code"),
    [
        ([], {"solution": "?"}, "malformed_solution"),
        ([], {"solution": pack_bits(np.zeros(242, np.uint8))}, "wrong_length"),
        ([], {"solution": pack_bits(np.ones(256, np.uint8))}, "wrong_length"),
        ([*range(250)], {}, "not_independent"),
        ([], {"found_by": "x" * 201}, "invalid_request"),
        ([], {"problem": {"workload": "qubo", "problem": "sha256:" + "0" * 64}}, "unknown_file"),
        ([], {"problem": {"workload": "qubo-mis", "n": 100_000, "density": 0.002, "seed": 0}}, "invalid_request"),
    ],
)
def test_bad_proposals_are_refused_by_their_own_code(
    api: httpx.Client, members: list[int], fields: dict[str, Any], code: str
) -> None:
    """Unreadable, too short, too long, dependent, too wordy, of no problem, of too large a problem."""
    answer = api.post("/targets", json={**body(TUNING, members), **fields})

    assert (answer.status_code, answer.json()["code"]) == (422, code)
    assert answer.headers["content-type"] == "application/problem+json"


@pytest.mark.parametrize(
    ("path", "status"),
    [("qubo-mis-250-1562-4294967295", 404), ("nonsense", 422), ("qubo-mis-1-1-1%27--", 422), ("qubo-" + "g" * 64, 422)],
)
def test_unknown_and_odd_keys_are_refused(api: httpx.Client, path: str, status: int) -> None:
    """A key without a target is not found; what is no key is not looked for."""
    assert api.get(f"/targets/{path}").status_code == status
    assert api.get(f"/targets/{path}/solution").status_code == status


def test_proposing_needs_the_scope_submit(api: httpx.Client, shared_server: Server) -> None:
    """Who may only read may not set records."""
    made = api.post("/tokens", json={"name": "reader", "scopes": ["read"]}).json()
    with shared_server.client(made["token"]) as reader:
        assert reader.get("/targets", params={"n": 250}).status_code == 200
        assert reader.post("/targets", json=body(TUNING, [])).status_code == 403


def test_a_job_for_a_target_that_is_not_there_is_refused(api: httpx.Client) -> None:
    """The refusal names the field and says which references there are."""
    scenario = {"kind": "time-to-solution", "limit_s": 1}
    workload = {"name": "qubo-mis", "n": 31, "density": 0.1, "seed": 1, "scenario": scenario}
    answer = api.post("/jobs", json={"workload": workload}, params={"wait_for_bench": "true"}).json()

    assert (answer["status"], answer["code"]) == (422, "no_official_target")
    assert answer["errors"][0]["field"] == "workload.scenario.reference"
    assert "best-verified" in answer["next_step"]
    impossible = {**scenario, "reference": "given", "target_cost": -32}
    refused = api.post("/jobs", json={"workload": {**workload, "scenario": impossible}}).json()
    assert (refused["status"], refused["code"]) == (422, "below_proven_bound")


def test_an_uploaded_problem_has_records_too(api: httpx.Client) -> None:
    """A proposal for a general QUBO is costed with the uploaded coefficients; no independence is asked for."""
    content = b"p qubo 0 3 2 1\n0 0 -1\n1 1 -2\n0 1 6\n"
    options = {"kind": "qubo", "name": "for targets"}
    headers = {"Content-Type": "application/octet-stream"}
    uploaded = api.post("/files", params=options, content=content, headers=headers).json()
    problem = {"workload": "qubo", "problem": uploaded["digest"]}

    def propose(bits: list[int]) -> httpx.Response:
        told = {"problem": problem, "solution": pack_bits(np.array(bits, np.uint8)), "found_by": "me", "found_on": "x"}
        return api.post("/targets", json=told)

    both, one = propose([1, 1, 0]), propose([0, 1, 0])

    assert (both.status_code, one.status_code) == (201, 201)
    costs = [held["cost"] for held in one.json()["history"]]
    assert costs[0] > 0 > costs[1]
    assert (one.json()["n"], one.json()["official"]) == (3, None)
    assert api.get("/targets", params={"problem": uploaded["digest"]}).json()["items"][0]["best"]["cost"] == costs[1]
    assert propose([0] * 9).json()["code"] == "wrong_length"
