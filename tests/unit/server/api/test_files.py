"""Routes of uploaded files: what is kept, what is refused, who may."""

from __future__ import annotations

import hashlib
import socket
from collections.abc import Callable
from typing import Any
from urllib.parse import urlsplit

import httpx
import pytest
from house import until
from server_kit import Server, job

from neurorig_protocols.workloads.qubo.problem_file import from_bytes

QUBO = b"p qubo 0 3 2 1\n0 0 -1.5\n2 2 1\n0 2 3\n"
BINARY = {"Content-Type": "application/octet-stream"}


def put(client: httpx.Client, content: bytes, kind: str = "qubo", **params: str) -> httpx.Response:
    """Upload a file."""
    return client.post("/files", params={"kind": kind, "name": "a file", **params}, content=content, headers=BINARY)


def test_a_problem_is_read_and_kept_in_one_form(api: httpx.Client) -> None:
    """The answer says what the problem is; the content is the problem itself, and its digest names it."""
    answer = put(api, QUBO)

    assert answer.status_code == 201, answer.text
    view = answer.json()
    assert answer.headers["Location"] == f"/api/v1/files/{view['digest']}"
    assert (view["kind"], view["name"]) == ("qubo", "a file")
    facts = view["facts"]
    assert (facts["n"], facts["couplings"], facts["format"], facts["scale"]) == (3, 1, "qbsolv", "0.5")
    assert facts["problem"] == view["digest"]
    assert facts["source"]["digest"] == "sha256:" + hashlib.sha256(QUBO).hexdigest()
    assert api.get(f"/files/{view['digest']}").json() == view
    content = api.get(f"/files/{view['digest']}/content")
    assert "sha256:" + hashlib.sha256(content.content).hexdigest() == view["digest"]
    assert (len(content.content), content.headers["Content-Length"]) == (view["size"], str(view["size"]))
    assert from_bytes(content.content).weights.tolist() == [3]


def test_the_same_problem_in_two_formats_is_one_file(api: httpx.Client) -> None:
    """What counts is the problem, not how it was written."""
    first = put(api, b"# vartype=BINARY\n0 0 1\n0 1 4\n").json()
    second = put(api, b"0 0 1.0\n1 0 1\n0 1 3\n", format="coo", vartype="binary", name="again").json()

    assert first["digest"] == second["digest"]
    assert second["name"] == "a file"


def test_files_are_listed_newest_first(api: httpx.Client) -> None:
    """Page by page, narrowed by kind and name."""
    made = [
        put(api, f"0 0 {k}".encode(), format="coo", vartype="binary", name="listed").json()["digest"] for k in (5, 6, 7)
    ]

    first = api.get("/files", params={"kind": "qubo", "name": "listed", "limit": 2}).json()
    rest = api.get("/files", params={"kind": "qubo", "name": "listed", "cursor": first["next"]}).json()

    assert [file["digest"] for file in first["items"] + rest["items"]] == made[::-1]
    assert rest["next"] is None


@pytest.mark.parametrize(
    ("content", "params", "code", "field"),
    [
        (b"1 2 3 4\n", {}, "ambiguous", "body, line 1"),
        (b"p qubo 0 3 2 1\n0 0 nan\n2 2 1\n0 2 3\n", {}, "not_finite", "body, line 2"),
        (b"\xff\xfe\x00", {}, "encoding", "body"),
        (b"2 1\n1 2 1\n", {"format": "bqp"}, "sense", "body"),
        (b"2 1\n1 2 1\n", {"format": "bqp", "sense": "up"}, "option", "body"),
    ],
)
def test_a_file_that_is_no_problem_is_refused(
    api: httpx.Client, content: bytes, params: dict[str, str], code: str, field: str
) -> None:
    """422 with the line and a stable word for the reason."""
    answer = put(api, content, **params)

    assert answer.status_code == 422, answer.text
    body = answer.json()
    assert body["code"] == "unacceptable_file"
    assert [(e["field"], e["code"]) for e in body["errors"]] == [(field, code)]


def test_nothing_is_refused(api: httpx.Client) -> None:
    """An empty body is no file."""
    assert put(api, b"", "events").json()["errors"][0]["code"] == "empty"


