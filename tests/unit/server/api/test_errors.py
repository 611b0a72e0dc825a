"""Every bad request gets a clear answer: RFC 9457, a stable code, every violated field by name."""

from __future__ import annotations

import json
from typing import Any

import httpx
import pytest
from server_kit import Server, job

JSON = {"Content-Type": "application/json"}


def with_workload(**fields: Any) -> dict[str, Any]:
    """Return a job whose workload has other fields."""
    body = job()
    return {**body, "workload": {**body["workload"], **fields}}


def scenario(kind: str, **fields: Any) -> dict[str, Any]:
    """Return a job with another scenario."""
    return with_workload(scenario={"kind": kind, **fields})


def digits(**fields: Any) -> dict[str, Any]:
    """Return a classifier job."""
    return {"workload": {"name": "mnist-digits", **fields}}


BAD_JOBS: list[tuple[str, dict[str, Any], set[str]]] = [
    ("unknown workload", with_workload(name="chess"), {"workload"}),
    ("no workload", {}, {"workload"}),
    ("unknown field", {**job(), "colour": "red"}, {"colour"}),
    ("unknown field inside", with_workload(sed=1), {"workload.sed"}),
    ("n of 0", with_workload(n=0), {"workload.n"}),
    ("n too large", with_workload(n=100_001), {"workload.n"}),
    ("n as text", with_workload(n="10"), {"workload.n"}),
    ("density above 1", with_workload(density=1.5), {"workload.density"}),
    ("negative density", with_workload(density=-0.1), {"workload.density"}),
    ("density that is not a number", with_workload(density="dense"), {"workload.density"}),
    ("seed that is no integer", with_workload(seed=1.5), {"workload.seed"}),
    ("seed as truth value", with_workload(seed=True), {"workload.seed"}),
    ("negative seed", with_workload(seed=-1), {"workload.seed"}),
    ("negative timeout", scenario("fixed-timeout", timeout_s=-1), {"workload.scenario.timeout_s"}),
    ("no timeout", scenario("fixed-timeout"), {"workload.scenario.timeout_s"}),
    ("unknown scenario", scenario("for ever"), {"workload.scenario"}),
    ("no gaps", scenario("time-to-solution", gaps=[], limit_s=1), {"workload.scenario.gaps"}),
    ("gap as text", scenario("time-to-solution", gaps=[0.1, "x"], limit_s=1), {"workload.scenario.gaps[1]"}),
    ("priority above 100", job(priority=101), {"priority"}),
    ("board that is no name", job(needs={"board": "Loihi 2!"}), {"needs.board"}),
    ("unknown reality", job(needs={"reality": "dream"}), {"needs.reality"}),
    ("idle of 0", job(plan={"idle_s": 0}), {"plan.idle_s"}),
    ("no digits", digits(count=0), {"workload.count"}),
    ("several", {**with_workload(n=0), "priority": -1, "x": 1}, {"workload.n", "priority", "x"}),
]  # fmt: skip


@pytest.mark.parametrize(("body", "fields"), [case[1:] for case in BAD_JOBS], ids=[case[0] for case in BAD_JOBS])
def test_bad_job_names_every_violated_field(api: httpx.Client, body: dict[str, Any], fields: set[str]) -> None:
    """Each wrong field is named by its path in the body, with what is wrong and a code."""
    answer = api.post("/jobs", json=body)

    assert answer.status_code == 422
    assert answer.headers["Content-Type"] == "application/problem+json"
    problem = answer.json()
    assert (problem["code"], problem["status"]) == ("invalid_request", 422)
    assert {e["field"] for e in problem["errors"]} == fields
    assert all(e["message"] and e["code"] for e in problem["errors"])


@pytest.mark.parametrize(
    ("content", "status", "code"),
    [
        (b"{", 400, "invalid_json"),
        (b"\xff\xfe", 400, "invalid_json"),
        (b"[" * 100_000, 400, "invalid_json"),
        (b"", 422, "invalid_request"),
        (b"null", 422, "invalid_request"),
        (b'"text"', 422, "invalid_request"),
        (json.dumps(with_workload(density=float("nan"))).encode(), 400, "invalid_json"),
        (b'{"priority": 1e999}', 422, "invalid_number"),
        (json.dumps(job(comment="a\0b")).encode(), 422, "invalid_text"),
        (b'{"comment": "\\ud800"}', 422, "invalid_text"),
        (b'{"priority": ' + b"9" * 5000 + b"}", 400, "invalid_json"),
    ],
    ids=[
        "cut",
        "no utf-8",
        "too deep",
        "empty",
        "null",
        "text",
        "nan",
        "infinite",
        "nul",
        "half a pair",
        "huge number",
    ],
)
def test_body_that_is_no_job_is_refused(api: httpx.Client, content: bytes, status: int, code: str) -> None:
    """Whatever the bytes are, the answer is a problem and never a 500."""
    answer = api.post("/jobs", content=content, headers=JSON)

    assert (answer.status_code, answer.json()["code"]) == (status, code)


