"""An attempt's whole way through the routes: upload, report, recomputation, energy, trace."""

from __future__ import annotations

import json
from dataclasses import replace
from typing import Any

import httpx
import pytest
from server_kit import ACQUISITION, ANSWER, MADE_WINDOWS, made_trace, upload

from neurorig_protocols.trace import digest_of, from_parquet, to_parquet


@pytest.fixture(scope="module")
def parquet() -> bytes:
    """A made-up trace with three marked windows, as a file."""
    return to_parquet(made_trace())


@pytest.fixture(scope="module")
def digest(parquet: bytes) -> str:
    """Its digest in 64 hex digits."""
    return digest_of(parquet).removeprefix("sha256:")


def report_of(digest: str, size: int, **fields: Any) -> dict[str, Any]:
    """Return the report of an attempt that measured."""
    trace = {"monitor": "meter", "digest": f"sha256:{digest}", "size": size, "samples": 3400}
    return {
        "fence": 1,
        "outcome": "succeeded",
        "answer": ANSWER,
        "windows": MADE_WINDOWS,
        "traces": [trace],
        "acquisitions": [ACQUISITION],
        "times": [{"phase": "run", "index": 0, "duration_s": 0.01}],
        "provenance": {"agent": "test"},
        **fields,
    }


def send(agent: httpx.Client, lease: dict[str, Any], parquet: bytes, digest: str, **fields: Any) -> httpx.Response:
    """Upload the trace in two chunks and report."""
    half, size = len(parquet) // 2, len(parquet)
    upload(agent, lease, digest, parquet[:half], offset=0, size=size).raise_for_status()
    upload(agent, lease, digest, parquet[half:], offset=half, size=size).raise_for_status()
    return agent.post(f"/attempts/{lease['attempt_id']}/report", json=report_of(digest, size, **fields))


def test_report_is_answered_with_the_recomputed_attempt(
    api: httpx.Client, agent: httpx.Client, lease: dict[str, Any], *, parquet: bytes, digest: str
) -> None:
    """Cost, gap and energy are the server's own numbers; the job has succeeded."""
    answer = send(agent, lease, parquet, digest)

    assert answer.status_code == 200
    attempt = answer.json()["attempt"]
    assert (attempt["state"], attempt["quality"], attempt["codes"]) == ("succeeded", "valid", [])
    verified = attempt["answer"]["verified"]
    assert (verified["cost"], verified["official_target"], verified["gap"]) == (-10, -10, 0.0)
    assert attempt["answer"]["solution"] == ANSWER["solution"]
    assert attempt["times"][0]["duration_s"] == 0.01
    assert api.get(f"/jobs/{lease['job_id']}").json()["state"] == "succeeded"
    again = agent.post(f"/attempts/{lease['attempt_id']}/report", json=report_of(digest, len(parquet)))
    assert again.json() == answer.json()


def test_energy_is_shown_by_component_and_phase(
    api: httpx.Client, agent: httpx.Client, lease: dict[str, Any], *, parquet: bytes, digest: str
) -> None:
    """10 ms at 3 W and 2 W are 30 mJ and 20 mJ, 20 mJ and 10 mJ of them dynamic, each with all that it must carry."""
    send(agent, lease, parquet, digest)

    matrix = api.get(f"/attempts/{lease['attempt_id']}/energy").json()

    cells = {(c["component"], c["phase"]): c for c in matrix["cells"]}
    assert cells["core", "run"]["energy"]["value"] == pytest.approx(0.030, rel=2e-3)
    assert cells["memory", "run"]["energy"]["value"] == pytest.approx(0.020, rel=2e-3)
    assert cells["core", "run"]["dynamic"]["value"] == pytest.approx(0.020, rel=3e-3)
    assert matrix["reality"] == "virtual"
    assert matrix["boundary"]["components"] == ["core", "memory"]
    assert {c["energy"]["grade"] for c in matrix["cells"]} == {"metered"}
    assert all(c["energy"]["u"] > 0 and c["energy"]["budget"] for c in matrix["cells"])


def test_energies_of_many_attempts_are_grouped(
    api: httpx.Client, agent: httpx.Client, lease: dict[str, Any], bench_name: str, *, parquet: bytes, digest: str
) -> None:
    """The query gives means per group, always with reality, rails, grade and uncertainty."""
    send(agent, lease, parquet, digest)

    answer = api.get("/energy", params={"component": "core", "phase": "run", "group_by": "component,bench,reality"})

    row = next(r for r in answer.json()["rows"] if r["bench"] == bench_name)
    assert (row["component"], row["phase"], row["reality"], row["rails"]) == ("core", None, "virtual", ["vdd"])
    assert (row["n"], row["spread_j"], row["grade"]) == (1, None, "metered")
    assert row["mean_j"] == pytest.approx(0.030, rel=2e-3)
    assert row["u_j"] > 0


