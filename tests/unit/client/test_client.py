"""The blocking client against a real HTTP server: requests, answers, errors, waiting."""

from __future__ import annotations

import threading

import pytest
from whole_answers import record

import neurorig
from neurorig import ApiError, Client, ClientError, Unreachable
from neurorig_protocols.api.energy import EnergyAbsent
from neurorig_protocols.energy import EnergyMatrix
from neurorig_protocols.job import JobSpec
from neurorig_server.settings import Settings

SPEC = {"workload": {"name": "mnist-digits", "count": 5}}


@pytest.fixture
def client(stand_in):
    """A client of the stand-in server."""
    with Client(stand_in.url, "nrg_test") as found:
        yield found


def test_submit_sends_the_job_and_the_key(stand_in, client, bodies):
    """A submission carries the whole spec, the token, the idempotency key and the wish to wait."""
    stand_in.answers["POST /api/v1/jobs"] = (201, bodies.job("j1"))
    job = client.submit(JobSpec.model_validate(SPEC), idempotency_key="once", wait_for_bench=True)
    [request] = stand_in.requests

    assert (job.id, job.state) == ("j1", "queued")
    assert JobSpec.model_validate(SPEC) == JobSpec.model_validate(request["body"])
    assert request["headers"]["Authorization"] == "Bearer nrg_test"
    assert request["headers"]["Idempotency-Key"] == "once"
    assert request["query"] == {"wait_for_bench": "true"}


def test_submit_takes_a_mapping(stand_in, client, bodies):
    """A plain mapping is sent as it is; without a key of one's own every call has a new one."""
    stand_in.answers["POST /api/v1/jobs"] = (201, bodies.job("j1"))
    client.submit(SPEC)
    client.submit(SPEC)

    assert stand_in.requests[0]["body"] == SPEC
    assert len({request["headers"]["Idempotency-Key"] for request in stand_in.requests}) == 2
    assert stand_in.requests[0]["query"] == {}


def test_jobs_follow_the_pages(stand_in, client):
    """Listing yields every job over all pages, asking for a page only when it is needed."""
    for k in range(7):
        stand_in.add_job(f"j{k}", "queued")
    found = client.jobs(page_size=3, state="queued", board=None)

    assert next(found).id == "j0"
    assert len(stand_in.requests) == 1
    assert [f"j{k}" for k in range(1, 7)] == [job.id for job in found]
    assert [r["query"].get("cursor") for r in stand_in.requests] == [None, "3", "6"]
    assert stand_in.requests[0]["query"] == {"limit": "3", "state": "queued"}


def test_unknown_fields_are_kept(stand_in, client):
    """A field that only a newer server knows does not disturb and is not lost."""
    stand_in.add_job("j1", "queued")

    assert client.job("j1").model_extra == {"from_a_newer_server": True}


def test_ids_cannot_leave_their_place_in_the_path(stand_in, client):
    """An id with slashes or a query is one path segment."""
    with pytest.raises(ApiError):
        client.job("../tokens?x=1")

    assert stand_in.requests[0]["path"] == "/api/v1/jobs/..%2Ftokens%3Fx%3D1"


def test_a_refusal_names_code_fields_and_next_step(stand_in, client):
    """A problem+json answer becomes an ApiError with all it says."""
    errors = [{"field": "workload.n", "message": "too small", "code": "greater_than"}]
    problem = {"title": "Unprocessable", "detail": "the job is not valid", "code": "invalid", "errors": errors}
    stand_in.answers["POST /api/v1/jobs"] = (422, {**problem, "next_step": "read the fields"})
    with pytest.raises(ApiError) as refusal:
        client.submit(SPEC)

    assert (refusal.value.status, refusal.value.code) == (422, "invalid")
    assert refusal.value.message == "the job is not valid"
    assert "workload.n: too small" in str(refusal.value)
    assert [(f.field, f.message, f.code) for f in refusal.value.fields] == [("workload.n", "too small", "greater_than")]
    assert refusal.value.as_dict() == {
        "code": "invalid",
        "message": "the job is not valid",
        "next_step": "read the fields",
        "status": 422,
        "fields": errors,
    }


