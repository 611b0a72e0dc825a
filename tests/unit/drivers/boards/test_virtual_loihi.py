"""The driver of the virtual chip, through real sockets to a chip in a process of its own."""

from __future__ import annotations

import contextlib
import json
import subprocess
import sys
import threading
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import networkx as nx
import numpy as np
import pytest

from neurorig_drivers.conformance.board_checks import check_board, qubo_sample
from neurorig_drivers.interface import MarkerLog
from neurorig_lab.chip.constants import RAILS
from neurorig_lab.chip.virtual_loihi import VirtualLoihi
from neurorig_lab.world_client import WorldClient
from neurorig_protocols.bench import BoardConfig
from neurorig_protocols.board import Artifact, Batch, RunOutput
from neurorig_protocols.errors import BoardLost, DoesNotFit, InfraError, InvalidConfig, NeurorigError, UserError


@dataclass
class Bench:
    """A world and a chip, each in a process of its own."""

    chip: subprocess.Popen[str]
    chip_address: str
    world_address: str
    truth: Path

    def open(self, **options: str | float) -> VirtualLoihi:
        """Return a driver that is connected to the chip."""
        return VirtualLoihi(BoardConfig(driver="virtual-loihi", options={"address": self.chip_address, **options}))


def serve(*arguments: str) -> tuple[subprocess.Popen[str], str]:
    """Start a part of the lab and return it with its address."""
    command = [sys.executable, "-m", *arguments]
    process = subprocess.Popen(command, stdout=subprocess.PIPE, text=True)
    assert process.stdout is not None
    return process, json.loads(process.stdout.readline())["address"]


@contextlib.contextmanager
def running(folder: Path, *chip_options: str) -> Iterator[Bench]:
    """Start a stepped world and a chip in it; both are gone afterwards."""
    options = ["--mode", "stepped", "--rails", ",".join(RAILS), "--marker-mode", "level", "--bench", "b"]
    world, world_address = serve("neurorig_lab.world_server", *options, "--truth", str(folder))
    with world:
        chip, chip_address = serve("neurorig_lab.chip.chip_device", "--world", world_address, *chip_options)
        with chip:
            try:
                yield Bench(chip, chip_address, world_address, folder / "b.jsonl")
            finally:
                chip.kill()
                world.terminate()


@pytest.fixture(scope="module")
def bench(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Bench]:
    """Return a bench that all tests of this module share."""
    with running(tmp_path_factory.mktemp("truth")) as parts:
        yield parts


def mis(n: int, density: float, seed: int, session: str | None = None) -> Artifact:
    """Return a maximum-independent-set problem of the benchmark."""
    graph = nx.gnm_random_graph(n, int(0.5 * density * n**2), seed)
    edges = np.array([sorted(edge) for edge in graph.edges()], np.int64).reshape(-1, 2)
    arrays = {
        "diagonal": np.full(n, -1, np.int64),
        "rows": edges[:, 0],
        "cols": edges[:, 1],
        "weights": np.full(len(edges), 4, np.int64),
    }
    return Artifact("qubo", {"n": n} | ({"session": session} if session else {}), arrays)


def cost(model: Artifact, x: np.ndarray) -> int:
    """Return xᵀQx."""
    bits = x.astype(int)
    pairs = bits[model.arrays["rows"]] * bits[model.arrays["cols"]]
    return int(model.arrays["diagonal"] @ bits + 2 * (model.arrays["weights"] * pairs).sum())


def load(board: VirtualLoihi, model: Artifact) -> None:
    """Bring a problem onto the chip."""
    board.load(board.map(board.compile(model)))


def batch(scenario: str, limit_s: float, targets: list[float] | None = None, **meta: Any) -> Batch:
    """Return a batch with window 0 of the run phase."""
    told = {"scenario": scenario, "limit_s": limit_s, "seed": 3, "solver": "default", "params": {}} | meta
    goals = np.array(targets or [], float)
    return Batch("qubo", "run", 0, told, {"gaps": np.zeros(len(goals)), "target_costs": goals})


def run(board: VirtualLoihi, work: Batch) -> RunOutput:
    """Run a batch; the markers do not matter."""
    return board.run(work, MarkerLog())


