"""Answers to requests with a mistyped id, field or value: a sentence with what is valid, never a pattern."""

from __future__ import annotations

import json
import re
from typing import Any

import httpx
import pytest
from server_kit import bench_body, job

from neurorig_protocols.forms import WORDS
from neurorig_server.openapi_document import document


def test_every_pattern_of_the_api_has_words() -> None:
    """No request can be answered with a regular expression."""
    patterns = set(re.findall(r'"pattern": ("(?:[^"\\]|\\.)*")', document()))

    assert patterns
    assert {json.loads(pattern) for pattern in patterns} <= set(WORDS)


@pytest.mark.parametrize(
    ("method", "path"),
    [
        ("GET", "/jobs/XYZ"),
        ("POST", "/jobs/j1/cancel"),
        ("GET", "/attempts/not%20an%20id"),
        ("GET", "/campaigns/xx/summary"),
        ("GET", "/evaluations/xx"),
        ("DELETE", "/tokens/xx"),
        ("GET", "/files/sha256:12"),
        ("GET", "/targets/nope"),
    ],
)
def test_a_malformed_id_is_answered_with_a_sentence(api: httpx.Client, method: str, path: str) -> None:
    """The code stays; the message quotes the text and says what an id looks like."""
    answer = api.request(method, path)
    (problem,) = answer.json()["errors"]

    assert (answer.status_code, problem["code"]) == (422, "string_pattern_mismatch")
    assert re.match(r"'[^']+' is not an? ", problem["message"])
    assert "^" not in problem["message"]


def errors_of(answer: httpx.Response) -> dict[str, dict[str, Any]]:
    """Return the violated fields of a refusal by their path."""
    return {problem["field"]: problem for problem in answer.json()["errors"]}


def test_an_unknown_field_is_answered_with_the_valid_ones(api: httpx.Client) -> None:
    """A misspelt field of a job is answered with the closest one of the workload that it stands in."""
    body = job()
    body["workload"]["sede"] = 1
    found = errors_of(api.post("/jobs", json=body))

    assert found["workload.sede"]["code"] == "extra_forbidden"
    assert "Did you mean 'seed'" in found["workload.sede"]["message"]


@pytest.mark.parametrize(
    ("change", "field", "code", "near"),
    [
        ({"needs": {"board": "virtual-lohi"}}, "needs.board", "unknown_board", "virtual-loihi"),
        ({"needs": {"bench": "orchrd-7"}}, "needs.bench", "unknown_bench", "orchard-7"),
        ({"solver": {"name": "anealing"}}, "solver.name", "unknown_solver", "annealing"),
    ],
)
def test_words_that_no_bench_knows_are_named(
    api: httpx.Client, change: dict[str, Any], field: str, code: str, near: str
) -> None:
    """A job that fits nowhere because of a typing error is answered with the closest board, bench or solver."""
    assert api.put("/benches/orchard-7", json=bench_body("orchard-7")).is_success
    answer = api.post("/jobs", json={**job(), "needs": {}, **change})
    found = errors_of(answer)

    assert answer.json()["code"] == "infeasible"
    assert found[field]["code"] == code
    assert f"Did you mean '{near}'" in found[field]["message"]
    assert "benches.orchard-7" in found


def test_a_board_that_exists_is_not_called_unknown(api: httpx.Client) -> None:
    """Needs that no bench meets together name the benches' lacks alone."""
    assert api.put("/benches/orchard-7", json=bench_body("orchard-7")).is_success
    answer = api.post("/jobs", json={**job(), "needs": {"board": "virtual-loihi", "tags": ["nobody-has-it"]}})
    found = errors_of(answer)

    assert "benches.orchard-7" in found
    assert all(field.startswith("benches.") for field in found)


def test_an_unknown_group_is_answered_with_the_valid_ones(api: httpx.Client) -> None:
    """Words of an energy query that are no group are answered with the closest one."""
    answer = api.get("/energy", params={"group_by": "component,fase"})

    assert errors_of(answer)["query.group_by"]["code"] == "unknown_group"
    assert "Did you mean 'phase'" in answer.json()["detail"]