@pytest.mark.parametrize(
    "params", [{"kind": "virus"}, {"name": ""}, {"name": "a\nb"}, {"name": "x" * 201}, {"format": "../../etc"}]
)
def test_bad_parameters_are_named(api: httpx.Client, params: dict[str, str]) -> None:
    """Before anything is read."""
    answer = api.post("/files", params={"kind": "qubo", "name": "a", **params}, content=QUBO, headers=BINARY)

    assert (answer.status_code, answer.json()["code"]) == (422, "invalid_request")


def test_another_media_type_is_refused(api: httpx.Client) -> None:
    """A file is sent as bytes, so that a form of another site's page cannot send one."""
    answer = api.post(
        "/files", params={"kind": "qubo", "name": "a"}, content=QUBO, headers={"Content-Type": "text/plain"}
    )

    assert (answer.status_code, answer.json()["code"]) == (415, "unsupported_media_type")


@pytest.mark.parametrize("path", ["/files/sha256:" + "0" * 64, "/files/sha256:" + "0" * 64 + "/content"])
def test_a_file_that_is_not_here_is_not_found(api: httpx.Client, path: str) -> None:
    """404, and a digest that is none is 422."""
    assert api.get(path).status_code == 404
    assert api.get(path.replace("sha256:", "md5:")).status_code == 422


def test_scopes_are_asked_for(api: httpx.Client, shared_server: Server) -> None:
    """Submit to upload, read to download, a token for anything."""
    digest = put(api, QUBO).json()["digest"]
    token = api.post("/tokens", json={"name": "reader", "scopes": ["read"]}).json()["token"]
    with shared_server.client(token) as reader, httpx.Client(base_url=str(api.base_url)) as nobody:
        assert put(reader, QUBO).status_code == 403
        assert reader.get(f"/files/{digest}/content").status_code == 200
        assert put(nobody, QUBO).status_code == 401
        assert nobody.get(f"/files/{digest}").status_code == 401


def general_job(digest: str, **fields: Any) -> dict[str, Any]:
    """A job for an uploaded problem."""
    scenario = {"kind": "fixed-timeout", "timeout_s": 0.01}
    return {**job(), "workload": {"name": "qubo", "problem": digest, "scenario": scenario}, **fields}


def test_a_job_may_name_files_that_are_here_only(api: httpx.Client) -> None:
    """422 unknown_file for a digest that nobody uploaded; campaigns alike."""
    here = put(api, QUBO).json()["digest"]
    waiting = {"wait_for_bench": "true"}

    accepted = api.post("/jobs", json=general_job(here), params=waiting)
    assert accepted.status_code == 201, accepted.text
    api.post(f"/jobs/{accepted.json()['id']}/cancel")
    unknown = general_job("sha256:" + "1" * 64)
    for path, body in (("/jobs", unknown), ("/campaigns", {"name": "c", "base": unknown})):
        answer = api.post(path, json=body, params=waiting)
        assert (answer.status_code, answer.json()["code"]) == (422, "unknown_file"), answer.text
        assert answer.json()["errors"][0]["field"] == "workload.problem"


def test_a_file_above_the_limit_is_refused(start_server: Callable[..., Server]) -> None:
    """413 whatever the length header says, and the server's staging folder is empty again."""
    server = start_server(NEURORIG_MAX_FILE_BYTES="1000")
    with server.client() as api:
        answers = [put(api, QUBO.ljust(1001)), put(api, b"x" * (5 << 20))]
        fits = put(api, QUBO.ljust(1000))

    assert [answer.status_code for answer in answers] == [413, 413]
    assert answers[0].json()["code"] == "file_too_large"
    assert fits.status_code == 201
    assert list((server.data_dir / "staging").iterdir()) == []


def test_an_upload_that_breaks_off_leaves_nothing(start_server: Callable[..., Server]) -> None:
    """A client that hangs up in the middle costs no file and no traceback."""
    server = start_server()
    address = urlsplit(server.url)
    request = (
        f"POST /api/v1/files?kind=qubo&name=a HTTP/1.1\r\nHost: {address.netloc}\r\n"
        f"Authorization: Bearer {server.token}\r\nContent-Type: application/octet-stream\r\n"
        "Content-Length: 1000\r\n\r\np qubo"
    )
    staging = server.data_dir / "staging"
    with socket.create_connection((address.hostname, address.port)) as connection:
        connection.sendall(request.encode())
        until(lambda: any(staging.iterdir()), what="the staged file")
    until(lambda: not any(staging.iterdir()), what="its end")

    assert server.stop() == 0
    assert "Traceback" not in (server.data_dir / "log").read_text()


