"""Pages of jobs that name uploaded files."""

from __future__ import annotations

from html import escape

import httpx
from server_kit import Server, job

NAME = "<script>alert(1)</script>"


def test_a_job_page_says_what_its_problem_is(shared_server: Server) -> None:
    """Name (as text, whatever it holds), size, unit, digest and a link to the bytes."""
    scenario = {"kind": "fixed-timeout", "timeout_s": 0.01}
    with shared_server.client() as api:
        file = api.post(
            "/files",
            params={"kind": "qubo", "name": NAME, "format": "coo", "vartype": "binary"},
            content=b"0 0 0.25\n0 2 1.5\n",
            headers={"Content-Type": "application/octet-stream"},
        ).json()
        workload = {"name": "qubo", "problem": file["digest"], "scenario": scenario}
        body = {**job("nowhere"), "workload": workload}
        job_id = api.post("/jobs", json=body, params={"wait_for_bench": "true"}).json()["id"]

    cookies = {"neurorig_token": shared_server.token}
    with httpx.Client(base_url=shared_server.url, cookies=cookies) as browser:
        page = browser.get(f"/jobs/{job_id}").text
        queue = browser.get("/").text

        assert NAME not in page
        for part in (escape(NAME), "n = 3", "1 couplings", "0.25 × cost", file["digest"]):
            assert part in page
        assert file["digest"][:19] in queue
        link = f"/api/v1/files/{file['digest']}/content"
        assert f'href="{link}"' in page
        assert browser.get(link).status_code == 200
