"""Routes of tokens, and what each scope opens."""

from __future__ import annotations

from typing import Any

import httpx
import pytest
from server_kit import Server, bench_body, job, upload


def test_token_lives_from_creation_to_revocation(api: httpx.Client, shared_server: Server) -> None:
    """A token is shown once, works, is listed without its secret, and ends when revoked."""
    answer = api.post("/tokens", json={"name": "reader", "scopes": ["read"]})
    made = answer.json()
    assert answer.status_code == 201
    assert answer.headers["Cache-Control"] == "no-store"

    with shared_server.client(made["token"]) as reader:
        assert reader.get("/jobs").status_code == 200
        listed = next(t for t in api.get("/tokens").json() if t["id"] == made["id"])
        assert "token" not in listed
        assert api.delete(f"/tokens/{made['id']}").status_code == 204
        assert reader.get("/jobs").status_code == 401


@pytest.mark.parametrize(
    ("body", "field"),
    [
        ({"name": "x", "scopes": []}, "scopes"),
        ({"name": "x", "scopes": ["root"]}, "scopes[0]"),
        ({"name": "", "scopes": ["read"]}, "name"),
        ({"name": "x", "scopes": ["agent"]}, "bench"),
        ({"name": "x", "scopes": ["read"], "bench": "b"}, "bench"),
        ({"name": "x", "scopes": ["agent"], "bench": "No Name"}, "bench"),
        ({"name": "x", "scopes": ["read"], "expires_at": "2026-01-01T00:00:00"}, "expires_at"),
    ],
)
def test_wrong_token_request_names_its_field(api: httpx.Client, body: dict[str, Any], field: str) -> None:
    """A token needs a name, a known scope, an instant with a zone, and a bench exactly for agents."""
    answer = api.post("/tokens", json=body)

    assert answer.status_code == 422
    assert answer.json()["errors"][0]["field"] == field


@pytest.mark.parametrize(
    ("scope", "open_to"),
    [("read", set()), ("submit", {"submit"}), ("operate", set()), ("admin", {"submit", "tokens", "bench"})],
)
def test_scope_opens_what_it_names(
    api: httpx.Client, shared_server: Server, agent: httpx.Client, bench_name: str, *, scope: str, open_to: set[str]
) -> None:
    """Everybody with a token may read; the rest needs its own scope."""
    made = api.post("/tokens", json={"name": "x", "scopes": [scope]}).json()

    with shared_server.client(made["token"]) as client:
        assert client.get("/jobs").status_code == 200
        tried = {
            "submit": client.post("/jobs", json=job(bench_name)).status_code,
            "tokens": client.get("/tokens").status_code,
            "bench": client.put(f"/benches/{bench_name}", json=bench_body(bench_name)).status_code,
        }
    assert {name for name, status in tried.items() if status != 403} == open_to


def test_agent_token_writes_only_its_own_leased_attempts(
    api: httpx.Client, shared_server: Server, lease: dict[str, Any]
) -> None:
    """Another bench's agent can neither claim, register, start, renew, upload nor report for this one."""
    bench = lease["job"]["needs"]["bench"]
    other_name = f"{bench}-x"
    made = api.post("/tokens", json={"name": "x", "scopes": ["agent"], "bench": other_name}).json()

    with shared_server.client(made["token"]) as other:
        assert other.put(f"/benches/{other_name}", json=bench_body(other_name)).status_code == 200
        url = f"/leases/{lease['lease_id']}"
        digest = "0" * 64
        answers = [
            other.put(f"/benches/{bench}", json=bench_body(bench)),
            other.post("/leases", json={"bench": bench, "wait_s": 0}),
            other.post(f"{url}/start", json={"fence": 1}),
            other.post(f"{url}/renew", json={"fence": 1}),
            upload(other, lease, digest, b"x", offset=0, size=1),
            other.head(f"/attempts/{lease['attempt_id']}/traces/{digest}"),
            other.post(f"/attempts/{lease['attempt_id']}/report", json={"fence": 1, "outcome": "succeeded"}),
            other.post("/jobs", json=job()),
        ]

    assert [answer.status_code for answer in answers] == [403] * len(answers)
    assert api.get(f"/attempts/{lease['attempt_id']}").json()["state"] == "running"


def test_cookie_opens_reading_only(shared_server: Server, agent: httpx.Client, bench_name: str) -> None:
    """A browser's cookie reads; another site that makes the browser post gets nothing."""
    with httpx.Client(
        base_url=f"{shared_server.url}/api/v1", cookies={"neurorig_token": shared_server.token}
    ) as browser:
        assert browser.get("/jobs").status_code == 200
        assert browser.post("/jobs", json=job(bench_name)).status_code == 401


def test_public_server_reads_without_a_token(start_server: Any) -> None:
    """With --public-read anyone may look and nobody may write; a wrong token is still wrong."""
    server = start_server("--public-read")

    with httpx.Client(base_url=f"{server.url}/api/v1") as anyone:
        assert anyone.get("/jobs").status_code == 200
        assert anyone.get("/tokens").status_code == 403
        assert anyone.post("/jobs", json=job()).status_code == 401
        assert anyone.get("/jobs", headers={"Authorization": "Bearer wrong"}).status_code == 401