def test_the_driver_keeps_the_contract_of_boards(bench: Bench) -> None:
    """All conformance checks pass."""
    findings = check_board(bench.open(), qubo_sample())

    assert findings
    assert [finding for finding in findings if not finding.passed] == []


def test_time_to_solution_stops_at_the_last_target(bench: Bench) -> None:
    """Each gap has its time on the chip's clock and a state whose recomputed cost meets the target."""
    board, model = bench.open(), mis(250, 0.05, 0)
    load(board, model)
    targets = [0.9 * -67, 0.95 * -67, 0.99 * -67]
    output = run(board, batch("time-to-solution", 1.0, targets))
    reached_s, states = output.arrays["reached_s"], output.arrays["reached_solution"]

    assert output.meta["stopped_by"] == "target"
    assert output.meta["clock"] == "dut"
    assert output.meta["solve_s"] == reached_s[-1] < 0.2
    assert all(cost(model, x) <= target for x, target in zip(states, targets, strict=True))
    assert cost(model, output.arrays["solution"]) == output.meta["solver_cost"] <= -67
    assert output.meta["mean_step_s"] * output.meta["steps"] == pytest.approx(output.meta["solve_s"])
    board.close()


def test_fixed_timeout_uses_its_time_up(bench: Bench) -> None:
    """The run goes on past targets and ends with the step that reaches the timeout."""
    board = bench.open()
    load(board, mis(50, 0.1, 0))
    output = run(board, batch("fixed-timeout", 0.003, [-1.0]))

    assert output.meta["stopped_by"] == "timeout"
    assert 0.003 <= output.meta["solve_s"] < 0.003 + 5e-6
    assert output.arrays["reached_s"][0] < 0.003
    board.close()


def test_a_target_that_is_not_reached_is_no_number(bench: Bench) -> None:
    """The run is censored at the limit."""
    board = bench.open()
    load(board, mis(50, 0.1, 0))
    output = run(board, batch("time-to-solution", 0.001, [-50.0]))

    assert output.meta["stopped_by"] == "timeout"
    assert np.isnan(output.arrays["reached_s"]).all()
    board.close()


def test_truth_is_kept_under_the_jobs_session(bench: Bench) -> None:
    """The label of the artifact names idle and run windows, in the order of the line."""
    board = bench.open()
    load(board, mis(10, 0.1, 0, session="attempt-7"))
    board.idle(0.001, 0, MarkerLog())
    board.idle(0.001, None, MarkerLog())
    run(board, batch("fixed-timeout", 0.001, session="attempt-7"))
    board.close()
    every = [json.loads(line) for line in bench.truth.read_text().splitlines()]
    lines = [line for line in every if line["session"] == "attempt-7"]

    assert [line["window"] for line in lines] == [0, 1]
    assert lines[1]["energy_j"]["neurocores"] > 0 == lines[0]["energy_j"]["neurocores"]


def test_too_large_a_problem_is_refused_before_the_chip_sees_it(bench: Bench) -> None:
    """DoesNotFit comes from `map`, and the board takes the next problem."""
    board = bench.open()
    compiled = board.compile(mis(140_000, 0.0, 0))
    with pytest.raises(DoesNotFit) as caught:
        board.map(compiled)
    load(board, mis(10, 0.1, 0))

    assert caught.value.detail["limit"] == "neurons_of_the_board"
    board.close()


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"solver": "tabu"}, "no solver 'tabu'"),
        ({"scenario": "guess"}, "no scenario 'guess'"),
        ({"params": {"levels": 0}}, "parameters are wrong"),
        ({"limit_s": -1.0}, "cannot last"),
    ],
)
def test_wrong_requests_are_the_users_error(bench: Bench, change: dict[str, Any], words: str) -> None:
    """The chip's refusal reaches the caller with its own class and words, and the board goes on."""
    board = bench.open()
    load(board, mis(10, 0.1, 0))
    work = batch("fixed-timeout", 0.001)
    work.meta.update(change)
    with pytest.raises(UserError, match=words):
        run(board, work)
    run(board, batch("fixed-timeout", 0.001))
    board.close()