def test_trace_is_listed_thinned_and_whole(
    api: httpx.Client, agent: httpx.Client, lease: dict[str, Any], *, parquet: bytes, digest: str
) -> None:
    """A trace can be drawn with its windows, and downloaded as it was measured."""
    send(agent, lease, parquet, digest)
    url = f"/attempts/{lease['attempt_id']}/trace"

    listed = api.get(url).json()
    thin = api.get(url, params={"monitor": "meter", "points": 100}).json()
    whole = api.get(url, params={"format": "parquet"})

    assert listed == [{"monitor": "meter", "digest": f"sha256:{digest}", "size": len(parquet), "samples": 3400}]
    assert (thin["samples"], thin["bin"], len(thin["rails"][0]["max_w"])) == (3400, 34, 100)
    assert max(thin["rails"][0]["max_w"]) == 3.0
    assert [(w["phase"], w["index"]) for w in thin["windows"]] == [("idle", 0), ("run", 0), ("idle", 1)]
    assert whole.content == parquet
    assert len(from_parquet(whole.content)) == 3400
    assert api.get(url, params={"monitor": "other"}).status_code == 404


def test_cost_that_the_server_cannot_confirm_makes_the_attempt_invalid(
    api: httpx.Client, agent: httpx.Client, lease: dict[str, Any], *, parquet: bytes, digest: str
) -> None:
    """A solver's claim that its own bits contradict is no result."""
    attempt = send(agent, lease, parquet, digest, answer={**ANSWER, "solver_cost": -11}).json()["attempt"]

    assert (attempt["quality"], attempt["codes"]) == ("invalid", ["cost_mismatch"])
    assert attempt["answer"]["verified"]["cost"] == -10
    rows = api.get("/energy", params={"group_by": "bench"}).json()["rows"]
    assert attempt["bench"] not in {row["bench"] for row in rows}


def test_meter_that_died_keeps_the_time_and_withholds_the_energy(
    api: httpx.Client, agent: httpx.Client, lease: dict[str, Any]
) -> None:
    """measurement_invalid: answer and times stand, the energy is absent with the meter's own reason."""
    error = {"code": "monitor_lost", "fault": "measurement", "retryable": False, "message": "the meter fell silent"}
    body = {"fence": 1, "outcome": "measurement_invalid", "answer": ANSWER, "error": error}
    body["times"] = [{"phase": "run", "index": 0, "duration_s": 0.01}]

    attempt = agent.post(f"/attempts/{lease['attempt_id']}/report", json=body).json()["attempt"]

    assert (attempt["state"], attempt["quality"], attempt["codes"]) == (
        "measurement_invalid",
        "invalid",
        ["monitor_lost"],
    )
    assert attempt["times"][0]["duration_s"] == 0.01
    assert attempt["answer"]["verified"]["cost"] == -10
    energy = api.get(f"/attempts/{lease['attempt_id']}/energy").json()
    assert energy == {"absent": "the meter fell silent"}


def test_cut_window_never_becomes_a_number(api: httpx.Client, agent: httpx.Client, lease: dict[str, Any]) -> None:
    """A trace that ends inside a window withholds all energy, whatever the agent says of itself."""
    whole = made_trace()
    cut = 2500
    trace = replace(whole, values=whole.values[:cut], digital=whole.digital[:cut], flags=whole.flags[:cut])
    data = to_parquet(trace)

    attempt = send(agent, lease, data, digest_of(data).removeprefix("sha256:")).json()["attempt"]

    assert (attempt["state"], attempt["codes"]) == ("measurement_invalid", ["window_cut"])
    assert "absent" in api.get(f"/attempts/{lease['attempt_id']}/energy").json()


