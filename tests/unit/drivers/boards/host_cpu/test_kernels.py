"""Our own kernels as solvers of the board: labels, refusals, pinning."""

from __future__ import annotations

import os

import numpy as np
import pytest
from host_cpu_kit import CONFIG, artifact, batch, load

from neurorig_drivers.boards.host_cpu import HostCpu, cpu_driver
from neurorig_drivers.boards.host_cpu.own_kernels import KernelMis, KernelTabu
from neurorig_drivers.boards.solving.problem import Problem
from neurorig_drivers.boards.solving.scenarios import Window
from neurorig_drivers.interface import MarkerLog
from neurorig_protocols.bench import BoardConfig
from neurorig_protocols.board import Artifact
from neurorig_protocols.errors import InvalidConfig, UserError

OWN = ("neurorig-tabu", "neurorig-sa", "neurorig-mis")


def triangle(diagonal=(-1, -1, -1), weights=(4, 4, 4)) -> Problem:
    """Return three variables, coupled all round."""
    return Problem(3, np.array(diagonal), np.array([0, 0, 1]), np.array([1, 2, 2]), np.array(weights))


@pytest.mark.parametrize(
    ("problem", "reason"),
    [
        (triangle(diagonal=(-1, -2, -1)), "diagonal"),
        (triangle(diagonal=(1, 1, 1)), "diagonal"),
        (triangle(diagonal=(0, 0, 0)), "diagonal"),
        (triangle(weights=(4, -4, 4)), "an edge costs -8"),
        (triangle(diagonal=(-9, -9, -9)), "an edge costs 8, less than the 9"),
    ],
)
def test_other_qubos_are_refused_by_the_set_search(problem, reason):
    """A QUBO whose best answer need not be an independent set is refused, with the reason and another solver."""
    with pytest.raises(UserError, match=reason) as refusal:
        KernelMis().prepare(problem, {})

    assert "neurorig-tabu" in (refusal.value.next_step or "")


def test_a_scaled_set_problem_is_solved_in_its_own_unit():
    """Where a vertex gains 6, costs and targets are multiples of 6; a target in between asks for the next lower."""
    search = KernelMis().prepare(triangle(diagonal=(-6, -6, -6), weights=(3, 3, 3)), {})
    found = search.run(1.0, -5, 0, Window(None, 0, MarkerLog()))

    assert (found.cost, found.improvements[-1][1], found.bits.sum()) == (-6, -6, 1)


def test_pairs_of_no_weight_are_no_edges():
    """A stored pair of weight 0 does not keep two vertices apart."""
    search = KernelMis().prepare(triangle(weights=(4, 0, 0)), {})

    assert search.run(1.0, -2, 0, Window(None, 0, MarkerLog())).cost == -2


def test_costs_beyond_int64_are_refused():
    """Coefficients whose sum int64 might not hold are the user's error, not a wrong cost."""
    with pytest.raises(UserError, match="exactly"):
        KernelTabu().prepare(triangle(weights=(2**60, 2**60, 2**60)), {})


@pytest.mark.parametrize("solver", OWN)
def test_results_say_how_they_came_about(loaded, solver):
    """Each result counts its steps, names its core and one thread; the set search says that it is problem-specific."""
    meta = loaded.run(batch(solver=solver), MarkerLog()).meta

    assert meta["steps"] > 0
    assert meta["threads"] == 1
    assert meta["pinned_core"] in cpu_driver.allowed_cores()
    assert ("problem_specific" in meta) == (solver == "neurorig-mis")


@pytest.mark.parametrize("solver", OWN)
def test_the_solver_stops_itself_at_the_target(loaded, solver):
    """A reachable target ends the search long before its limit."""
    output = loaded.run(batch("time-to-solution", limit_s=60, targets=[-15], solver=solver), MarkerLog())

    assert output.meta["stopped_by"] == "target"
    assert output.meta["solver_cost"] <= -15


def test_a_run_is_pinned_and_set_free_again(warm):
    """During a run the thread keeps to the chosen core, afterwards to the cores of before, after a failure as well."""

    class Watch(MarkerLog):
        def begin(self, phase, index):
            seen.append(os.sched_getaffinity(0))
            super().begin(phase, index)

    seen: list[set[int]] = []
    before = os.sched_getaffinity(0)
    board = load(warm, artifact(20))
    output = board.run(batch(), Watch())
    with pytest.raises(UserError):
        board.run(batch(solver="gurobi"), Watch())

    assert seen == [{output.meta["pinned_core"]}]
    assert os.sched_getaffinity(0) == before


def test_the_core_may_be_chosen():
    """An option names the core, the board's notes repeat it, and a core that may not be used is refused."""
    first = min(os.sched_getaffinity(0))
    board = HostCpu(BoardConfig(driver="host-cpu", options={"core": first}))
    output = load(board, artifact(10)).run(batch(), MarkerLog())

    assert output.meta["pinned_core"] == first
    assert any(f"pinned to core {first}" in note for note in board.info.notes)
    for wrong in (100_000, -1, "0", True):
        with pytest.raises(InvalidConfig, match="core"):
            HostCpu(BoardConfig(driver="host-cpu", options={"core": wrong}))


def test_a_system_that_cannot_pin_says_so(monkeypatch):
    """Where threads cannot be pinned, a run is not, and the notes and the result say it."""
    monkeypatch.setattr(cpu_driver, "allowed_cores", lambda: ())
    board = HostCpu(CONFIG)
    output = load(board, artifact(10)).run(batch(), MarkerLog())

    assert output.meta["pinned_core"] is None
    assert any("pinned to none" in note for note in board.info.notes)


def test_compilation_is_no_set_up_time():
    """The first run of a kernel compiles or loads it, and tells the set-up of the problem alone."""
    board = load(HostCpu(CONFIG), artifact(10))
    output = board.run(batch(solver="neurorig-mis"), MarkerLog())

    assert output.meta["setup_s"] < 0.1


def test_the_set_search_takes_no_general_problem(warm):
    """Through the board too a general QUBO is refused, and the board goes on working."""
    general = triangle(diagonal=(3, -2, 1))
    arrays = {name: getattr(general, name) for name in ("diagonal", "rows", "cols", "weights")}
    board = load(warm, Artifact("qubo", {"n": 3}, arrays))
    with pytest.raises(UserError, match="independent sets only"):
        board.run(batch(solver="neurorig-mis"), MarkerLog())

    assert board.run(batch(solver="neurorig-sa"), MarkerLog()).meta["solver_cost"] == -2
