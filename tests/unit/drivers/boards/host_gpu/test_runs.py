"""The host-gpu board in a child process under numba's CUDA simulator: windows, limits, targets, identity."""

from __future__ import annotations

import numpy as np
import pytest
from gpu_simulator import SIMULATED
from host_cpu_kit import artifact, batch, load, windows_of

from neurorig_drivers.interface import MarkerLog
from neurorig_drivers.process.host import HostedBoard
from neurorig_protocols.bench import BoardConfig
from neurorig_protocols.board import Artifact
from neurorig_protocols.errors import InvalidConfig, UserError
from neurorig_protocols.workloads.qubo import mis

N, DENSITY = 8, 0.3


@pytest.fixture(scope="module")
def simulated():
    """Let child processes simulate the GPU."""
    with pytest.MonkeyPatch.context() as patch:
        for name, value in SIMULATED.items():
            patch.setenv(name, value)
        yield


@pytest.fixture(scope="module")
def board(simulated):
    """One board for the module, with a problem loaded."""
    with HostedBoard(BoardConfig(driver="host-gpu")) as opened:
        yield load(opened, artifact(N, DENSITY))


def test_the_simulator_is_never_taken_for_a_gpu(board):
    """Name and notes say CUDA simulator, no energy may be told, and nothing speaks of a GPU's make or memory."""
    info = board.info

    assert "CUDA simulator" in info.family
    assert any("CUDA simulator" in note for note in info.notes)
    assert info.no_energy is not None
    assert "functional only" in info.no_energy
    assert info.serial_number == info.firmware == ""
    words = " ".join((info.family, *info.notes)).lower()
    assert not any(word in words for word in ("nvidia", "physical", "compute capability", "gib"))


def test_the_placement_says_how_the_problem_is_spread(board):
    """Replicas and threads stand in the placement."""
    placement = board.map(board.compile(artifact(N, DENSITY)))
    board.load(placement)

    assert placement.summary == {"replicas": 2, "threads per replica": 2}
    assert placement.memory_bytes > 2 * N * 10
    assert placement.utilisation == {}


def test_fixed_timeout(board):
    """One window, both times, the exact cost, and how many replicas and threads there were."""
    log = MarkerLog()
    output = board.run(batch(index=4, limit_s=0.05), log)
    [(phase, index, window_s)] = windows_of(log)

    assert (phase, index, output.meta["windows"]) == ("run", 4, 1)
    assert output.meta["solver"] == "neurorig-sa-gpu"
    assert output.meta["solver_cost"] == mis.instance(N, DENSITY, 0).cost(output.arrays["solution"])
    assert output.meta["requested_s"] == 0.05
    assert 0 < output.meta["solve_s"] <= window_s
    assert output.meta["setup_s"] > 0
    assert (output.meta["clock"], output.meta["stopped_by"]) == ("host", "timeout")
    assert (output.meta["replicas"], output.meta["threads_per_replica"], output.meta["host_threads"]) == (2, 2, 1)
    assert output.meta["steps"] > 0


def test_improvements_fall(board):
    """The curve falls strictly, lies inside the window and ends at the best cost."""
    output = board.run(batch(limit_s=0.3), MarkerLog())
    t_s, cost = output.arrays["improvement_s"], output.arrays["improvement_cost"]

    assert (np.diff(t_s) > 0).all()
    assert (np.diff(cost) < 0).all()
    assert 0 < t_s[0] <= t_s[-1] <= output.meta["solve_s"]
    assert cost[-1] == output.meta["solver_cost"]


def test_time_to_solution(board):
    """A target that can be reached ends its window; one below the optimum is censored."""
    optimum = mis.official_target(10, 0.25, 0).cost
    load(board, artifact(10, 0.25))
    output = board.run(batch("time-to-solution", limit_s=300, targets=[optimum]), MarkerLog())
    missed = board.run(batch("time-to-solution", limit_s=0.05, targets=[optimum - 1]), MarkerLog())
    load(board, artifact(N, DENSITY))

    assert (output.meta["stopped_by"], output.meta["unreached"]) == ("target", [])
    assert output.meta["solver_cost"] == optimum
    assert 0 < output.arrays["reached_s"][0] < 300
    assert np.isnan(missed.arrays["reached_s"]).all()
    assert missed.meta["stopped_by"] == "timeout"


def test_parameters_reach_the_device(board):
    """Replicas, threads and temperatures of a job are those that run, and the next job's are its own again."""
    output = board.run(batch(replicas=3, threads=1, temperature_hot=2.0, first_sweeps=4), MarkerLog())
    usual = board.run(batch(), MarkerLog())

    assert (output.meta["replicas"], output.meta["threads_per_replica"]) == (3, 1)
    assert (usual.meta["replicas"], usual.meta["threads_per_replica"]) == (2, 2)


@pytest.mark.parametrize(
    ("wrong", "message"),
    [
        ({"solver": "neurorig-sa"}, "no solver 'neurorig-sa'"),
        ({"scenario": "forever"}, "no scenario 'forever'"),
        ({"replicas": -1}, "replicas"),
    ],
)
def test_unknown_requests_are_the_users_error(board, wrong, message):
    """A CPU's solver, an unknown scenario and a parameter out of range are named."""
    with pytest.raises(UserError, match=message):
        board.run(batch(**wrong), MarkerLog())


def test_other_kinds_are_refused(board):
    """A classifier is no QUBO."""
    with pytest.raises(UserError, match="the host-gpu board solves QUBOs"):
        board.compile(Artifact("classifier", {}))
    load(board, artifact(N, DENSITY))


@pytest.mark.parametrize("options", [{"core": 1}, {"device": 1}, {"device": "GPU-none"}, {"device": 0.5}])
def test_bad_options_are_refused(simulated, options):
    """An option of another board, and the index or UUID of no GPU, are the bench file's error."""
    with pytest.raises(InvalidConfig, match=str(*options)):
        HostedBoard(BoardConfig(driver="host-gpu", options=options)).ensure_running()


def test_a_gpu_may_be_named_by_its_uuid(simulated):
    """The UUID that the simulator gives its one GPU opens the board."""
    uuid = "GPU-00000000-0000-0000-0000-000000000000"
    with HostedBoard(BoardConfig(driver="host-gpu", options={"device": uuid})) as opened:
        assert "CUDA simulator" in opened.info.family
