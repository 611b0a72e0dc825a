"""The agent's conversation with the server: patience with what may pass, errors for what will not."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from neurorig_agents import server_client as client_module
from neurorig_agents.server_client import ServerClient, ServerRefused, ServerUnreachable, backoff_s
from neurorig_protocols.errors import InfraError, LeaseLost
from neurorig_protocols.lease import PROTOCOL_VERSION, Lease, Renewal
from neurorig_protocols.report import AttemptReport
from neurorig_protocols.trace import digest_of

REPORT = AttemptReport(fence=1, outcome="cancelled")


@pytest.fixture
def pauses() -> list[float]:
    """Collect the pauses between two tries, in seconds."""
    return []


@pytest.fixture
def client(server: Any, pauses: list[float]) -> Iterator[ServerClient]:
    """Talk to the trial server without really pausing."""

    def note(seconds: float) -> bool:
        pauses.append(seconds)
        return False

    with ServerClient(server.url, "secret", wait=note) as made:
        yield made


def test_every_request_says_who_and_which_protocol(server: Any, client: ServerClient) -> None:
    """Token and protocol version go with every request."""
    client.report("a", REPORT)

    assert server.headers[0]["Authorization"] == "Bearer secret"
    assert server.headers[0]["Neurorig-Protocol"] == str(PROTOCOL_VERSION)


def test_work_is_leased_or_not(server: Any, client: ServerClient, make_lease: Callable[..., Lease]) -> None:
    """A lease comes back as the record it is, and no work is None."""
    assert client.lease("trial", 0.0, "0" * 12) is None
    server.give(make_lease(3))

    leased = client.lease("trial", 0.0, "0" * 12)

    assert leased is not None
    assert (leased.attempt_id, leased.fence) == ("attempt-3", 3)


@pytest.mark.parametrize("how", ["drop", 500, 502, 503, 408, 429, "deafen"])
def test_what_may_pass_is_tried_again(server: Any, client: ServerClient, pauses: list[float], how: Any) -> None:
    """Dropped connections, 5xx, 408 and 429 are tried again after a pause, also when the server had acted already."""
    server.fail("POST", "report", how, times=3)
    client.report("a", REPORT)

    assert len(pauses) == 3
    assert list(server.reports) == ["a"]


def test_patience_ends(server: Any) -> None:
    """A server that stays away is ServerUnreachable, with the reason."""
    server.fail("POST", "report", 503, times=100)
    with (
        ServerClient(server.url, "t", patience_s=0.05) as client,
        pytest.raises(ServerUnreachable, match="answers 503"),
    ):
        client.report("a", REPORT)


def test_a_stop_ends_patience(server: Any) -> None:
    """Whoever is asked to stop does not wait for a server that is away."""
    server.stop()
    with (
        ServerClient(server.url, "t", wait=lambda _: True) as client,
        pytest.raises(ServerUnreachable, match="ConnectError"),
    ):
        client.report("a", REPORT)
    server.restart()


def test_a_server_that_comes_back_is_found(server: Any) -> None:
    """A call that began while the server was down ends well when the server is up again."""
    server.stop()
    tried = threading.Event()

    def wait(_: float) -> bool:
        if not tried.is_set():
            server.restart()
            tried.set()
        return False

    with ServerClient(server.url, "t", wait=wait) as client:
        client.report("a", REPORT)

    assert tried.is_set()
    assert "a" in server.reports


def test_a_refusal_is_not_tried_again(server: Any, client: ServerClient, pauses: list[float]) -> None:
    """A problem document becomes an exception with its status, code, sentence and next step."""
    problem = {
        "status": 422,
        "code": "invalid_request",
        "detail": "no",
        "next_step": "mend",
        "errors": [{"field": "x"}],
    }
    server.fail("PUT", "benches", problem)
    with pytest.raises(ServerRefused, match="no") as refused:
        client._call("PUT", "/benches/b", json={})

    assert refused.value.status == 422
    assert refused.value.next_step == "mend"
    assert refused.value.detail["problem"] == "invalid_request"
    assert refused.value.detail["errors"] == problem["errors"]
    assert pauses == []


def test_a_refusal_without_a_problem_is_told_by_status(server: Any, client: ServerClient) -> None:
    """A proxy's answer without any document still says what came back."""
    server.fail("POST", "report", 403)
    with pytest.raises(ServerRefused, match="the server answers 403"):
        client.report("a", REPORT)