def test_a_chip_killed_during_a_run_is_lost(tmp_path: Path) -> None:
    """When the device dies in mid-run the driver says BoardLost, at once and ever after."""
    with running(tmp_path) as bench:
        _kill_during_a_run(bench)


def _kill_during_a_run(bench: Bench) -> None:
    board, world = bench.open(), WorldClient(bench.world_address)
    load(board, mis(50, 0.1, 0))
    caught: list[NeurorigError] = []

    def long_run() -> None:
        try:
            run(board, batch("fixed-timeout", 3600.0))
        except NeurorigError as error:
            caught.append(error)

    runner, tick = threading.Thread(target=long_run), threading.Event()
    runner.start()
    while world.now_ns() == 0 and runner.is_alive():
        tick.wait(0.01)
    bench.chip.kill()
    runner.join(30)

    assert [type(error) for error in caught] == [BoardLost]
    assert caught[0].retryable
    assert "lab start" in (caught[0].next_step or "")
    with pytest.raises(BoardLost):
        board.idle(0.001, None, MarkerLog())
    board.close()
    world.close()


def coarse(weight: int) -> Artifact:
    """Return a general QUBO with coefficients that no weight of the chip can hold."""
    rng = np.random.default_rng(1)
    rows, cols = np.triu_indices(40, 1)
    arrays = {"diagonal": rng.integers(-weight, weight, 40), "rows": rows, "cols": cols}
    return Artifact("qubo", {"n": 40}, {**arrays, "weights": rng.integers(-weight, weight, len(rows))})


def test_coefficients_beyond_the_words_are_rounded_with_a_bound(bench: Bench) -> None:
    """Cost and bound come in the problem's units; every kept state keeps the bound, targets are met as believed."""
    board, model = bench.open(), coarse(100_000)
    compiled = board.compile(model)
    board.load(board.map(compiled))
    output = run(board, batch("fixed-timeout", 0.01, [-1e6]))
    bound, quantum = output.meta["cost_error_bound"], compiled.summary["quantum"]

    assert quantum == compiled.summary["quantum"] >= 100_000 // 256
    assert bound == compiled.summary["cost_error_bound"] > 0
    assert abs(cost(model, output.arrays["solution"]) - output.meta["solver_cost"]) <= bound
    assert output.arrays["improvement_cost"][-1] == output.meta["solver_cost"] < -1e6
    assert abs(cost(model, output.arrays["reached_solution"][0]) + 1e6) <= abs(output.meta["solver_cost"]) + bound
    board.close()


def test_rounding_is_refused_when_the_job_says_so(bench: Bench) -> None:
    """`quantisation` = refuse is kept by `compile` where it knows the parameters, and by `run` in any case."""
    board, model = bench.open(), coarse(1000)
    with pytest.raises(DoesNotFit):
        board.compile(Artifact("qubo", {"n": 40, "params": {"quantisation": "refuse"}}, model.arrays))
    load(board, model)
    with pytest.raises(DoesNotFit, match="in units of"):
        run(board, batch("fixed-timeout", 0.001, params={"quantisation": "refuse"}))
    run(board, batch("fixed-timeout", 0.001, params={"quantisation": "round"}))
    board.close()


def test_what_each_core_did_adds_up(bench: Bench) -> None:
    """Per-core counts are bounded by the board's cores and sum to the totals of the run."""
    board = bench.open()
    load(board, mis(250, 0.05, 0))
    output = run(board, batch("fixed-timeout", 0.002))
    for counted in ("synaptic_operations", "spikes", "messages"):
        assert output.arrays[f"core_{counted}"].sum() == output.meta[counted]
    assert output.arrays["link_messages"].sum() == output.meta["hops"]
    assert output.meta["cost_error_bound"] == output.meta["chip_crossings"] == 0
    board.close()


