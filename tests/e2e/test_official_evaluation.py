"""An official evaluation from the declaration to measured attempts, on a VIRTUAL bench of real processes."""

from __future__ import annotations

import secrets

import pytest
from house import House

from neurorig import ApiError
from neurorig.cli.documents import round_of
from neurorig_protocols.benchmarks import evaluation
from neurorig_protocols.benchmarks.tuning import TuningDeclaration

pytestmark = pytest.mark.e2e

DECLARATION = {
    "benchmark": "qubo-mis",
    "board": "virtual-loihi",
    "solver": "nebm-sa",
    "params": {"kind": "geometric", "levels": {"expression": "16 if n < 100 else 32"}},
}
ASKED = {"sizes": [25], "densities": [0.1], "scenario": {"kind": "fixed-timeout", "timeout_s": 0.002}}


def test_frozen_parameters_reach_the_board_and_drawn_seeds_are_official(house: House) -> None:
    """The agent runs the drawn graphs with the declared parameters, and anybody can recompute the seeds."""
    house.server()
    _, bench = house.lab("virtual-loihi")
    house.agent(bench)
    client = house.client()
    digest = client.declare_tuning(DECLARATION).digest
    opened = client.open_evaluation(comment="end to end")

    frozen = client.freeze_evaluation(opened.id, digest, nonce=secrets.token_hex(16))
    jobs = client.wait(client.submit_evaluation(opened.id, ASKED).jobs, poll_s=0.1)

    checks = evaluation.verify(round_of(frozen.model_dump(mode="json")), TuningDeclaration.model_validate(DECLARATION))
    assert all(check.well for check in checks)
    assert {job.spec.workload.seed for job in jobs} == set(frozen.seeds or ())
    for job in jobs:
        attempt = client.attempt(job.attempts[-1].id)
        assert (attempt.state, attempt.standing and attempt.standing.name) == ("succeeded", "official-evaluation")
        assert attempt.answer is not None
        assert attempt.answer.verified is not None
    workload = {"name": "qubo-mis", "n": 25, "density": 0.1, "seed": 0, "scenario": ASKED["scenario"]}
    solver = {"name": "nebm-sa", "tuning": digest, "params": {"kind": "geometric", "levels": 17}}
    with pytest.raises(ApiError, match="frozen declaration") as caught:
        client.submit({"workload": workload, "solver": solver, "needs": {"board": "virtual-loihi"}})
    assert (caught.value.code, caught.value.fields[0].message) == ("per_instance_tuning", "declared 16, given 17")