def test_whole_surrogate_pairs_are_text(api: httpx.Client) -> None:
    """An emoji that a client sends as an escaped pair is no reason to refuse."""
    answer = api.post("/jobs", content=json.dumps({**job(), "comment": "\U0001f9e0", "x": 1}).encode(), headers=JSON)

    assert {e["field"] for e in answer.json()["errors"]} == {"x"}


@pytest.mark.parametrize("stream", [False, True], ids=["with length", "in chunks"])
def test_body_of_ten_megabytes_is_refused(api: httpx.Client, stream: bool) -> None:
    """A body above the limit gets 413, whether or not it says its length beforehand."""
    body = b" " * 10_000_000
    content: Any = (body[i : i + 65536] for i in range(0, len(body), 65536)) if stream else body

    answer = api.post("/jobs", content=content, headers=JSON)

    assert (answer.status_code, answer.json()["code"]) == (413, "body_too_large")
    assert "1048576" in answer.json()["detail"]


@pytest.mark.parametrize("content_type", [None, "text/plain", "application/x-www-form-urlencoded"])
def test_other_content_types_are_refused(api: httpx.Client, content_type: str | None) -> None:
    """Only JSON is read as JSON."""
    headers = {"Content-Type": content_type} if content_type else {}

    answer = api.post("/jobs", content=json.dumps(job()).encode(), headers=headers)

    assert (answer.status_code, answer.json()["code"]) == (415, "unsupported_media_type")


@pytest.mark.parametrize(
    ("method", "path", "status", "code"),
    [
        ("GET", "/nothing", 404, "not_found"),
        ("GET", "/jobs/000000000000", 404, "not_found"),
        ("GET", "/jobs/not-an-id", 422, "invalid_request"),
        ("GET", "/jobs/..%2f..%2fetc", 404, "not_found"),
        ("GET", "/benches/nobody", 404, "not_found"),
        ("GET", "/attempts/000000000000", 404, "not_found"),
        ("GET", "/attempts/000000000000/energy", 404, "not_found"),
        ("GET", "/attempts/000000000000/trace", 404, "not_found"),
        ("GET", "/campaigns/000000000000", 404, "not_found"),
        ("DELETE", "/tokens/000000000000", 404, "not_found"),
        ("DELETE", "/jobs", 405, "method_not_allowed"),
        ("GET", "/jobs?state=lost", 422, "invalid_request"),
        ("GET", "/jobs?limit=0", 422, "invalid_request"),
        ("GET", "/jobs?limit=many", 422, "invalid_request"),
        ("GET", "/jobs?cursor=wrong", 422, "invalid_request"),
        ("GET", "/jobs?tag=%00", 422, "invalid_request"),
        ("GET", "/jobs?colour=red", 422, "invalid_request"),
        ("GET", "/energy?group_by=colour", 422, "invalid_request"),
        ("GET", "/energy?phase=lunch", 422, "invalid_request"),
        ("GET", "/energy?since=2026-01-01T00:00:00", 422, "invalid_request"),
        ("GET", "/energy?reality=dream", 422, "invalid_request"),
    ],
)
def test_wrong_address_or_query_is_answered(api: httpx.Client, method: str, path: str, status: int, code: str) -> None:
    """Unknown things, methods and parameters each get their own status, as a problem."""
    answer = api.request(method, path)

    assert (answer.status_code, answer.json()["code"]) == (status, code)
    assert answer.headers["Content-Type"] == "application/problem+json"


@pytest.mark.parametrize("key", ["", "two words", "é", "x" * 256])
def test_bad_idempotency_key_is_named(api: httpx.Client, key: str) -> None:
    """A key is short printable text."""
    answer = api.post("/jobs", json=job(), headers={"Idempotency-Key": key.encode()})

    assert answer.status_code == 422
    assert [e["field"] for e in answer.json()["errors"]] == ["header.Idempotency-Key"]


def test_other_protocol_version_is_refused(api: httpx.Client) -> None:
    """An agent of another release is told both versions."""
    answer = api.post("/leases", json={"bench": "x"}, headers={"Neurorig-Protocol": "99"})

    assert (answer.status_code, answer.json()["code"]) == (409, "protocol_mismatch")
    assert "99" in answer.json()["detail"]


@pytest.mark.parametrize(
    "header",
    [None, "Bearer wrong", "Bearer", "Basic eDp5", "nrg_", "Bearer nrg_" + "x" * 4000],
)
def test_wrong_or_missing_token_is_unauthorised(shared_server: Server, header: str | None) -> None:
    """Without a valid token nothing is read or written, and the answer says how to send one."""
    headers = {"Authorization": header} if header else {}
    with httpx.Client(base_url=f"{shared_server.url}/api/v1", headers=headers) as nobody:
        for answer in (nobody.get("/jobs"), nobody.post("/jobs", json=job()), nobody.get("/tokens")):
            assert (answer.status_code, answer.json()["code"]) == (401, "unauthorised")
            assert answer.headers["WWW-Authenticate"] == "Bearer"