def spiking(n: int) -> Artifact:
    """Return a chain of IF neurons: a spike of the input line travels down it, one neuron per step."""
    ones = np.ones(n, np.int64)
    arrays = {
        "du": 4096 * ones, "dv": 0 * ones, "vth": 64 * ones, "bias": 0 * ones, "population": np.arange(n) % 2,
        "outputs": np.array([0, n - 1]), "start": np.arange(n + 2).clip(max=n), "target": np.arange(n),
        "weight": 2 * ones,
    }  # fmt: skip
    return Artifact("snn", {"name": "chain", "inputs": 1, "populations": ["even", "odd"], "session": "snn"}, arrays)


def test_spiking_networks_run_sample_by_sample(bench: Bench) -> None:
    """A chain passes its one spike on, and nothing of a sample is left in the next; energy is that of its events."""
    board = bench.open()
    placement = board.map(board.compile(spiking(20)))
    board.load(placement)
    events = {"event_sample": [1], "event_step": [5], "event_input": [0]}
    work = Batch("snn", "run", 0, {"steps": 30, "samples": 3}, {k: np.array(v) for k, v in events.items()})
    output = run(board, work)
    last = json.loads(bench.truth.read_text().splitlines()[-1])

    assert output.arrays["counts"].tolist() == [[0, 0], [1, 1], [0, 0]]
    assert output.arrays["first_step"].tolist() == [[-1, -1], [5, 24], [-1, -1]]
    assert output.arrays["population_spikes"].tolist() == [[0, 0], [10, 10], [0, 0]]
    assert (output.meta["steps"], output.meta["spikes"], output.meta["synaptic_operations"]) == (90, 20, 20)
    assert output.meta["solve_s"] == pytest.approx(90 * output.meta["mean_step_s"])
    assert last["session"] == "snn"
    assert last["energy_j"]["memory"] == pytest.approx(20 * 33.6e-12)
    assert last["energy_j"]["neurocores"] == pytest.approx((90 * 20 * 72.8 + 20 * 69.3) * 1e-12)
    with pytest.raises(UserError, match="holds a 'snn'"):
        run(board, batch("fixed-timeout", 0.001))
    board.close()


def test_a_board_of_several_chips_takes_what_one_cannot(tmp_path: Path) -> None:
    """4500 variables at 10 % need two chips; all four of the board draw their power at rest."""
    with running(tmp_path, "--chips", "4") as bench:
        board, model = bench.open(), mis(4500, 0.1, 0, session="big")
        placement = board.map(board.compile(model))
        board.load(placement)
        board.idle(0.001, 0, MarkerLog())
        output = run(board, batch("fixed-timeout", 0.002, session="big"))
        board.close()
        idle = json.loads(bench.truth.read_text().splitlines()[0])

    assert placement.summary["chips"] == 2
    assert cost(model, output.arrays["solution"]) == output.meta["solver_cost"] < 0
    assert output.meta["mean_step_s"] > 14.3e-6
    assert output.meta["chip_crossings"] > 0
    assert idle["idle_power_w"]["static"] == pytest.approx(4 * 0.1044)
    assert idle["idle_power_w"]["management"] == pytest.approx(4 * 0.065)


def test_no_chip_at_the_address_is_a_lost_board() -> None:
    """A dead address says how to start the lab."""
    with pytest.raises(BoardLost) as caught:
        VirtualLoihi(BoardConfig(driver="virtual-loihi", options={"address": "127.0.0.1:1"}))
    assert "lab start" in (caught.value.next_step or "")


@pytest.mark.parametrize("options", [{}, {"address": "nowhere"}, {"address": "127.0.0.1:1", "speed": 9}])
def test_wrong_options_are_named(options: dict[str, str | int]) -> None:
    """A bench file that cannot be right is refused before anything is tried."""
    with pytest.raises(InvalidConfig):
        VirtualLoihi(BoardConfig(driver="virtual-loihi", options=options))


def test_another_problem_is_not_mapped_by_mistake(bench: Bench) -> None:
    """`map` takes what was compiled last only, and the session is no part of a program's name."""
    board = bench.open()
    first = board.compile(mis(10, 0.1, 0, session="a"))
    again = board.compile(mis(10, 0.1, 0, session="b"))
    board.compile(mis(20, 0.1, 0))

    assert first == again
    with pytest.raises(InfraError, match="not what was compiled last"):
        board.map(first)
    board.close()