@pytest.mark.parametrize("code", ["lease_lost", "stale_fence"])
def test_a_lost_lease_is_its_own_error(server: Any, client: ServerClient, code: str) -> None:
    """A stale fence is LeaseLost wherever it comes."""
    server.fail("POST", "renew", {"status": 409, "code": code, "detail": "gone"})
    with pytest.raises(LeaseLost, match="gone"):
        client.renew("lease-1", Renewal(fence=1))


def test_an_answer_of_another_protocol_is_told(server: Any, client: ServerClient) -> None:
    """An answer with unknown fields names the releases as the cause."""
    server.fail("POST", "renew", {"status": 200, "news": 1})
    with pytest.raises(InfraError, match=f"is not protocol {PROTOCOL_VERSION}"):
        client.renew("lease-1", Renewal(fence=1))


def upload(client: ServerClient, folder: Path, data: bytes) -> str:
    """Upload bytes as a trace; returns the digest's digits."""
    path = folder / "trace"
    path.write_bytes(data)
    client.upload_trace("a", 1, digest_of(data), path)
    return digest_of(data).removeprefix("sha256:")


def test_a_trace_goes_up_in_chunks(
    server: Any, client: ServerClient, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A file larger than a chunk arrives whole, with the fence on each chunk."""
    monkeypatch.setattr(client_module, "CHUNK_BYTES", 1000)
    data = bytes(range(256)) * 10
    digest = upload(client, tmp_path, data)

    assert server.uploads[digest] == data
    patches = [headers for headers in server.headers if "Upload-Length" in headers]
    assert [p["Upload-Offset"] for p in patches] == ["0", "1000", "2000"]
    assert {p["Neurorig-Fence"] for p in patches} == {"1"}


def test_an_upload_goes_on_where_it_ended(
    server: Any, client: ServerClient, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Bytes that the server holds are not sent again."""
    monkeypatch.setattr(client_module, "CHUNK_BYTES", 1000)
    data = b"x" * 2500
    server.uploads[digest_of(data).removeprefix("sha256:")] = data[:2000]
    upload(client, tmp_path, data)

    assert [path for method, path in server.log if method == "PATCH"] == [server.log[-1][1]]


@pytest.mark.parametrize("how", ["drop", "deafen", 503])
def test_an_upload_survives_faults(server: Any, client: ServerClient, tmp_path: Path, how: Any) -> None:
    """A chunk lost, or taken with its answer lost, leads to the same trace."""
    server.fail("PATCH", "traces", how)
    data = b"y" * 5000

    assert server.uploads[upload(client, tmp_path, data)] == data


def test_an_upload_the_server_does_not_know_begins_at_zero(server: Any, client: ServerClient, tmp_path: Path) -> None:
    """A server that answers 404 to the question holds nothing."""
    server.fail("HEAD", "traces", 404)
    data = b"z" * 10

    assert server.uploads[upload(client, tmp_path, data)] == data


def test_the_bound_of_the_pauses_doubles() -> None:
    """Pauses are random below a bound that doubles up to ten seconds."""
    for attempt, bound in [(0, 0.2), (1, 0.4), (3, 1.6), (50, 10.0)]:
        drawn = [backoff_s(attempt) for _ in range(200)]

        assert 0.6 * bound < max(drawn) <= bound
        assert min(drawn) < 0.4 * bound
