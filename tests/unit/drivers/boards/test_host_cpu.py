"""The host-cpu board: problems, solvers, scenarios, windows, order."""

from __future__ import annotations

import math
import subprocess
import sys
from dataclasses import replace
from time import perf_counter

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from neurorig_drivers.boards.host_cpu import HostCpu, machine, scenarios
from neurorig_drivers.boards.host_cpu import driver as driver_module
from neurorig_drivers.boards.host_cpu.problem import read_problem
from neurorig_drivers.boards.host_cpu.solver import Found
from neurorig_drivers.boards.host_cpu.tabu import Tabu
from neurorig_drivers.markers import MarkerLog
from neurorig_protocols.bench import BoardConfig
from neurorig_protocols.benchmarks import qubo_mis
from neurorig_protocols.board import Artifact, Batch, Placement
from neurorig_protocols.errors import DoesNotFit, InfraError, InvalidConfig, JobError, UserError, WrongAnswer

CONFIG = BoardConfig(driver="host-cpu")
SOLVERS = ("dwave-tabu", "dwave-sa")


def artifact(n=50, density=0.1, seed=0) -> Artifact:
    """Return a NeuroBench problem as the agent hands it over."""
    made = qubo_mis.instance(n, density, seed)
    arrays = {name: getattr(made, name) for name in ("diagonal", "rows", "cols", "weights")}
    return Artifact("qubo", {"n": n}, arrays)


def batch(scenario="fixed-timeout", *, phase="run", index=0, limit_s=0.02, solver="default", targets=(), **params):
    """Return one call of `run`."""
    meta = {"scenario": scenario, "limit_s": limit_s, "seed": 3, "solver": solver, "params": params}
    arrays = {"gaps": np.arange(len(targets), dtype=float), "target_costs": np.array(targets, float)}
    return Batch("qubo", phase, index, meta, arrays)


@pytest.fixture(scope="module")
def warm():
    """One board for the module: its constructor imports and warms the solvers."""
    board = HostCpu(CONFIG)
    yield board
    board.close()


@pytest.fixture
def loaded(warm):
    """The board with the default problem loaded."""
    return load(warm, artifact())


def load(board, model):
    """Take a problem through compile, map and load."""
    board.load(board.map(board.compile(model)))
    return board


def windows_of(log):
    """Return (phase, index, seconds) of each marked window, checking that edges pair up."""
    begins, ends = log.records[::2], log.records[1::2]
    assert [(m.phase, m.index, "begin") for m in begins] == [(m.phase, m.index, m.edge) for m in begins]
    assert [(m.phase, m.index, "end") for m in begins] == [(m.phase, m.index, m.edge) for m in ends]
    return [(b.phase, b.index, (e.t_ns - b.t_ns) * 1e-9) for b, e in zip(begins, ends, strict=True)]


def test_info_names_the_machine(warm):
    """The board says which processor it is, how many cores and threads, and the solver library's version."""
    assert warm.info.kinds == ("qubo",)
    assert warm.info.solvers == SOLVERS
    assert warm.info.family == machine.cpu_model()
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
    assert output.meta["solver_cost"] == qubo_mis.instance(50, 0.1, 0).cost(output.arrays["solution"])
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
    target = qubo_mis.official_target(50, 0.1, 0).cost
    targets = [qubo_mis.target_cost(target, gap) for gap in (0.1, 0.05, 0.01)]
    log = MarkerLog()
    output = loaded.run(batch("time-to-solution", limit_s=5, targets=targets, solver=solver), log)
    marked = windows_of(log)

    assert output.meta["stopped_by"] == "target"
    assert output.meta["unreached"] == []
    assert [index for _, index, _ in marked] == list(range(output.meta["windows"]))
    for gap, wanted in enumerate(targets):
        window = output.arrays["reached_window"][gap]
        cost = qubo_mis.instance(50, 0.1, 0).cost(output.arrays["reached_solution"][gap])
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

    made = qubo_mis.instance(50, 0.1, 0)
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


@settings(max_examples=20, deadline=None)
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
    choices = ({"solver": "dwave-tabu"}, {"solver": "dwave-sa"}, {"solver": "dwave-sa", "temperatures": "library"})
    for choice in choices:
        output = board.run(batch(limit_s=0.002, **choice), MarkerLog())
        x = output.arrays["solution"].astype(int)
        assert best <= output.meta["solver_cost"] == x @ q @ x


def test_annealing_keeps_a_short_limit(warm):
    """Simulated annealing of 250 variables ends within a few milliseconds of a 10 ms limit."""
    board = load(warm, artifact(250, 0.05))
    board.run(batch(solver="dwave-sa", phase=None), MarkerLog())
    overruns = [board.run(batch(solver="dwave-sa", limit_s=0.01), MarkerLog()).meta["overrun_s"] for _ in range(5)]

    assert min(overruns) < 0.005


def test_idle_is_marked(loaded):
    """Idle lasts as long as asked and marks its window; without an index it marks nothing."""
    log = MarkerLog()
    begin = perf_counter()
    loaded.idle(0.02, 1, log)
    loaded.idle(0.0, None, log)

    assert perf_counter() - begin >= 0.02
    assert [(phase, index) for phase, index, _ in windows_of(log)] == [("idle", 1)]


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
    monkeypatch.setattr(driver_module.machine, "available_memory_bytes", lambda: 1000)
    with pytest.raises(DoesNotFit) as refusal:
        warm.map(compiled)
    assert refusal.value.detail["available"] == 1000 < refusal.value.detail["needed"]

    monkeypatch.setattr(driver_module.machine, "available_memory_bytes", lambda: 100_000)
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
    """A classifier is not a QUBO, and the board takes no options."""
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

    assert machine.cpu_model(tmp_path) == model
    assert machine.available_memory_bytes(tmp_path) is None


def test_artifact_is_left_alone(warm):
    """Arrays that may not be written to are no obstacle: the driver changes nothing of its input."""
    model = artifact(30)
    frozen = replace(model, arrays={k: v.copy() for k, v in model.arrays.items()})
    for values in frozen.arrays.values():
        values.setflags(write=False)

    assert not math.isnan(load(warm, frozen).run(batch(), MarkerLog()).meta["solve_s"])