def test_a_file_gone_from_the_object_store_is_not_found(start_server: Callable[..., Server]) -> None:
    """The row is there, the bytes are not: said, not a failure of the server."""
    server = start_server()
    with server.client() as api:
        digest = put(api, QUBO).json()["digest"]
        key = digest.removeprefix("sha256:")
        (server.data_dir / "traces" / "files" / key[:2] / key).unlink()

        answer = api.get(f"/files/{digest}/content")

    assert (answer.status_code, answer.json()["code"]) == (404, "not_found")


def one(weight: int) -> bytes:
    """A problem of one variable."""
    return f"p qubo 0 1 1 0\n0 0 {weight}\n".encode()


def test_a_file_is_deleted_by_its_owner(api: httpx.Client, shared_server: Server) -> None:
    """Row and bytes are gone; another token may not, a reader even less, and what is gone is not found."""
    made = [api.post("/tokens", json={"name": name, "scopes": [name]}).json()["token"] for name in ("submit", "read")]
    with shared_server.client(made[0]) as submitter, shared_server.client(made[1]) as reader:
        foreign = put(api, one(71)).json()["digest"]
        own = put(submitter, one(72)).json()["digest"]

        assert (answer := submitter.delete(f"/files/{foreign}")).status_code == 403
        assert answer.json()["code"] == "forbidden"
        assert reader.delete(f"/files/{own}").status_code == 403
        assert submitter.delete(f"/files/{own}").status_code == 204
        assert submitter.delete(f"/files/{own}").status_code == 404
    assert api.get(f"/files/{own}").status_code == 404
    key = own.removeprefix("sha256:")
    assert not (shared_server.data_dir / "traces" / "files" / key[:2] / key).exists()
    assert put(api, one(72)).json()["digest"] == own
    assert api.delete(f"/files/{own}").status_code == 204
    assert api.delete("/files/sha256:nothing").status_code == 422


def test_a_file_that_a_job_names_is_not_deleted(api: httpx.Client) -> None:
    """409 with a stable code and the job, and both are as before."""
    digest = put(api, one(73)).json()["digest"]
    job_id = api.post("/jobs", json=general_job(digest), params={"wait_for_bench": "true"}).json()["id"]
    api.post(f"/jobs/{job_id}/cancel")

    answer = api.delete(f"/files/{digest}")

    assert (answer.status_code, answer.json()["code"]) == (409, "file_in_use")
    assert job_id in answer.json()["errors"][0]["message"]
    assert api.get(f"/files/{digest}/content").status_code == 200


def test_room_for_files_is_limited(start_server: Callable[..., Server]) -> None:
    """413 with what to do, for a token's own room and for the server's; what is refused leaves nothing behind."""
    small, large = b"0,0,1\n", b"0,0,1\n0,1,1\n"
    server = start_server(NEURORIG_FILE_QUOTA_BYTES="15", NEURORIG_FILE_TOTAL_BYTES="17")
    with server.client() as api:
        token = api.post("/tokens", json={"name": "second", "scopes": ["submit"]}).json()["token"]
        with server.client(token) as second:
            kept = put(api, small, "events")
            over, full = put(api, large, "events"), put(second, large, "events")
            left = [path for path in (server.data_dir / "traces" / "files").rglob("*") if path.is_file()]
            assert api.delete(f"/files/{kept.json()['digest']}").status_code == 204
            fits = put(second, large, "events")

    assert [answer.status_code for answer in (kept, over, full, fits)] == [201, 413, 413, 201]
    assert (over.json()["code"], full.json()["code"]) == ("file_quota_exceeded", "file_space_exhausted")
    assert "neurorig files rm" in over.json()["next_step"]
    assert "operator" in full.json()["next_step"]
    assert len(left) == 1
