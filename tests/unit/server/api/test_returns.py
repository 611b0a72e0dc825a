"""Routes of leases that are handed back, and of clients that hang up at the instant a lease is given."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import httpx
import pytest
from server_kit import job
from store_kit import ADMIN, bench_record

from neurorig_protocols.job import JobSpec
from neurorig_protocols.lease import LeaseRequest
from neurorig_server.api import lease_routes
from neurorig_server.services import Services, build
from neurorig_server.settings import Settings
from neurorig_server.store import schema_revision
from neurorig_server.store.store import Store

MINE = "0123456789ab"


def ask(agent: httpx.Client, bench: str, lease_id: str) -> httpx.Response:
    """Ask for work under an id."""
    return agent.post("/leases", json={"bench": bench, "wait_s": 0, "lease_id": lease_id})


def test_a_lease_is_handed_back(api: httpx.Client, agent: httpx.Client, bench_name: str) -> None:
    """204 and the job waits again; a second time too; asked for again under its id it is lost."""
    job_id = api.post("/jobs", json=job(bench_name, max_attempts=1)).json()["id"]
    lease = ask(agent, bench_name, MINE).json()
    assert (lease["lease_id"], lease["job_id"]) == (MINE, job_id)
    assert ask(agent, bench_name, MINE).json()["attempt_id"] == lease["attempt_id"]

    for back in ({"bench": bench_name, "fence": 1}, {"bench": bench_name}):
        assert agent.post(f"/leases/{MINE}/return", json=back).status_code == 204

    view = api.get(f"/jobs/{job_id}").json()
    assert (view["state"], view["attempts"][0]["state"]) == ("queued", "returned")
    assert api.get(f"/attempts/{lease['attempt_id']}/energy").json()["absent"].startswith("the agent handed")
    gone = ask(agent, bench_name, MINE)
    assert (gone.status_code, gone.json()["code"]) == (409, "lease_lost")
    again = ask(agent, bench_name, "f" * 12).json()
    assert (again["job_id"], again["attempt"], again["fence"]) == (job_id, 2, 2)


def test_an_attempt_that_began_is_not_handed_back(
    api: httpx.Client, agent: httpx.Client, lease: dict[str, Any], bench_name: str
) -> None:
    """409 attempt_began, and another fence is 409 lease_lost."""
    url = f"/leases/{lease['lease_id']}/return"

    began = agent.post(url, json={"bench": bench_name})
    stale = agent.post(url, json={"bench": bench_name, "fence": 10**30})

    assert (began.status_code, began.json()["code"]) == (409, "attempt_began")
    assert (stale.status_code, stale.json()["code"]) == (409, "lease_lost")
    assert api.get(f"/jobs/{lease['job_id']}").json()["state"] == "running"


@pytest.mark.parametrize(
    ("path", "body", "status"),
    [
        (f"{MINE}/return", {"bench": "another"}, 403),
        (f"{MINE}/return", {}, 422),
        (f"{MINE}/return", {"bench": "a/b"}, 422),
        (f"{MINE}/return", {"bench": "x", "fence": 0}, 422),
        ("nonsense/return", {"bench": "x"}, 422),
        ("", {"bench": "x", "lease_id": "NONSENSE"}, 422),
    ],
)
def test_bad_returns_are_refused(agent: httpx.Client, path: str, body: dict[str, Any], status: int) -> None:
    """Another's bench, and ids of another form."""
    assert agent.post(f"/leases/{path}".rstrip("/"), json=body).status_code == status


@pytest.fixture
def services(tmp_path: Path) -> Iterator[Services]:
    """The parts of a server with one bench; nothing runs."""
    settings = Settings(data_dir=tmp_path)
    store = Store(settings)
    schema_revision.upgrade(store.db)
    store.benches.register(bench_record(), ADMIN)
    yield build(settings, store)
    store.close()


@pytest.mark.parametrize("lease_id", [None, MINE])
def test_a_lease_that_nobody_hears_of_goes_back(services: Services, lease_id: str | None) -> None:
    """A client that is there before the claim and gone behind it leaves its job queued and uncounted."""
    made = services.store.jobs.submit(JobSpec.model_validate(job(max_attempts=1)), ADMIN)
    answers = iter([False, True])

    async def is_disconnected() -> bool:
        return next(answers)

    async def main() -> object:
        services.wake.bind()
        wanted = LeaseRequest(bench="bench-a", wait_s=0, lease_id=lease_id)
        request: Any = SimpleNamespace(is_disconnected=is_disconnected)
        return await lease_routes.claim_lease(wanted, request, services, ADMIN)

    assert getattr(asyncio.run(main()), "status_code", None) == 204
    view = services.store.jobs.get(made.id)
    assert (view.state, [attempt.state for attempt in view.attempts]) == ("queued", ["returned"])
