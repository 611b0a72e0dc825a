"""Somebody's own problem: uploaded to a real server, run by a real agent on this computer, recomputed exactly."""

from __future__ import annotations

import json
from fractions import Fraction
from itertools import product
from pathlib import Path
from typing import Any

import dimod
import httpx
import numpy as np
import pytest
from click.testing import CliRunner
from house import House

from neurorig.cli.main import cli
from neurorig.demo.lab import host_bench
from neurorig.errors import ApiError
from neurorig_protocols.workloads.qubo.problem_file import from_bytes
from neurorig_protocols.workloads.qubo.qubo_records import unpack_bits

pytestmark = pytest.mark.e2e

PROBLEM = """c a small problem with decimals
p qubo 0 6 4 6
0 0 -1.5
1 1 -1
2 2 0.75
4 4 -2.25
0 1 3
1 2 0.25
0 3 -2
3 4 1.5
4 5 -0.75
2 5 -1
"""


def best_value() -> Fraction:
    """Search all solutions of the problem as it stands in the text."""
    rows = [line.split() for line in PROBLEM.splitlines()[2:]]
    return min(
        sum((Fraction(w) * x[int(i)] * x[int(j)] for i, j, w in rows), Fraction(0)) for x in product((0, 1), repeat=6)
    )


def host_agent(house: House) -> None:
    """Start an agent on this computer."""
    bench = house.root / "host.toml"
    bench.write_text(host_bench(Path("/nowhere")))
    house.agent(bench)


def test_an_uploaded_problem_is_run_and_recomputed(house: House) -> None:
    """File, job, agent, solver and recomputation agree on the optimum, in integers and in the file's own unit."""
    house.server()
    host_agent(house)
    client = house.client()
    file = client.upload(PROBLEM.encode(), kind="qubo", name="small.qubo")
    problem = from_bytes(client.file_content(file.digest))
    optimum = best_value()
    cost = (optimum - Fraction(problem.offset)) / Fraction(problem.scale)
    scenarios = [
        {"kind": "fixed-timeout", "timeout_s": 0.05},
        {"kind": "time-to-solution", "limit_s": 5, "gaps": [0.0], "reference": "given", "target_cost": int(cost)},
    ]

    workload = {"name": "qubo", "problem": file.digest}
    jobs = client.wait([client.submit({"workload": {**workload, "scenario": s}}).id for s in scenarios], poll_s=0.1)

    assert cost.denominator == 1
    for job in jobs:
        attempt = client.attempt(job.attempts[-1].id)
        assert attempt.state == "succeeded", attempt
        assert attempt.quality == "valid", attempt
        assert attempt.answer is not None
        verified = attempt.answer.verified
        assert verified is not None
        assert (verified.cost, verified.value) == (int(cost), float(optimum))
        assert attempt.answer.solution is not None
        assert problem.cost(unpack_bits(attempt.answer.solution, 6).astype(np.uint8)) == verified.cost
    page = httpx.get(
        f"{house.url}/attempts/{jobs[0].attempts[-1].id}",
        cookies={"neurorig_token": house.token_file.read_text().strip()},
    ).text
    assert "small.qubo: n = 6" in page
    assert "own unit" in page
    last = client.attempt(jobs[1].attempts[-1].id).answer
    assert last is not None
    assert last.verified is not None
    assert [reached.cost for reached in last.verified.reached] == [int(cost)]


def test_the_answer_comes_back_by_the_submitters_names(house: House, tmp_path: Path) -> None:
    """A dimod model with names is submitted from the terminal; terminal, client and page name the ground state."""
    house.server()
    host_agent(house)
    names = ["b<i>", "left, 1", "a"]
    model = dimod.BinaryQuadraticModel({names[0]: -1.0, names[1]: 2.0, names[2]: -1.0}, {}, 0.5, "BINARY")
    path = tmp_path / "named.json"
    path.write_text(json.dumps(model.to_serializable()))
    env = {"NEURORIG_SERVER": house.url, "NEURORIG_TOKEN": house.token_file.read_text().strip()}

    def cli_json(*arguments: str) -> Any:
        """Run a command."""
        result = CliRunner().invoke(cli, [*arguments, "--json"], env=env)
        assert result.exit_code == 0, result.output
        return json.loads(result.stdout)

    submitted = cli_json("submit", "qubo", str(path), "--timeout", "0.05", "--wait")
    found = cli_json("solution", submitted[0]["id"])

    assert found["solution"] == {"b<i>": 1, "left, 1": 0, "a": 1}
    assert model.energy(found["solution"]) == found["value"] == -1.5
    assert set(house.client().solution(found["attempt"]).ones) == {"b<i>", "a"}
    page = httpx.get(f"{house.url}/attempts/{found['attempt']}", cookies={"neurorig_token": env["NEURORIG_TOKEN"]}).text
    assert "<li>b&lt;i&gt;</li>" in page


def test_a_job_for_a_problem_that_nobody_uploaded_is_refused(house: House) -> None:
    """The digest is named before anything is queued."""
    house.server()
    scenario = {"kind": "fixed-timeout", "timeout_s": 0.05}
    workload = {"name": "qubo", "problem": "sha256:" + "0" * 64, "scenario": scenario}

    with pytest.raises(ApiError) as refused:
        house.client().submit({"workload": workload}, wait_for_bench=True)

    assert (refused.value.status, refused.value.code) == (422, "unknown_file")
    assert refused.value.fields[0].field == "workload.problem"


def test_a_file_that_is_gone_fails_the_job_and_the_agent_goes_on(house: House) -> None:
    """Bytes lost from the object store are a clear failure of the infrastructure, not a hang."""
    house.server()
    host_agent(house)
    client = house.client()
    file = client.upload(PROBLEM.encode(), kind="qubo", name="small.qubo")
    key = file.digest.removeprefix("sha256:")
    (house.root / "data" / "traces" / "files" / key[:2] / key).unlink()
    scenario = {"kind": "fixed-timeout", "timeout_s": 0.05}

    (job,) = client.wait(
        [client.submit({"workload": {"name": "qubo", "problem": file.digest, "scenario": scenario}}).id], poll_s=0.1
    )

    assert job.state == "failed"
    assert job.error is not None
    assert (job.error.code, job.error.fault) == ("input_missing", "infra")
