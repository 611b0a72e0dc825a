"""What the host-cpu board accepts, refuses and says of itself."""

from __future__ import annotations

import math
from dataclasses import replace

import numpy as np
import pytest
from host_cpu_kit import CONFIG, artifact, batch, load

from neurorig_drivers.boards.host_cpu import HostCpu, cpu_driver
from neurorig_drivers.boards.host_cpu import cpu_driver as driver_module
from neurorig_drivers.boards.host_cpu.dwave import Tabu
from neurorig_drivers.boards.solving import scenarios
from neurorig_drivers.boards.solving.problem import read_problem
from neurorig_drivers.boards.solving.scenarios import Found
from neurorig_drivers.interface import MarkerLog
from neurorig_protocols.bench import BoardConfig
from neurorig_protocols.board import Artifact, Placement
from neurorig_protocols.errors import DoesNotFit, InfraError, InvalidConfig, JobError, UserError, WrongAnswer


def test_placement_says_what_the_solver_needs(warm):
    """The placement states one core and the memory of the dense matrix in its copies."""
    placement = warm.map(warm.compile(artifact(250, 0.05)))

    assert placement.cores == 1
    assert placement.memory_bytes >= 8 * 250 * 250
    assert 0 < placement.utilisation["memory"] < 1


def test_equal_problems_have_equal_digests(warm):
    """The digest follows the content, not the object."""
    digests = [warm.compile(artifact(20, 0.2, seed)).digest for seed in (0, 0, 1)]

    assert digests[0] == digests[1] != digests[2]


def test_a_problem_beyond_the_memory_does_not_fit(warm, monkeypatch):
    """A problem that no solver can hold is refused with need and limit; one that only tabu cannot hold, at its run."""
    compiled = warm.compile(artifact())
    monkeypatch.setattr(driver_module, "available_memory_bytes", lambda: 1000)
    with pytest.raises(DoesNotFit) as refusal:
        warm.map(compiled)
    assert refusal.value.detail["available"] == 1000 < refusal.value.detail["needed"]

    monkeypatch.setattr(driver_module, "available_memory_bytes", lambda: 100_000)
    warm.load(warm.map(compiled))
    with pytest.raises(DoesNotFit, match="memory"):
        warm.run(batch(), MarkerLog())
    assert warm.run(batch(solver="dwave-sa"), MarkerLog()).meta["solver_cost"] < 0


@pytest.mark.parametrize(
    "change",
    [
        {"rows": np.array([1]), "cols": np.array([1]), "weights": np.array([4])},
        {"rows": np.array([0, 0]), "cols": np.array([1, 1]), "weights": np.array([4, 4])},
        {"rows": np.array([0]), "cols": np.array([3]), "weights": np.array([4])},
        {"rows": np.array([-1]), "cols": np.array([1]), "weights": np.array([4])},
        {"rows": np.array([0]), "cols": np.array([1]), "weights": np.array([], int)},
        {"diagonal": np.array([-1, -1])},
        {"diagonal": np.array([-1.0, -1.0, -1.0])},
        {"diagonal": np.array([[-1, -1, -1]])},
    ],
)
def test_malformed_problems_are_refused(change):
    """Loops, repeated pairs, vertices out of range, unequal lengths and fractions are the job's error."""
    empty = np.array([], np.int64)
    arrays = {"diagonal": np.full(3, -1), "rows": empty, "cols": empty, "weights": empty, **change}

    with pytest.raises(JobError):
        read_problem(Artifact("qubo", {"n": 3}, arrays))


def test_a_problem_without_an_array_is_refused():
    """A missing array is named."""
    with pytest.raises(JobError, match="diagonal"):
        read_problem(Artifact("qubo", {"n": 3}, {}))


def test_a_mistyped_word_is_answered_with_the_valid_ones(loaded):
    """The message itself, which every table shows, holds the closest parameter or solver and all of them."""
    with pytest.raises(UserError) as parameter:
        loaded.run(batch(solver="neurorig-tabu", tenur=3), MarkerLog())
    with pytest.raises(UserError) as solver:
        loaded.run(batch(solver="neurorig-tab"), MarkerLog())

    assert "Did you mean 'tenure'? Its parameters: kick, patience, tenure" in parameter.value.message
    assert "Did you mean 'neurorig-tabu'?" in solver.value.message