@pytest.mark.parametrize(
    ("fields", "status"),
    [
        ({"fence": 10**30}, 409),
        ({"provenance": {"deep": [[[[[[1]]]]]], "big": 10**40, "text": "\U0001f9e0"}}, 200),
        ({"provenance": json.loads('{"x":' * 70 + "1" + "}" * 70)}, 422),
        ({"times": [{"phase": "run", "index": 10**30, "duration_s": 1}]}, 200),
        ({"fence": 0}, 422),
        ({"outcome": "lost"}, 422),
        ({"answer": {"kind": "poem"}}, 422),
    ],
    ids=["huge fence", "free fields", "too deep", "huge index", "no fence", "server's outcome", "other answer"],
)
def test_report_of_strange_content_is_taken_or_refused_cleanly(
    agent: httpx.Client, lease: dict[str, Any], fields: dict[str, Any], status: int
) -> None:
    """Fields that take any value keep it; nothing an agent sends makes a 500."""
    body = {"fence": 1, "outcome": "succeeded", "answer": ANSWER, **fields}

    answer = agent.post(f"/attempts/{lease['attempt_id']}/report", json=body)

    assert answer.status_code == status
    if status == 200 and "provenance" in fields:
        assert answer.json()["attempt"]["provenance"] == fields["provenance"]


def test_report_before_its_trace_is_refused(
    agent: httpx.Client, lease: dict[str, Any], *, parquet: bytes, digest: str
) -> None:
    """The agent uploads first; the report may then be sent again."""
    early = agent.post(f"/attempts/{lease['attempt_id']}/report", json=report_of(digest, len(parquet)))

    assert (early.status_code, early.json()["code"]) == (409, "trace_missing")
    assert early.json()["errors"][0]["field"] == "traces[0].digest"
    assert send(agent, lease, parquet, digest).status_code == 200


def test_upload_resumes_where_it_stands(
    agent: httpx.Client, lease: dict[str, Any], *, parquet: bytes, digest: str
) -> None:
    """HEAD tells the offset; a chunk anywhere else is refused with the right one."""
    url = f"/attempts/{lease['attempt_id']}/traces/{digest}"
    size = len(parquet)
    assert agent.head(url).headers["Upload-Offset"] == "0"

    first = upload(agent, lease, digest, parquet[:100], offset=0, size=size)
    again = upload(agent, lease, digest, parquet[:100], offset=0, size=size)

    assert (first.status_code, first.headers["Upload-Offset"]) == (204, "100")
    assert (again.status_code, again.json()["code"], again.headers["Upload-Offset"]) == (409, "offset_mismatch", "100")
    assert agent.head(url).headers["Upload-Offset"] == "100"
    assert upload(agent, lease, digest, parquet[100:], offset=100, size=size).status_code == 204
    assert agent.head(url).headers["Upload-Offset"] == str(size)


def test_bytes_with_another_digest_are_refused(agent: httpx.Client, lease: dict[str, Any]) -> None:
    """A broken upload is told so and begins again at 0."""
    digest = "ab" * 32

    answer = upload(agent, lease, digest, b"other bytes", offset=0, size=11)

    assert (answer.status_code, answer.json()["code"], answer.headers["Upload-Offset"]) == (422, "digest_mismatch", "0")
    assert agent.head(f"/attempts/{lease['attempt_id']}/traces/{digest}").headers["Upload-Offset"] == "0"


@pytest.mark.parametrize(
    ("offset", "size", "chunk", "status", "code"),
    [
        (0, 5, b"123456", 422, "invalid_request"),
        (0, 1 << 40, b"1", 413, "trace_too_large"),
        (0, 0, b"", 422, "invalid_request"),
        (0, 9 << 20, bytes((8 << 20) + 1), 413, "body_too_large"),
        (-1, 5, b"1", 422, "invalid_request"),
    ],
    ids=["longer than it says", "too large", "empty", "chunk too large", "negative offset"],
)
def test_bad_chunk_is_refused(  # noqa: PLR0917  # the parameters are the table's columns
    agent: httpx.Client, lease: dict[str, Any], offset: int, size: int, chunk: bytes, status: int, code: str
) -> None:
    """Sizes are checked before anything is kept."""
    answer = upload(agent, lease, "cd" * 32, chunk, offset=offset, size=size)

    assert (answer.status_code, answer.json()["code"]) == (status, code)


def test_upload_under_a_stale_fence_is_refused(agent: httpx.Client, lease: dict[str, Any]) -> None:
    """Only the present lease writes traces."""
    answer = upload(agent, {**lease, "fence": 2}, "cd" * 32, b"x", offset=0, size=1)

    assert (answer.status_code, answer.json()["code"]) == (409, "stale_fence")


def test_path_is_never_made_of_what_a_client_says(agent: httpx.Client, lease: dict[str, Any]) -> None:
    """Only 64 hex digits name a trace."""
    for digest in ("..%2f..%2fetc%2fpasswd", "A" * 64, "ab"):
        url = f"/attempts/{lease['attempt_id']}/traces/{digest}"
        assert agent.head(url).status_code in (404, 422)
