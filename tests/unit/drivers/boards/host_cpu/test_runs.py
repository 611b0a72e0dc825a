"""What the host-cpu board measures: windows, limits, targets, answers."""

from __future__ import annotations

import subprocess
import sys
from time import perf_counter

import numpy as np
import pytest
from host_cpu_kit import GENERAL, SOLVERS, artifact, batch, load, windows_of
from hypothesis import given, settings
from hypothesis import strategies as st

from neurorig_drivers.boards.host_cpu import cpu_driver
from neurorig_drivers.interface import MarkerLog
from neurorig_protocols.board import Artifact
from neurorig_protocols.workloads.qubo import mis


def test_info_names_the_machine(warm):
    """The board says which processor it is, how many cores and threads, and the solver library's version."""
    assert warm.info.kinds == ("qubo",)
    assert warm.info.solvers == SOLVERS
    assert warm.info.family == cpu_driver.cpu_model()
    assert any("one thread" in note for note in warm.info.notes)
    assert any("dwave-samplers" in note for note in warm.info.notes)


def test_import_needs_no_solver_library():
    """The module imports without D-Wave's libraries; only a board object loads them."""
    program = (
        "import sys; import neurorig_drivers.boards.host_cpu;"
        "sys.exit(any(name.split('.')[0] in ('dwave', 'dimod') for name in sys.modules))"
    )

    assert subprocess.run([sys.executable, "-c", program], check=False, timeout=60).returncode == 0


@pytest.mark.parametrize("solver", SOLVERS)
def test_fixed_timeout(loaded, solver):
    """A fixed-timeout batch is one window; the answer's cost is xᵀQx, requested and actual time are both kept."""
    log = MarkerLog()
    output = loaded.run(batch(solver=solver, index=4), log)
    [(phase, index, window_s)] = windows_of(log)

    assert (phase, index, output.meta["windows"]) == ("run", 4, 1)
    assert output.meta["solver"] == solver
    assert output.meta["solver_cost"] == mis.instance(50, 0.1, 0).cost(output.arrays["solution"])
    assert output.meta["requested_s"] == 0.02
    assert 0.019 <= output.meta["solve_s"] <= window_s
    assert output.meta["overrun_s"] == pytest.approx(max(0, output.meta["solve_s"] - 0.02))
    assert output.meta["setup_s"] > 0
    assert (output.meta["clock"], output.meta["stopped_by"]) == ("host", "timeout")
    assert output.arrays["reached_s"].shape == (0,)


@pytest.mark.parametrize("solver", SOLVERS)
def test_improvements_fall(loaded, solver):
    """The improvement curve falls strictly, lies inside the window and ends at the best cost."""
    output = loaded.run(batch(solver=solver), MarkerLog())
    t_s, cost = output.arrays["improvement_s"], output.arrays["improvement_cost"]

    assert (np.diff(t_s) > 0).all()
    assert (np.diff(cost) < 0).all()
    assert 0 < t_s[0] <= t_s[-1] <= output.meta["solve_s"]
    assert cost[-1] == output.meta["solver_cost"]


@pytest.mark.parametrize("solver", SOLVERS)
def test_time_to_solution_reaches_each_gap(loaded, solver):
    """Each reached gap has a latency, a window of this batch and bits whose cost is at most its target."""
    target = mis.official_target(50, 0.1, 0).cost
    targets = [mis.target_cost(target, gap) for gap in (0.1, 0.05, 0.01)]
    log = MarkerLog()
    output = loaded.run(batch("time-to-solution", limit_s=5, targets=targets, solver=solver), log)
    marked = windows_of(log)

    assert output.meta["stopped_by"] == "target"
    assert output.meta["unreached"] == []
    assert [index for _, index, _ in marked] == list(range(output.meta["windows"]))
    for gap, wanted in enumerate(targets):
        window = output.arrays["reached_window"][gap]
        cost = mis.instance(50, 0.1, 0).cost(output.arrays["reached_solution"][gap])
        assert cost <= wanted
        assert 0 < output.arrays["reached_s"][gap] <= marked[window][2]
        assert output.arrays["reached_s"][gap] == output.meta["window_s"][window]


def test_an_unreachable_gap_is_censored(loaded):
    """A cost below the optimum is not reached, costs one window, and harder ones are not tried, with the reason."""
    log = MarkerLog()
    output = loaded.run(batch("time-to-solution", index=7, targets=[-1, -51, -1000]), log)

    assert [(phase, index) for phase, index, _ in windows_of(log)] == [("run", 7), ("run", 8)]
    assert np.isnan(output.arrays["reached_s"]).tolist() == [False, True, True]
    assert output.meta["stopped_by"] == "timeout"
    assert output.meta["unreached"] == [
        "cost -51: not reached within 0.02 s",
        "cost -1000: not tried, an easier one was not reached",
    ]


def test_equal_targets_share_a_window(loaded):
    """Gaps that ask for the same integer cost are reached in the same window at the same instant."""
    output = loaded.run(batch("time-to-solution", limit_s=5, targets=[-18, -18, -18]), MarkerLog())

    assert output.meta["windows"] == 1
    assert len(set(output.arrays["reached_s"].tolist())) == 1