@pytest.mark.parametrize(
    ("wrong", "message"),
    [
        ({"solver": "gurobi"}, "no solver 'gurobi'"),
        ({"scenario": "forever"}, "no scenario 'forever'"),
        ({"speed": 3}, "no parameter 'speed'"),
        ({"tenure": -1}, "tenure"),
        ({"tenure": True}, "tenure"),
        ({"solver": "dwave-sa", "beta_hot": 0}, "beta_hot"),
        ({"solver": "dwave-sa", "beta_cold": "cold"}, "beta_cold"),
        ({"solver": "dwave-sa", "num_sweeps": 0}, "num_sweeps"),
        ({"solver": "dwave-sa", "temperatures": "hot"}, "temperatures"),
        ({"solver": "neurorig-tabu", "tenure": 0}, "tenure"),
        ({"solver": "neurorig-tabu", "patience": 2**31}, "patience"),
        ({"solver": "neurorig-tabu", "kick": 1.5}, "kick"),
        ({"solver": "neurorig-tabu", "sample": 3}, "no parameter 'sample'"),
        ({"solver": "neurorig-sa", "temperature_hot": 0}, "temperature_hot"),
        ({"solver": "neurorig-sa", "temperature_cold": "cold"}, "temperature_cold"),
        ({"solver": "neurorig-sa", "first_anneal_s": -1}, "first_anneal_s"),
        ({"solver": "neurorig-sa", "first_anneal_s": 1e300}, "first_anneal_s"),
        ({"solver": "neurorig-sa", "temperature_hot": 1, "temperature_cold": 2}, "cools down"),
        ({"solver": "neurorig-mis", "forced": -1}, "forced"),
        ({"solver": "neurorig-mis", "kick": 1}, "no parameter 'kick'"),
    ],
)
def test_unknown_requests_are_the_users_error(loaded, wrong, message):
    """An unknown solver, scenario or parameter, or a parameter out of range, is named."""
    with pytest.raises(UserError, match=message):
        loaded.run(batch(**wrong), MarkerLog())


def test_solver_parameters_are_used(loaded):
    """An annealing of one sweep at most counts as many sweeps as anneals."""
    output = loaded.run(batch(solver="dwave-sa", num_sweeps=1), MarkerLog())

    assert output.meta["sweeps"] == output.meta["anneals"] > 1


def test_tuned_temperatures_beat_the_librarys(warm):
    """With the tuned temperatures annealing comes closer to the target than with the library's, in equal time."""
    board = load(warm, artifact(250, 0.05))
    tuned, librarys = (
        board.run(batch(solver="dwave-sa", limit_s=0.1, temperatures=choice), MarkerLog()).meta["solver_cost"]
        for choice in ("tuned", "library")
    )

    assert tuned < librarys


def test_other_kinds_and_options_are_refused(warm):
    """A classifier is not a QUBO, and the board knows no option of another name."""
    with pytest.raises(UserError, match="classifier"):
        warm.compile(Artifact("classifier", {}))
    with pytest.raises(InvalidConfig, match="speed"):
        HostCpu(BoardConfig(driver="host-cpu", options={"speed": 1}))


def test_order_is_guarded():
    """Each verb before its predecessor, a stale program, and any verb after close is refused; close may repeat."""
    board = HostCpu(CONFIG)
    compiled = board.compile(artifact(10))
    with pytest.raises(InfraError, match="'load' was called before 'map'"):
        board.load(Placement(cores=1, memory_bytes=0))
    with pytest.raises(InfraError, match="'run' was called before 'load'"):
        board.run(batch(), MarkerLog())
    with pytest.raises(InfraError, match="'idle' was called before 'load'"):
        board.idle(0, None, MarkerLog())
    board.compile(artifact(11))
    with pytest.raises(InfraError, match="not what was compiled last"):
        board.map(compiled)
    board.close()
    board.close()
    with pytest.raises(InfraError, match="closed"):
        board.compile(artifact(10))


def test_a_second_problem_replaces_the_first(warm):
    """After another problem is loaded, answers have its size."""
    load(warm, artifact(10)).run(batch(), MarkerLog())
    output = load(warm, artifact(20)).run(batch(), MarkerLog())

    assert output.arrays["solution"].shape == (20,)


def test_a_lying_solver_is_caught():
    """A cost that is not xᵀQx of the bits is a wrong answer."""

    class Liar:
        def run(self, *_):
            return Found(np.zeros(50, np.uint8), -99, 0.1, ())

    windows = scenarios.Windows(batch(), read_problem(artifact()), Liar(), MarkerLog())
    with pytest.raises(WrongAnswer, match="-99"):
        windows.search(None)


def test_limits_below_a_millisecond_become_one(warm):
    """The library counts whole milliseconds: a shorter limit asks for one, and the overrun says so."""
    output = load(warm, artifact(10)).run(batch(limit_s=1e-4), MarkerLog())

    assert output.meta["requested_s"] == 1e-4
    assert output.meta["overrun_s"] >= 0.0009


def test_tabu_memory_counts_the_matrix():
    """The memory of tabu grows with the square of n, whatever the edges."""
    assert Tabu().memory_bytes(2000, 1) == 4 * Tabu().memory_bytes(1000, 1)


@pytest.mark.parametrize(
    ("cpuinfo", "model"),
    [("processor: 0\nmodel name\t: Test CPU 9000\n", "Test CPU 9000"), ("", "unknown cpu"), (None, "unknown cpu")],
)
def test_cpu_model_is_read_or_unknown(tmp_path, cpuinfo, model):
    """The processor's name comes from /proc/cpuinfo; without one it is unknown, not invented."""
    if cpuinfo is not None:
        (tmp_path / "cpuinfo").write_text(cpuinfo)

    assert cpu_driver.cpu_model(tmp_path) == model
    assert cpu_driver.available_memory_bytes(tmp_path) is None


def test_artifact_is_left_alone(warm):
    """Arrays that may not be written to are no obstacle: the driver changes nothing of its input."""
    model = artifact(30)
    frozen = replace(model, arrays={k: v.copy() for k, v in model.arrays.items()})
    for values in frozen.arrays.values():
        values.setflags(write=False)

    assert not math.isnan(load(warm, frozen).run(batch(), MarkerLog()).meta["solve_s"])
