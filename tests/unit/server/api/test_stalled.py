"""Clients that stop in the middle: told so, hung up on, and nothing of theirs is held. Over real sockets."""

from __future__ import annotations

import hashlib
import json
import socket
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import httpx
import pytest
from house import until
from server_kit import METERED, Server, bench_body, job, launch, upload

STALL_S = 1.0
"""Long enough for a busy machine to send head and body of an honest request."""
ANSWER_S = 30


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    """A server with little patience."""
    folder = tmp_path_factory.mktemp("server")
    started = launch(folder, NEURORIG_STALL_S=str(STALL_S), NEURORIG_STALL_BYTES="1000")
    yield started
    assert started.stop() == 0
    assert "Traceback" not in (folder / "log").read_text()


@contextmanager
def request(server: Server, line: str, *, length: int = 100_000, **headers: str) -> Iterator[socket.socket]:
    """Send the head of a request and give its connection."""
    address = urlsplit(server.url)
    fields = {
        "Host": address.netloc,
        "Authorization": f"Bearer {server.token}",
        "Content-Type": "application/octet-stream",
        "Content-Length": str(length),
        **{name.replace("_", "-"): value for name, value in headers.items()},
    }
    head = "".join(f"{name}: {value}\r\n" for name, value in fields.items())
    with socket.create_connection((address.hostname, address.port), timeout=ANSWER_S) as connection:
        connection.sendall(f"{line} HTTP/1.1\r\n{head}\r\n".encode())
        yield connection


def answer(connection: socket.socket) -> tuple[int, dict[str, Any]]:
    """Read the answer to its end, which is the end of the connection too."""
    said = b""
    # Bytes of ours that the server had not read make the end of the connection a reset.
    with suppress(ConnectionResetError):
        while chunk := connection.recv(65536):
            said += chunk
    head, _, body = said.partition(b"\r\n\r\n")
    assert b"connection: close" in head.lower()
    return int(head.split()[1]), json.loads(body)


def whole_answer(connection: socket.socket) -> bytes:
    """Read an answer whose body is a JSON object; the connection goes on."""
    said = b""
    while not said.endswith(b"}"):
        said += connection.recv(65536) or pytest.fail("the connection ended before the answer")
    return said


def drip(connection: socket.socket, byte: bytes = b"x") -> bytes:
    """Send a byte now and then until something comes back, and return that; nothing where it is hung up."""
    connection.settimeout(STALL_S / 10)
    for _ in range(1000):
        try:
            return connection.recv(1, socket.MSG_PEEK)
        except TimeoutError:
            # A byte that crosses the end of the connection is answered by a reset.
            with suppress(ConnectionError):
                connection.sendall(byte)
        except ConnectionResetError:
            return b""
    raise AssertionError("a byte now and then was taken for progress")


def staged(server: Server) -> list[Path]:
    """What lies in the staging folder."""
    return list((server.data_dir / "staging").iterdir())


FILE = "POST /api/v1/files?kind=qubo&name=a"


def test_a_file_that_stops_is_ended(server: Server) -> None:
    """408 with a stable code and what to do; the staged part is gone and the connection closed."""
    with request(server, FILE) as connection:
        connection.sendall(b"p qubo")
        status, problem = answer(connection)

    assert (status, problem["code"]) == (408, "upload_stalled")
    assert "steadier connection" in problem["next_step"]
    until(lambda: not staged(server), what="the end of the staged part")


def test_a_file_of_which_nothing_comes_is_ended(server: Server) -> None:
    """Not even the first byte."""
    with request(server, FILE) as connection:
        assert answer(connection)[0] == 408


def test_a_file_that_drips_is_ended(server: Server) -> None:
    """A byte now and then is no progress."""
    with request(server, FILE) as connection:
        assert drip(connection) == b"H"
        connection.settimeout(ANSWER_S)
        assert answer(connection)[1]["code"] == "upload_stalled"
    until(lambda: not staged(server), what="the end of the staged part")


