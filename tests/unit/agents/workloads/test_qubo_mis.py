"""QUBO-MIS between a job and a board: problem, targets, seeds and the answer."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from neurorig_agents.workloads import prepare_qubo as module
from neurorig_agents.workloads.prepare_qubo import QuboMisWork
from neurorig_agents.workloads.prepared import prepare
from neurorig_protocols.board import RunOutput
from neurorig_protocols.errors import JobError, WrongAnswer
from neurorig_protocols.job import JobSpec, Solver
from neurorig_protocols.workloads.qubo import mis
from neurorig_protocols.workloads.qubo.qubo_records import QuboMis, unpack_bits

N = 25
FIXED = {"kind": "fixed-timeout", "timeout_s": 0.01}
TTS = {"kind": "time-to-solution", "gaps": [0.1, 0.05, 0.01], "limit_s": 2.0}


def work(scenario: dict[str, Any] | None = None, **solver: Any) -> QuboMisWork:
    """Return an official problem of 25 variables with a scenario."""
    workload = QuboMis(name="qubo-mis", n=N, density=0.05, seed=1, scenario=scenario or FIXED)
    return QuboMisWork(workload, Solver(**solver), "attempt-1")


def output(gaps: int = 0, **meta: Any) -> RunOutput:
    """Return what a board gives: vertex 0 alone, and the first gap reached in the second window."""
    bits = np.eye(1, N, dtype=np.uint8)[0]
    reached = np.array([0.004] + [np.nan] * (gaps - 1)) if gaps else np.zeros(0)
    facts = {
        "solver": "s", "solver_cost": -1, "requested_s": 0.01, "setup_s": None, "solve_s": 0.0101,
        "clock": "dut", "stopped_by": "timeout", "windows": 2, "spikes": 12, "note": "text", "flag": True,
        "nan": float("nan"), **meta,
    }  # fmt: skip
    return RunOutput(
        facts,
        {
            "solution": bits,
            "improvement_s": np.array([0.0, 0.001]),
            "improvement_cost": np.array([0, -1]),
            "reached_s": reached,
            "reached_window": np.ones(gaps, np.int64),
            "reached_solution": np.tile(bits, (gaps, 1)),
        },
    )


def test_the_artifact_is_the_problem() -> None:
    """Arrays are those of the benchmark's instance, with the attempt as session and the solver's parameters."""
    problem = mis.instance(N, 0.05, 1)
    artifact = work(params={"quantisation": "refuse"}).artifact

    assert artifact.meta == {"n": N, "session": "attempt-1", "params": {"quantisation": "refuse"}}
    assert {name: array.tolist() for name, array in artifact.arrays.items()} == {
        name: getattr(problem, name).tolist() for name in ("diagonal", "rows", "cols", "weights")
    }


def test_a_fixed_timeout_has_no_goals() -> None:
    """The batch of a fixed timeout carries the timeout as its limit and no targets."""
    batch = work(name="tabu", params={"tenure": 3}).batch("run", 4, 0)

    assert (batch.kind, batch.phase, batch.index) == ("qubo", "run", 4)
    assert batch.meta["scenario"] == "fixed-timeout"
    assert batch.meta["limit_s"] == 0.01
    assert (batch.meta["solver"], batch.meta["params"]) == ("tabu", {"tenure": 3})
    assert batch.meta["session"] == "attempt-1"
    assert [len(batch.arrays[name]) for name in ("gaps", "target_costs")] == [0, 0]
    assert work().longest_s == 0.01


def test_time_to_solution_has_the_targets_of_its_gaps() -> None:
    """Each gap has the largest cost that reaches it, from the official target."""
    target = mis.official_target(N, 0.05, 1)
    assert target is not None
    made = work(TTS)
    batch = made.batch("run", 0, 0)

    assert batch.arrays["gaps"].tolist() == [0.1, 0.05, 0.01]
    costs = [mis.target_cost(target.cost, gap) for gap in (0.1, 0.05, 0.01)]
    assert batch.arrays["target_costs"].tolist() == costs
    # One run per gap at worst.
    assert made.longest_s == 6.0


def test_trials_have_seeds_of_their_own() -> None:
    """Trial k runs with the job's seed + k, within 32 bits."""
    made = work(seed=2**32 - 2)

    assert [made.batch("run", 0, trial).meta["seed"] for trial in range(3)] == [2**32 - 2, 2**32 - 1, 0]