@pytest.mark.parametrize(
    ("status", "body", "told"),
    [
        (500, b"<html>oops</html>", ("<html>oops</html>", "http_500")),
        (404, b"", ("the server answered 404", "http_404")),
        (403, b"[1]", ("[1]", "http_403")),
        (409, b'{"code": "stale", "errors": "odd", "title": "Conflict"}', ("Conflict", "stale")),
        (422, b'{"detail": "no", "errors": [7, {"field": "a"}]}', ("no", "http_422")),
    ],
)
def test_odd_refusals_are_still_errors(stand_in, client, status, body, told):
    """An error answer that is no problem+json keeps its status and its text."""
    stand_in.answers["GET /api/v1/jobs/j1"] = (status, body)
    with pytest.raises(ApiError) as refusal:
        client.job("j1")

    assert refusal.value.status == status
    assert (refusal.value.message, refusal.value.code) == told


@pytest.mark.parametrize("body", [b"<html>", b"{}", b'{"id": 3}', b"[]"])
def test_an_answer_from_another_server_is_named(stand_in, client, body):
    """A successful answer that is no JobView says so instead of raising a parser's error."""
    stand_in.answers["GET /api/v1/jobs/j1"] = (200, body)
    with pytest.raises(ApiError, match="not what a neurorig server sends") as refusal:
        client.job("j1")

    assert refusal.value.code == "unexpected_answer"


@pytest.mark.parametrize("body", [b"[]", b"3", b"{}", b"<"])
def test_an_odd_energy_is_named(stand_in, client, body):
    """Energy that is neither a matrix nor absent is an unexpected answer too."""
    stand_in.answers["GET /api/v1/attempts/a1/energy"] = (200, body)
    with pytest.raises(ApiError, match="not what a neurorig server sends"):
        client.energy("a1")


@pytest.mark.parametrize("status", [502, 503, 504])
def test_a_server_that_is_not_up_is_unreachable(stand_in, client, status):
    """A gateway's answer in front of a dead server counts as no answer."""
    stand_in.answers["GET /api/v1/jobs/j1"] = (status, b"bad gateway")
    with pytest.raises(Unreachable, match=str(status)):
        client.job("j1")


def test_no_server_is_unreachable(stand_in, client):
    """A refused connection says which address does not answer and what to do."""
    stand_in.stop()
    with pytest.raises(Unreachable, match=stand_in.url) as failure:
        client.benches()

    assert "neurorig serve" in failure.value.next_step


@pytest.mark.parametrize("server", ["localhost:8321", "ftp://host", "http://", "http://[::1", "http://h:99999", "/x"])
def test_a_server_address_is_checked(server):
    """What is no http address is refused before anything is sent."""
    with pytest.raises(ClientError, match="not a server address"):
        Client(server)


def test_address_and_token_come_from_the_environment(stand_in, monkeypatch):
    """Without arguments the client uses NEURORIG_SERVER and NEURORIG_TOKEN."""
    monkeypatch.setenv("NEURORIG_SERVER", stand_in.url + "/")
    monkeypatch.setenv("NEURORIG_TOKEN", "nrg_env")
    stand_in.add_job("j1", "queued")
    with Client() as client:
        client.job("j1")

        assert client.server == stand_in.url
    assert stand_in.requests[0]["headers"]["Authorization"] == "Bearer nrg_env"


def test_without_a_token_none_is_sent(stand_in):
    """No token, no Authorization header."""
    stand_in.add_job("j1", "queued")
    with Client(stand_in.url) as client:
        client.job("j1")

    assert "Authorization" not in stand_in.requests[0]["headers"]


def test_a_proxy_does_not_stand_before_the_loopback(stand_in, monkeypatch):
    """A proxy of the environment is not asked for a server on this computer."""
    monkeypatch.setenv("HTTP_PROXY", "http://127.0.0.1:9")
    stand_in.add_job("j1", "queued")
    with Client(stand_in.url) as client:
        assert client.job("j1").id == "j1"


def test_the_default_address_is_the_servers():
    """Client and server agree on the default port."""
    with Client() as client:
        assert client.server == f"http://{Settings().host}:{Settings().port}"


