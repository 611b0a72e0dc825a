"""An uploaded problem between a job and a board."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest

from neurorig_agents.workloads.prepare_qubo import QuboFileWork
from neurorig_agents.workloads.prepared import prepare
from neurorig_protocols.board import RunOutput
from neurorig_protocols.errors import InfraError, JobError, WrongAnswer
from neurorig_protocols.job import JobSpec
from neurorig_protocols.onboard import OnboardPower
from neurorig_protocols.quantities import Absent
from neurorig_protocols.workloads.qubo.formats import read
from neurorig_protocols.workloads.qubo.problem_file import digest_of, to_bytes

PROBLEM = read(b"# vartype=BINARY\n0 0 -1\n0 1 3\n2 2 5\n").problem
DIGEST = digest_of(PROBLEM)
FIXED = {"kind": "fixed-timeout", "timeout_s": 0.5}


def spec(scenario: dict[str, Any]) -> JobSpec:
    """A job for the problem."""
    return JobSpec.model_validate({"workload": {"name": "qubo", "problem": DIGEST, "scenario": scenario}})


def work(folder: Path, scenario: dict[str, Any], content: bytes | None = None) -> QuboFileWork:
    """The job's work, with its file fetched."""
    path = folder / "problem"
    path.write_bytes(to_bytes(PROBLEM) if content is None else content)
    made = prepare(spec(scenario), "attempt-1", {DIGEST: path})
    assert isinstance(made, QuboFileWork)
    return made


def output(**meta: Any) -> RunOutput:
    """What a board gives for the fixed timeout."""
    facts = {
        "solver": "s",
        "solver_cost": -2,
        "requested_s": 0.5,
        "solve_s": 0.5,
        "stopped_by": "timeout",
        "windows": 1,
    }
    arrays = {
        "solution": np.array([1, 0, 0], np.uint8),
        "improvement_s": np.zeros(1),
        "improvement_cost": np.array([-2]),
        "reached_s": np.zeros(0),
    }
    return RunOutput(facts | meta, arrays)


def test_the_board_sees_the_integers(tmp_path: Path) -> None:
    """Arrays are those of the file; the scale stays with its owner."""
    made = work(tmp_path, FIXED)

    assert made.artifact.arrays["diagonal"].tolist() == PROBLEM.diagonal.tolist() == [-2, 0, 10]
    assert made.artifact.arrays["weights"].tolist() == [3]
    assert made.artifact.meta["n"] == 3
    assert made.longest_s == 0.5


def test_gaps_are_measured_from_the_jobs_target(tmp_path: Path) -> None:
    """The cost that the server wrote into the job counts."""
    scenario = {"kind": "time-to-solution", "gaps": [0.5, 0.0], "limit_s": 1, "reference": "given", "target_cost": -2}

    batch = work(tmp_path, scenario).batch("run", 0, 0)

    assert batch.arrays["target_costs"].tolist() == [-1.0, -2.0]


@pytest.mark.parametrize("target", [None, 0])
def test_no_target_no_time_to_solution(tmp_path: Path, target: int | None) -> None:
    """Without a target, or with one of 0, no gap is defined."""
    with pytest.raises(JobError, match="no target"):
        work(tmp_path, {"kind": "time-to-solution", "limit_s": 1, "reference": "given", "target_cost": target})


def test_a_bound_of_the_boards_own_cost_comes_along(tmp_path: Path) -> None:
    """A board that rounds weights says by how much its cost may be off; others are exact."""
    made = work(tmp_path, FIXED)

    assert made.answer(output(), 0).cost_error_bound == 0
    assert made.answer(output(cost_error_bound=4), 0).cost_error_bound == 4
    assert "cost_error_bound" not in made.answer(output(cost_error_bound=4), 0).activity
    with pytest.raises(WrongAnswer):
        made.answer(output(cost_error_bound="much"), 0)


def test_large_costs_keep_their_last_digit(tmp_path: Path) -> None:
    """Whole numbers beyond 2^53 do not pass through a float."""
    cost = -(2**60) - 1

    assert work(tmp_path, FIXED).answer(output(solver_cost=cost), 0).solver_cost == cost


def test_a_file_that_is_no_problem_is_the_jobs_fault(tmp_path: Path) -> None:
    """And one that is not there is the bench's."""
    with pytest.raises(JobError, match="not a problem as neurorig keeps it"):
        work(tmp_path, FIXED, b"something else")
    with pytest.raises(InfraError, match="not at the bench"):
        prepare(spec(FIXED), "attempt-1", {})


ONBOARD = {
    "components": [{"component": "neurocores", "rails": ["vdd"], "mean_w": 0.7}],
    "chips_available": 8, "chips_allocated": 1, "pass_s": 2.0, "source": "made up",
}  # fmt: skip


def test_the_boards_own_power_goes_into_the_answer(tmp_path: Path) -> None:
    """A record, a reason or nothing; never a figure among the activity."""
    made = work(tmp_path, FIXED)
    silent = {"reason_code": "board_not_pinned", "reason": "none is pinned"}
    known, why, none = (made.answer(output(onboard=told), 0) for told in (ONBOARD, silent, None))

    assert isinstance(known.onboard, OnboardPower)
    assert known.onboard.total_w == pytest.approx(0.7)
    assert isinstance(why.onboard, Absent)
    assert none.onboard is None
    assert known.activity == {}


def test_a_power_that_is_none_makes_the_answer_malformed(tmp_path: Path) -> None:
    """What a driver says of its sensors is checked like the rest of its output."""
    with pytest.raises(ValueError, match="onboard"):
        work(tmp_path, FIXED).answer(output(onboard={**ONBOARD, "pass_s": 0}), 0)