def test_a_file_that_goes_on_is_kept(server: Server) -> None:
    """However small its pieces are, as long as enough arrives in time."""
    content = b"p qubo 0 1 1 0\n0 0 1\n" + b"c a comment\n" * 3000
    with request(server, FILE, length=len(content)) as connection:
        for begin in range(0, len(content), 500):
            connection.sendall(content[begin : begin + 500])
        assert connection.recv(12) == b"HTTP/1.1 201"


def test_a_refused_file_that_stops_is_hung_up_on(server: Server) -> None:
    """Also an upload that nobody wants, without a token, of another type or too large, holds no connection."""
    for status, line, headers in (
        (401, FILE, {"Authorization": "Bearer nonsense"}),
        (415, FILE, {"Content_Type": "text/plain"}),
        (422, FILE.replace("qubo", "virus"), {}),
    ):
        with request(server, line, **headers) as connection:
            connection.sendall(b"x")
            assert answer(connection)[0] == status


@pytest.mark.parametrize("line", ["POST /api/v1/jobs", "POST /api/v1/attempts/000000000000/report"])
def test_any_body_that_stops_is_ended(server: Server, line: str) -> None:
    """A job or a report holds a connection no longer than an upload does."""
    with request(server, line, Content_Type="application/json") as connection:
        connection.sendall(b"{")
        assert answer(connection)[1]["code"] == "upload_stalled"


def lease_of(api: httpx.Client) -> dict[str, Any]:
    """Register a bench and lease a job for it."""
    api.put("/benches/b", json=bench_body("b", **METERED)).raise_for_status()
    api.post("/jobs", json=job("b")).raise_for_status()
    found: dict[str, Any] = api.post("/leases", json={"bench": "b", "wait_s": 0}).json()
    return found


def test_a_stalled_chunk_of_a_trace_leaves_what_came_before(server: Server) -> None:
    """The upload goes on where it stood, and nothing of the broken chunk is in it."""
    data = bytes(range(256)) * 100
    digest = hashlib.sha256(data).hexdigest()
    with server.client() as api:
        lease = lease_of(api)
        assert upload(api, lease, digest, data[:5000], offset=0, size=len(data)).status_code == 204
        path = f"/api/v1/attempts/{lease['attempt_id']}/traces/{digest}"
        at = {"Upload_Offset": "5000", "Upload_Length": str(len(data)), "Neurorig_Fence": str(lease["fence"])}
        with request(server, f"PATCH {path}", length=20_600, **at) as connection:
            connection.sendall(b"wrong")
            assert answer(connection)[1]["code"] == "upload_stalled"

        assert api.head(path.removeprefix("/api/v1")).headers["Upload-Offset"] == "5000"
        assert len(staged(server)) == 1
        assert upload(api, lease, digest, data[5000:], offset=5000, size=len(data)).status_code == 204
    assert staged(server) == []


def test_waiting_for_work_is_no_stall(server: Server) -> None:
    """A request whose body is complete may take as long as it asks for."""
    with server.client() as api:
        api.put("/benches/idle", json=bench_body("idle")).raise_for_status()
        assert api.post("/leases", json={"bench": "idle", "wait_s": 1.5 * STALL_S}).status_code == 204


@pytest.mark.parametrize("before", [b"", b"GET /healthz HTTP/1.1\r\nHost: x\r\n\r\n"], ids=["the first", "a later one"])
def test_a_head_that_stops_is_hung_up_on(server: Server, before: bytes) -> None:
    """A connection that begins a request and never says which holds nothing for ever, however it drips."""
    address = urlsplit(server.url)
    with socket.create_connection((address.hostname, address.port), timeout=ANSWER_S) as connection:
        if before:
            connection.sendall(before)
            assert whole_answer(connection).startswith(b"HTTP/1.1 200")
        connection.sendall(b"GET /api/v1/jobs HTTP/1.1\r\nHost: ")

        assert drip(connection) == b""