def test_other_routes(stand_in, client, bodies):
    """Cancel, campaigns, benches, attempts, traces and tokens ask the documented routes."""
    bench = {"name": "b", "reality": "virtual", "board": "x", "profile": {}, "board_info": {}, "state": "online"}
    series = {"monitor": "m", "clock": "c", "t0_ns": 1, "dt_ns": 2.0, "samples": 3, "bin": 1, "rails": []}
    token = {"id": "t", "name": "n", "scopes": ["agent"], "token": "nrg_x"}
    stand_in.answers |= {
        "POST /api/v1/jobs/j1/cancel": (202, bodies.job("j1", "cancelling")),
        "POST /api/v1/campaigns": (201, {"id": "c1", "jobs": ["j1", "j2"], "count": 2}),
        "GET /api/v1/campaigns/c1": (200, {"id": "c1", "name": "grid", "states": {"queued": 2}, "complete": 0.0}),
        "GET /api/v1/benches": (200, [{**bench, "last_seen_at": bodies.at}]),
        "GET /api/v1/benches/b": (200, {**bench, "last_seen_at": bodies.at}),
        "GET /api/v1/attempts/a1": (200, bodies.attempt("a1")),
        "POST /api/v1/tokens": (201, token),
    }
    assert client.cancel("j1").state == "cancelling"
    assert client.submit_campaign("grid", SPEC, {"workload.count": (1, 2)}).jobs == ("j1", "j2")
    assert stand_in.requests[-1]["body"] == {"name": "grid", "base": SPEC, "grid": {"workload.count": [1, 2]}}
    assert client.campaign("c1").states == {"queued": 2}
    assert [b.name for b in client.benches()] == [client.bench("b").name]
    assert client.attempt("a1").answer.verified.cost == -63
    assert client.create_token("n", ["agent"], bench="b").token == "nrg_x"
    assert stand_in.requests[-1]["body"] == {"name": "n", "scopes": ["agent"], "bench": "b"}

    stand_in.answers["GET /api/v1/attempts/a1/trace"] = (200, series)
    assert client.trace("a1", "m", points=10).samples == 3
    assert stand_in.requests[-1]["query"] == {"monitor": "m", "points": "10"}
    info = {"monitor": "m", "digest": "sha256:0", "size": 1, "samples": 3}
    stand_in.answers["GET /api/v1/attempts/a1/trace"] = (200, [info])
    assert client.traces("a1")[0].samples == 3
    stand_in.answers["GET /api/v1/attempts/a1/trace"] = (200, b"PAR1\x00")
    assert client.trace_parquet("a1", "m") == b"PAR1\x00"


def test_energy_is_a_matrix_or_absent(stand_in, client):
    """The two answers of the energy route become two types."""
    matrix = {"reality": "virtual", "boundary": {"components": [], "rails": []}, "cells": [], "totals": []}
    stand_in.answers["GET /api/v1/attempts/a1/energy"] = (200, {**matrix, "windows": []})
    stand_in.answers["GET /api/v1/attempts/a2/energy"] = (200, {"absent": "no monitor"})

    assert isinstance(client.energy("a1"), EnergyMatrix)
    assert client.energy("a2") == EnergyAbsent(absent="no monitor")
    assert client.energy("a2").rows() == []


def test_energy_can_be_tabulated():
    """Each component and phase is one plain dictionary; a dynamic energy that is absent is None with a reason."""
    joules = {"value": 2.0, "unit": "J", "u": 0.1, "grade": "metered"}
    watts = {**joules, "unit": "W"}
    cell = {
        "component": "core", "rails": ["vdd", "vmem"], "phase": "run", "windows": 2, "duration_s": 0.5,
        "energy": joules, "per_window": {**joules, "value": 1.0}, "active_power": watts, "idle_power": watts,
    }  # fmt: skip
    absent = {"reason_code": "no_idle", "reason": "no idle phase"}
    cells = [{**cell, "dynamic": {**joules, "value": -0.5}}, {**cell, "component": "memory", "dynamic": absent}]
    boundary = {"components": ["core", "memory"], "rails": ["vdd", "vmem"]}
    body = {"reality": "virtual", "boundary": boundary, "cells": cells, "totals": [], "windows": []}

    first, second = record(EnergyMatrix, body).rows()

    assert first == {
        "component": "core", "phase": "run", "rails": "vdd, vmem", "reality": "virtual", "windows": 2,
        "duration_s": 0.5, "energy_j": 2.0, "u_j": 0.1, "per_window_j": 1.0, "per_window_u_j": 0.1,
        "grade": "metered", "dynamic_j": -0.5, "dynamic_u_j": 0.1, "dynamic_absent": None,
    }  # fmt: skip
    assert (second["dynamic_j"], second["dynamic_absent"]) == (None, "no idle phase")


