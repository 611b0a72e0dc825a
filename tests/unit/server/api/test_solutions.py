"""Solutions by the submitter's own names: JSON, CSV and the attempt's page, whatever the names are."""

from __future__ import annotations

import csv
import io
import json
import re
from collections.abc import Callable
from html import unescape
from typing import Any

import httpx
import pytest
from server_kit import Server, job

from neurorig_protocols.workloads.qubo.formats.reading import NAMES_ROOM

SOLUTION = [1, 0, 1]
PACKED = "oA=="

Solve = Callable[[httpx.Client, str], str]


def model(labels: list[Any], weight: float) -> bytes:
    """A problem of three variables; the weight keeps the problems of the tests apart."""
    document = {
        "version": {"bqm_schema": "3.0.0"}, "use_bytes": False, "variable_type": "BINARY", "num_variables": 3,
        "num_interactions": 0, "variable_labels": labels, "linear_biases": [-weight, 0, -weight],
        "quadratic_biases": [], "quadratic_head": [], "quadratic_tail": [], "offset": 0,
    }  # fmt: skip
    return json.dumps(document).encode()


def put(client: httpx.Client, content: bytes, **params: str) -> httpx.Response:
    """Upload a problem."""
    headers = {"Content-Type": "application/octet-stream"}
    return client.post("/files", params={"kind": "qubo", "name": "a", **params}, content=content, headers=headers)


@pytest.fixture
def solve(agent: httpx.Client, bench_name: str) -> Solve:
    """Submit a problem that lies on the server, and report its solution; returns the attempt."""

    def run(client: httpx.Client, digest: str) -> str:
        scenario = {"kind": "fixed-timeout", "timeout_s": 0.01}
        body = {**job(bench_name), "workload": {"name": "qubo", "problem": digest, "scenario": scenario}}
        assert client.post("/jobs", json=body).status_code == 201
        lease = agent.post("/leases", json={"bench": bench_name, "wait_s": 0}).json()
        assert agent.post(f"/leases/{lease['lease_id']}/start", json={"fence": 1}).status_code == 204
        answer = {
            "kind": "qubo", "solver": "annealing", "n": 3, "solution": PACKED, "solver_cost": -2, "requested_s": 0.01,
            "solve_s": 0.01, "stopped_by": "timeout",
        }  # fmt: skip
        report = {"fence": 1, "outcome": "succeeded", "answer": answer, "windows": [], "traces": [], "acquisitions": []}
        answered = agent.post(f"/attempts/{lease['attempt_id']}/report", json=report)
        assert answered.status_code == 200, answered.text
        return str(lease["attempt_id"])

    return run


@pytest.fixture
def other(api: httpx.Client, shared_server: Server, bench_name: str) -> Any:
    """Another submitter."""
    made = api.post("/tokens", json={"name": f"other-{bench_name}", "scopes": ["submit"]}).json()
    with shared_server.client(made["token"]) as client:
        yield client


HOSTILE = {
    "markup": (["<script>alert(1)</script>", "b", "</li><h1>"], ["<script>alert(1)</script>", "b", "</li><h1>"]),
    "separators": (['a,"b"', "x;y", "'; DROP TABLE files; --"], ['a,"b"', "x;y", "'; DROP TABLE files; --"]),
    "lines": (["a\nb", "a\r\nb", "a\u2028b"], ['"a\\nb"', '"a\\r\\nb"', '"a\\u2028b"']),
    "controls": (["\x00", "\x1b[31mred", "\ud800"], ['"\\u0000"', '"\\u001b[31mred"', '"\\ud800"']),
    "direction": (["\u202eevil", "a", "b"], ['"\\u202eevil"', "a", "b"]),
    "unicode": (["π", "変数", "🜁 é"], ["π", "変数", "🜁 é"]),
    "long": (["x" * 10_000, "y", ""], ["x" * 10_000, "y", '""']),
    "alike": ([1, "1", ["a", 2]], ["1", '"1"', "(a, 2)"]),
}


