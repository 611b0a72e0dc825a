"""A workload in a package of its own: from REST over agent and page to the terminal, without touching ours."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import httpx
import pytest
from house import House

from neurorig.demo.lab import host_bench

pytestmark = [pytest.mark.e2e, pytest.mark.timeout(300)]

EXAMPLE = Path(__file__).parents[2] / "examples" / "partition-workload"
WORKLOAD = {"name": "number-partition", "numbers": [4, 5, 6, 7, 8], "timeout_s": 0.01}


@pytest.fixture(scope="module")
def installed(tmp_path_factory: pytest.TempPathFactory) -> str:
    """The example, built and installed as its users would, in a folder of its own."""
    folder = tmp_path_factory.mktemp("site")
    pip = [sys.executable, "-m", "pip", "install", "--quiet", "--disable-pip-version-check", "--no-deps"]
    subprocess.run([*pip, "--target", str(folder), str(EXAMPLE)], check=True)
    return str(folder)


@pytest.fixture
def lab(house: House, installed: str) -> House:
    """A server and an agent on this computer that have the workload installed."""
    house.settings["PYTHONPATH"] = installed
    house.server()
    bench = house.root / "host.toml"
    bench.write_text(host_bench(Path("/nowhere")))
    house.agent(bench)
    return house


def command(house: House, *arguments: str, **settings: str) -> str:
    """Return what a `neurorig` command prints."""
    env = {**os.environ, "NEURORIG_SERVER": house.url, "NEURORIG_TOKEN": house.token_file.read_text().strip()}
    argv = [sys.executable, "-m", "neurorig", *arguments]
    return subprocess.run(argv, env={**env, **settings}, check=True, capture_output=True, text=True).stdout


def test_a_workload_of_another_package_runs_end_to_end(lab: House, installed: str) -> None:
    """It is submitted by REST, measured on a board of ours, verified, and shown on the page and in the terminal."""
    headers = {"Authorization": f"Bearer {lab.token_file.read_text().strip()}"}
    with httpx.Client(base_url=lab.url, headers=headers, timeout=30) as api:
        answer = api.post("/api/v1/jobs", json={"workload": WORKLOAD})
        assert answer.status_code == 201, answer.text
        client = lab.client()
        (job,) = client.wait([answer.json()["id"]])
        assert job.last_attempt is not None
        attempt = api.get(f"/api/v1/attempts/{job.last_attempt.id}").json()
        page = api.get(f"/attempts/{job.last_attempt.id}", headers={"Accept": "text/html"}).text
        queue = api.get("/", headers={"Accept": "text/html"}).text
        schemas = api.get("/api/v1/openapi.json").json()["components"]["schemas"]

    assert (job.state, attempt["quality"]) == ("succeeded", "valid"), attempt
    assert attempt["answer"]["verified"] == {"kind": "number-partition", "sums": [15, 15], "difference": 0}
    assert "Difference of the sums" in page
    assert "sums 15 and 15, computed by the server" in page
    assert "number-partition, 5 numbers" in queue
    assert {"PartitionSpec", "PartitionAnswerView"} <= set(schemas)
    shown = command(lab, "show", job.id, PYTHONPATH=installed)
    assert "0 (sums 15 and 15, computed by the server)" in shown
    assert "number-partition, 5 numbers, fixed timeout 10 ms" in shown


def test_a_client_without_the_package_reads_the_job_all_the_same(lab: House) -> None:
    """Whoever has not installed the workload sees its fields as they were sent, and nothing breaks."""
    client = lab.client()
    job = client.submit({"workload": WORKLOAD})
    (done,) = client.wait([job.id])

    assert done.state == "succeeded"
    assert done.spec.workload.name == "number-partition"
    assert "number-partition" in command(lab, "show", job.id)


def test_its_fields_are_checked_like_ours(lab: House) -> None:
    """A bad field is named with its path; another name lists the installed workloads."""
    headers = {"Authorization": f"Bearer {lab.token_file.read_text().strip()}"}
    with httpx.Client(base_url=lab.url, headers=headers, timeout=30) as api:
        wrong = api.post("/api/v1/jobs", json={"workload": {**WORKLOAD, "numbers": [4, 0]}}).json()
        unknown = api.post("/api/v1/jobs", json={"workload": {**WORKLOAD, "name": "number-partitions"}}).json()

    assert "workload.numbers[1]" in [error["field"] for error in wrong["errors"]]
    assert "number-partition" in unknown["errors"][0]["message"]