def test_what_is_loaded_on_first_use_can_be_completed():
    """dir() of the package lists the names that are imported only when they are used."""
    assert {"Client", "AsyncClient", "ApiError", "Unreachable"} <= set(dir(neurorig))


def test_energies_pass_filters_and_grouping(stand_in, client):
    """Filters that are None are left out; groups are one comma-separated parameter."""
    row = {"phase": "run", "reality": "virtual", "n": 2, "mean_j": 1.0, "u_j": 0.1, "grade": "metered"}
    stand_in.answers["GET /api/v1/energy"] = (200, {"rows": [row]})
    [found] = client.energies(group_by=("phase", "board"), workload="qubo-mis", board=None)

    assert (found.phase, found.component, found.mean_j) == ("run", None, 1.0)
    assert client.energies().rows()[0]["mean_j"] == 1.0
    assert stand_in.requests[0]["query"] == {"workload": "qubo-mis", "group_by": "phase,board"}


def test_wait_reports_each_change_once(stand_in, client):
    """Waiting returns the jobs in the order given and tells each change of state exactly once."""
    stand_in.add_job("a", "queued", "queued", "running", "succeeded")
    stand_in.add_job("b", "running", "failed")
    seen = []
    ended = client.wait(["b", "a"], lambda job: seen.append((job.id, job.state)), poll_s=0.001)

    assert [(job.id, job.state) for job in ended] == [("b", "failed"), ("a", "succeeded")]
    assert [state for job, state in seen if job == "a"] == ["queued", "running", "succeeded"]
    assert [state for job, state in seen if job == "b"] == ["running", "failed"]


def test_wait_asks_no_more_for_what_has_ended(stand_in, client):
    """A job that has ended is not looked at again while another goes on."""
    stand_in.add_job("a", "succeeded")
    stand_in.add_job("b", "queued", "queued", "queued", "succeeded")
    client.wait(["a", "b"], poll_s=0.001)

    assert sum(r["path"].endswith("/a") for r in stand_in.requests) == 1


def test_wait_for_nothing_returns_at_once(client):
    """Without jobs there is nothing to wait for."""
    assert client.wait([]) == []


def test_wait_survives_a_restart(stand_in, client):
    """A server that goes away and comes back on its port is waited out; the outage is told."""
    stand_in.add_job("a", "running")
    outage = threading.Event()
    result = []
    waiter = threading.Thread(
        target=lambda: result.extend(client.wait(["a"], on_outage=lambda _: outage.set(), poll_s=0.01))
    )
    waiter.start()
    stand_in.wait_for_request("/api/v1/jobs/a")
    stand_in.stop()
    assert outage.wait(20)
    stand_in.add_job("a", "succeeded")
    stand_in.start()
    waiter.join(20)

    assert [job.state for job in result] == ["succeeded"]


def test_wait_loses_patience(stand_in, client):
    """An outage longer than the patience is raised."""
    stand_in.stop()
    with pytest.raises(Unreachable):
        client.wait(["a"], patience_s=0)


def test_wait_can_be_given_up(stand_in, client):
    """What on_round raises ends the wait."""
    stand_in.add_job("a", "running")

    def give_up():
        raise TimeoutError

    with pytest.raises(TimeoutError):
        client.wait(["a"], on_round=give_up)


def test_wait_for_an_unknown_job_is_refused(client):
    """A job that the server does not know is an error, not an endless wait."""
    with pytest.raises(ApiError) as refusal:
        client.wait(["nowhere"])

    assert refusal.value.status == 404