def test_no_target_is_the_jobs_fault() -> None:
    """A gap of a problem that nobody solved is refused with what to do."""
    workload = QuboMis(name="qubo-mis", n=11, density=0.33, seed=9, scenario=TTS)
    with pytest.raises(JobError, match=r"no target is known for n = 11, density = 0\.33, seed = 9") as refused:
        QuboMisWork(workload, Solver(), "")

    assert "fixed-timeout" in (refused.value.next_step or "")


def test_the_answer_says_what_the_board_gave() -> None:
    """Solution, cost, times on the board's clock, goals and activity; other keys are not activity."""
    answer = work(TTS).answer(output(3), 5)

    assert unpack_bits(answer.solution, N).tolist() == [1] + [0] * (N - 1)
    assert (answer.solver_cost, answer.solve_s, answer.setup_s, answer.clock) == (-1, 0.0101, None, "dut")
    assert answer.activity == {"spikes": 12.0}
    first, second, _ = answer.reached
    assert (first.gap, first.latency_s, first.window) == (0.1, 0.004, 6)
    assert first.solution == answer.solution
    assert (second.gap, second.latency_s, second.solution) == (0.05, None, None)
    assert [(p.t_s, p.cost) for p in answer.improvements] == [(0.0, 0), (0.001, -1)]


@pytest.mark.parametrize(
    ("meta", "message"),
    [
        ({"solver_cost": 1.5}, "1.5 as 'solver_cost'"),
        ({"solver_cost": None}, "None as 'solver_cost'"),
        ({"solve_s": float("inf")}, "inf as 'solve_s'"),
        ({"requested_s": "soon"}, "'soon' as 'requested_s'"),
    ],
)
def test_a_figure_that_is_none_is_a_wrong_answer(meta: dict[str, Any], message: str) -> None:
    """What should be a number and is not is named."""
    with pytest.raises(WrongAnswer, match=message):
        work().answer(output(**meta), 0)


@pytest.mark.parametrize("bits", [np.full(N, 2, np.uint8), np.zeros(N + 1, np.uint8)])
def test_bits_that_are_none_are_a_wrong_answer(bits: np.ndarray[Any, Any]) -> None:
    """A solution with other values or another length is refused."""
    given = output()
    with pytest.raises(WrongAnswer):
        work().answer(RunOutput(given.meta, given.arrays | {"solution": bits}), 0)


def test_a_long_list_keeps_its_end(monkeypatch: pytest.MonkeyPatch) -> None:
    """Of too many improvements the last ones are kept."""
    monkeypatch.setattr(module, "MAX_IMPROVEMENTS", 1)

    assert [p.cost for p in work().answer(output(), 0).improvements] == [-1]


def test_the_shortest_stretch_is_what_is_integrated() -> None:
    """Time to a gap counts as a window; a gap reached at once does not."""
    given = output(3)
    assert work(TTS).shortest_s(given) == 0.004
    given.arrays["reached_s"][0] = 0.0
    assert work(TTS).shortest_s(given) == 0.0101


@pytest.mark.parametrize(
    ("meta", "times"),
    [({}, []), ({"windows": 1}, [0.0101]), ({"window_s": [0.1, 0.2]}, [0.1, 0.2]), ({"window_s": [0.1]}, [])],
)
def test_window_times_are_the_boards_own(meta: dict[str, Any], times: list[float]) -> None:
    """A board that times its windows is believed; one that times another number of them is not."""
    assert work().window_times_s(output(**meta)) == times


def test_a_summary_is_plain_data() -> None:
    """The figures kept of every trial are JSON values, with None where a gap was not reached."""
    assert work(TTS).summary(output(3)) == {
        "solver_cost": -1, "solve_s": 0.0101, "stopped_by": "timeout", "windows": 2, "reached_s": [0.004, None, None],
    }  # fmt: skip


def test_a_job_finds_its_workload() -> None:
    """`prepare` builds the workload that the job names."""
    job = JobSpec.model_validate(
        {"workload": {"name": "qubo-mis", "n": N, "density": 0.05, "seed": 1, "scenario": FIXED}}
    )

    assert isinstance(prepare(job, "a", {}), QuboMisWork)
