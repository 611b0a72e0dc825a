"""`neurorig submit snn`, and how its answer is shown."""

from __future__ import annotations

from typing import Any

import pytest
from click.testing import CliRunner
from rich.console import Console
from whole_answers import record

from neurorig.cli import tables
from neurorig.cli.main import cli
from neurorig_protocols.api.attempts import AttemptView
from neurorig_protocols.job import JobSpec
from neurorig_protocols.workloads.snn.snn_records import Snn

MODEL, EVENTS = f"sha256:{'a' * 64}", f"sha256:{'b' * 64}"


@pytest.fixture
def invoke(stand_in: Any) -> Any:
    """Run the command against the stand-in server."""
    settings = {"NEURORIG_SERVER": stand_in.url, "NEURORIG_TOKEN": "nrg_test"}
    return lambda *arguments: CliRunner().invoke(cli, ["submit", "snn", *arguments], env=settings)


def test_digests_go_into_the_job(invoke: Any, stand_in: Any, bodies: Any) -> None:
    """Files that were uploaded before are named by their digests; the options are the workload."""
    stand_in.answers["POST /api/v1/jobs"] = (201, bodies.job("j1"))

    result = invoke("--model", MODEL, "--events", EVENTS, "--steps", "50", "--samples", "4", "--dt", "0.001")

    assert result.exit_code == 0, result.output
    spec = JobSpec.model_validate(stand_in.requests[-1]["body"])
    assert spec.workload == Snn(name="snn", model=MODEL, events=EVENTS, steps=50, samples=4, dt=0.001)


def test_a_file_that_is_not_there_is_told(invoke: Any, stand_in: Any) -> None:
    """Nothing is submitted when a file cannot be read."""
    result = invoke("--model", "nowhere.nir", "--events", EVENTS, "--steps", "50")

    assert result.exit_code != 0
    assert "nowhere.nir" in result.output
    assert not [r for r in stand_in.requests if r["method"] == "POST"]


def test_the_answer_says_what_was_not_recomputed(bodies: Any) -> None:
    """Spikes, rounding, times with their clock, and the limit of the check."""
    verified = {
        "kind": "snn", "output_spikes": 17, "spikes": 30, "silent_samples": 1, "winners": [0],
        "recomputed": "what was run again", "not_recomputed": "the counts themselves",
    }  # fmt: skip
    answer = {
        "kind": "snn", "samples": 3, "steps": 10, "outputs": 2, "solve_s": 0.01, "clock": "dut",
        "quantisation": {"populations": [{"name": "hidden", "weight_error": 0.002}]}, "verified": verified,
    }  # fmt: skip
    attempt = record(AttemptView, bodies.attempt("a1") | {"answer": answer})
    console = Console(width=200)

    with console.capture() as captured:
        console.print(tables.attempt_facts(attempt))

    text = captured.get()
    for part in (
        "2 outputs, 3 samples",
        "output spikes",
        "at most 0.2",
        "clock dut",
        "what was run again",
        "the counts themselves",
    ):
        assert part in text
