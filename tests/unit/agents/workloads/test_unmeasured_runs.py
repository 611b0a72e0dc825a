"""Warm-up and ranging runs of long scenarios are cut short; measured runs never are."""

from __future__ import annotations

from typing import Any

import pytest

from neurorig_agents.workloads.prepared import prepare
from neurorig_protocols.board import RunOutput
from neurorig_protocols.job import JobSpec
from neurorig_protocols.plan import PhaseName


def work(scenario: dict[str, Any], **plan: Any) -> Any:
    """The prepared work of a small problem in a scenario."""
    workload = {"name": "qubo-mis", "n": 10, "density": 0.25, "seed": 0, "scenario": scenario}
    return prepare(JobSpec.model_validate({"workload": workload, "plan": plan}), "session", {})


FIXED = {"kind": "fixed-timeout", "timeout_s": 100.0}
TTS = {"kind": "time-to-solution", "limit_s": 60.0}
SHORT = {"kind": "fixed-timeout", "timeout_s": 0.01}


@pytest.mark.parametrize(
    ("scenario", "phase", "limit_s"),
    [
        (FIXED, "run", 100.0), (FIXED, "warmup", 1.0), (FIXED, None, 1.0),
        (TTS, "run", 60.0), (TTS, "warmup", 1.0), (SHORT, "warmup", 0.01), (SHORT, None, 0.01),
    ],
)  # fmt: skip
def test_only_unmeasured_runs_are_cut(scenario: dict[str, Any], phase: PhaseName | None, limit_s: float) -> None:
    """A measured run has its whole limit; the others end after a second at most."""
    assert work(scenario).batch(phase, 0, 0).meta["limit_s"] == limit_s


@pytest.mark.parametrize(
    ("scenario", "warmup_s", "limit_s"), [(FIXED, 30.0, 30.0), (FIXED, 500.0, 100.0), (TTS, 0.2, 0.2), (SHORT, 5, 0.01)]
)
def test_a_plan_may_ask_for_another_warmup(scenario: dict[str, Any], warmup_s: float, limit_s: float) -> None:
    """Longer or shorter, never longer than the run itself; the ranging run is not asked about."""
    made = work(scenario, warmup_s=warmup_s)

    assert made.batch("warmup", 0, 0).meta["limit_s"] == limit_s
    assert made.batch(None, 0, 0).meta["limit_s"] == min(1.0, made.batch("run", 0, 0).meta["limit_s"])


@pytest.mark.parametrize(
    ("scenario", "stopped_by", "share"),
    [(FIXED, "timeout", 0.01), (SHORT, "timeout", 1.0), (TTS, "target", 1.0), (TTS, "timeout", 1 / 60)],
)
def test_share_tells_how_much_of_a_run_was_done(scenario: dict[str, Any], stopped_by: str, share: float) -> None:
    """The sample rate and the time left are reckoned from the whole run, not from its first second."""
    output = RunOutput({"stopped_by": stopped_by})

    assert work(scenario).share(output) == pytest.approx(share)
