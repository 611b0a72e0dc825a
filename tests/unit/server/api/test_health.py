"""Routes for those who run the server."""

from __future__ import annotations

import httpx
from prometheus_client.parser import text_string_to_metric_families
from server_kit import Server

from neurorig_server.store import schema_revision


def test_alive_and_ready_without_a_token(shared_server: Server) -> None:
    """Anyone may ask whether the server runs; ready names the schema revision."""
    assert httpx.get(f"{shared_server.url}/healthz").json() == {"status": "ok"}
    assert httpx.get(f"{shared_server.url}/readyz").json() == {"status": "ready", "revision": schema_revision.head()}


def test_metrics_tell_of_queue_attempts_and_requests(shared_server: Server, api: httpx.Client) -> None:
    """The page is Prometheus text; requests are counted by route template, so that ids make no labels."""
    api.get("/jobs/000000000000")

    page = httpx.get(f"{shared_server.url}/metrics")

    families = {f.name: f for f in text_string_to_metric_families(page.text)}
    states = {s.labels["state"] for s in families["neurorig_jobs"].samples}
    assert {"queued", "running", "succeeded"} <= states
    assert {"neurorig_attempts", "neurorig_oldest_queued_seconds", "neurorig_lease_expiries"} <= set(families)
    routes = {s.labels["route"] for s in families["neurorig_request_seconds"].samples}
    assert "/api/v1/jobs/{job_id}" in routes
    assert not any("000000000000" in route for route in routes)


def test_not_ready_while_the_schema_differs(start_server: object) -> None:
    """A database that was changed under the server is reported with 503."""
    from sqlalchemy import create_engine, text

    server: Server = start_server()
    engine = create_engine(f"sqlite:///{server.data_dir / 'neurorig.db'}")
    with engine.begin() as connection:
        connection.execute(text("UPDATE alembic_version SET version_num = '9999'"))
    engine.dispose()

    answer = httpx.get(f"{server.url}/readyz")

    assert (answer.status_code, answer.json()["code"]) == (503, "schema_differs")
    assert httpx.get(f"{server.url}/healthz").status_code == 200