@pytest.mark.parametrize("kind", HOSTILE)
def test_the_submitters_names_come_back(
    api: httpx.Client, shared_server: Server, solve: Solve, *, bench_name: str, kind: str
) -> None:
    """JSON, CSV and page name the same variables; what cannot be printed is written as JSON, and nothing is markup."""
    given, expected = HOSTILE[kind]
    weight = int(bench_name.rpartition("-")[2])
    digest = put(api, model(given, weight)).json()["digest"]
    attempt = solve(api, digest)

    found = api.get(f"/attempts/{attempt}/solution").json()
    assert list(found["solution"].items()) == list(zip(expected, SOLUTION, strict=True))
    assert (found["attempt"], found["names_from"], found["cost"]) == (attempt, "file", -2 * weight)
    table = api.get(f"/attempts/{attempt}/solution", params={"format": "csv"})
    assert table.headers["content-type"].startswith("text/csv")
    assert table.headers["content-disposition"] == f'attachment; filename="{attempt}-solution.csv"'
    rows = list(csv.reader(io.StringIO(table.text, newline="")))
    assert rows == [["name", "value"], *([name, str(bit)] for name, bit in zip(expected, SOLUTION, strict=True))]
    with httpx.Client(base_url=shared_server.url, cookies={"neurorig_token": shared_server.token}) as browser:
        page = browser.get(f"/attempts/{attempt}").text
    shown = re.findall(r"<li>(.*)</li>", page.partition('<ul class="names">')[2].partition("</ul>")[0])
    ones = [name for name, bit in zip(expected, SOLUTION, strict=True) if bit]
    assert not any("<" in name or ">" in name for name in shown)
    assert list(map(unescape, shown)) == [name if len(name) <= 100 else name[:100] + "…" for name in ones]
    assert f'href="/api/v1/attempts/{attempt}/solution?format=csv"' in page


def test_equal_problems_keep_the_names_of_each_submitter(api: httpx.Client, other: httpx.Client, solve: Solve) -> None:
    """The same bytes are one file; what each token calls its variables stays apart, and the last upload counts."""
    first, second = put(api, model(["a", "b", "c"], 1001)), put(other, model(["x", "y", "z"], 1001))
    assert first.json()["digest"] == second.json()["digest"]
    digest = first.json()["digest"]

    mine, theirs = solve(api, digest), solve(other, digest)

    assert api.get(f"/attempts/{mine}/solution").json()["solution"] == {"a": 1, "b": 0, "c": 1}
    assert api.get(f"/attempts/{theirs}/solution").json()["solution"] == {"x": 1, "y": 0, "z": 1}
    put(api, model(["d", "e", "f"], 1001))
    assert list(api.get(f"/attempts/{mine}/solution").json()["solution"]) == ["d", "e", "f"]


def test_names_of_others_count_where_they_agree(api: httpx.Client, other: httpx.Client, solve: Solve) -> None:
    """Who submits another's file gets its names, but never one of two that differ."""
    digest = put(api, model(["a", "b", "c"], 1002)).json()["digest"]
    attempt = solve(other, digest)
    assert list(api.get(f"/attempts/{attempt}/solution").json()["solution"]) == ["a", "b", "c"]

    made = api.post("/tokens", json={"name": f"third-{attempt}", "scopes": ["submit"]}).json()["token"]
    with httpx.Client(base_url=api.base_url, headers={"Authorization": f"Bearer {made}"}) as third:
        put(third, model(["x", "y", "z"], 1002))

    found = api.get(f"/attempts/{attempt}/solution").json()
    assert (list(found["solution"]), found["names_from"]) == (["0", "1", "2"], "numbers")


def test_numbers_are_those_of_the_file(api: httpx.Client, solve: Solve) -> None:
    """A format that counts from 1 numbers the answer from 1."""
    text = b"%%MatrixMarket matrix coordinate real symmetric\n3 3 2\n1 1 -1003\n3 3 -1003\n"
    attempt = solve(api, put(api, text).json()["digest"])

    assert api.get(f"/attempts/{attempt}/solution").json()["solution"] == {"1": 1, "2": 0, "3": 1}


def test_names_that_are_too_long_are_not_kept(api: httpx.Client, solve: Solve) -> None:
    """The file says so, and the variables are numbered."""
    file = put(api, model(["x" * (NAMES_ROOM + 3 * 64), "y", "z"], 1004)).json()
    attempt = solve(api, file["digest"])

    assert file["facts"]["variables"] == "named, but the names are too long to be kept"
    assert api.get(f"/attempts/{attempt}/solution").json()["names_from"] == "numbers"


@pytest.mark.parametrize("labels", [["a", "a", "b"], [1, 1, 2], [["a"], ["a"], "b"]])
def test_a_name_given_twice_is_refused(api: httpx.Client, labels: list[Any]) -> None:
    """Two variables of one name cannot be told apart."""
    answer = put(api, model(labels, 1005))

    assert (answer.status_code, answer.json()["errors"][0]["code"]) == (422, "duplicate")


def test_an_attempt_without_a_solution_is_not_found(api: httpx.Client, lease: dict[str, Any]) -> None:
    """404 before there is an answer, and for an attempt that does not exist; 422 for another format."""
    path = f"/attempts/{lease['attempt_id']}/solution"

    assert (api.get(path).status_code, api.get(path).json()["code"]) == (404, "not_found")
    assert api.get("/attempts/aaaaaaaaaaaa/solution").status_code == 404
    assert api.get(path, params={"format": "xml"}).status_code == 422