def test_targets_may_come_in_any_order(loaded):
    """The easiest target is tried first wherever it stands in the list."""
    output = loaded.run(batch("time-to-solution", targets=[-1000, -1]), MarkerLog())

    assert np.isnan(output.arrays["reached_s"]).tolist() == [True, False]


def test_the_ranging_pass_marks_nothing(loaded):
    """Without a phase no window is marked, the search runs all the same."""
    log = MarkerLog()
    output = loaded.run(batch(phase=None), log)

    assert log.records == []
    assert output.meta["windows"] == 0
    assert output.meta["solver_cost"] < 0


def test_setup_is_done_once_and_outside_the_window(warm):
    """The second run of a solver reports the set-up of the first and the window holds the search alone."""
    board = load(warm, artifact(1000, 0.01))
    first = board.run(batch(limit_s=0.001, phase=None), MarkerLog())
    log = MarkerLog()
    second = board.run(batch(limit_s=0.001), log)

    assert first.meta["setup_s"] == second.meta["setup_s"] > second.meta["library_copy_s"] > 0
    assert 0 <= windows_of(log)[0][2] - second.meta["solve_s"] < second.meta["setup_s"] / 2


def test_tabu_is_the_librarys_sampler(loaded):
    """With equal seed and stop, our call and D-Wave's own sampler return the same bits."""
    import dimod
    from dwave.samplers import TabuSampler

    made = mis.instance(50, 0.1, 0)
    model = dimod.BinaryQuadraticModel.from_numpy_vectors(
        made.diagonal.astype(float), (made.rows, made.cols, 2.0 * made.weights), 0.0, "BINARY"
    )
    theirs = TabuSampler().sample(model, seed=3, timeout=None, energy_threshold=-18).first.sample
    ours = loaded.run(batch("time-to-solution", limit_s=5, targets=[-18]), MarkerLog())

    assert [theirs[i] for i in range(50)] == ours.arrays["solution"].tolist()


@pytest.mark.parametrize("n", [1, 2, 3, 5])
@pytest.mark.parametrize("solver", SOLVERS)
def test_the_smallest_problems_run(warm, solver, n):
    """Problems of a few variables are solved to their optimum by every solver."""
    output = load(warm, artifact(n, 1.0)).run(batch(solver=solver), MarkerLog())

    assert output.meta["solver_cost"] == -1


@settings(max_examples=20)
@given(st.integers(1, 12), st.data())
def test_any_integer_qubo_is_costed_right(warm, n, data):
    """For random integer Q, every solver reports xᵀQx of their bits and never less than the true minimum."""
    pairs = data.draw(st.lists(st.tuples(st.integers(0, n - 1), st.integers(0, n - 1)), unique=True))
    pairs = sorted({(min(p), max(p)) for p in pairs if p[0] != p[1]})
    small = st.integers(-9, 9)
    arrays = {
        "diagonal": np.array(data.draw(st.lists(small, min_size=n, max_size=n)), np.int64),
        "rows": np.array([p[0] for p in pairs], np.int64),
        "cols": np.array([p[1] for p in pairs], np.int64),
        "weights": np.array(data.draw(st.lists(small, min_size=len(pairs), max_size=len(pairs))), np.int64),
    }
    q = np.diag(arrays["diagonal"])
    q[arrays["rows"], arrays["cols"]] = q[arrays["cols"], arrays["rows"]] = arrays["weights"]
    every = (np.arange(2**n)[:, None] >> np.arange(n)) & 1
    best = np.einsum("ki,ij,kj->k", every, q, every).min()

    board = load(warm, Artifact("qubo", {"n": n}, arrays))
    choices = [{"solver": name} for name in GENERAL] + [{"solver": "dwave-sa", "temperatures": "library"}]
    for choice in choices:
        output = board.run(batch(limit_s=0.002, **choice), MarkerLog())
        x = output.arrays["solution"].astype(int)
        assert best <= output.meta["solver_cost"] == x @ q @ x


def test_annealing_keeps_a_short_limit(warm):
    """Simulated annealing of 250 variables ends within a few milliseconds of a 10 ms limit."""
    board = load(warm, artifact(250, 0.05))
    board.run(batch(solver="dwave-sa", phase=None), MarkerLog())
    runs = (board.run(batch(solver="dwave-sa", limit_s=0.01), MarkerLog()) for _ in range(100))

    # On a busy machine most runs are interrupted; one that is not shows what the board foresees.
    assert any(run.meta["overrun_s"] < 0.005 for run in runs)


def test_idle_is_marked(loaded):
    """Idle lasts as long as asked and marks its window; without an index it marks nothing."""
    log = MarkerLog()
    begin = perf_counter()
    loaded.idle(0.02, 1, log)
    loaded.idle(0.0, None, log)

    assert perf_counter() - begin >= 0.02
    assert [(phase, index) for phase, index, _ in windows_of(log)] == [("idle", 1)]
