"""The board on the CPU: scenarios, limits, targets, and what it refuses."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
from lava_kit import artifact, batch, load

from neurorig_drivers.boards.loihi.loihi_driver import LoihiBoard
from neurorig_drivers.conformance.board_checks import check_board, qubo_sample, snn_sample
from neurorig_drivers.interface import MarkerLog
from neurorig_drivers.process.host import HostedBoard
from neurorig_protocols.bench import BoardConfig
from neurorig_protocols.board import Artifact
from neurorig_protocols.errors import DoesNotFit, InvalidConfig, JobError, UserError, WrongAnswer
from neurorig_protocols.workloads.snn.network import SpikingNetwork

CONFIG = BoardConfig(driver="loihi")


@pytest.fixture(scope="module")
def board(interpreter: Path) -> Iterator[LoihiBoard]:
    """Return one board for all tests that leave it open."""
    board = LoihiBoard(BoardConfig(driver="loihi", options={"lava_python": str(interpreter)}))
    yield board
    board.close()


@pytest.mark.parametrize("sample", [qubo_sample(), snn_sample()], ids=["qubo", "snn"])
def test_the_board_conforms(interpreter: Path, sample) -> None:
    """Both kinds pass every conformance check; the spikes are those of the reference."""
    findings = check_board(LoihiBoard(CONFIG), sample)

    assert [finding for finding in findings if not finding.passed] == []


def test_a_hosted_board_says_that_it_is_functional_only(interpreter: Path) -> None:
    """Found by its entry point in a child process, the board claims no energy and says why."""
    with HostedBoard(CONFIG) as board:
        info = board.info

    assert info.no_energy is not None
    assert info.no_energy.startswith("functional only")
    assert info.no_energy in info.notes
    assert info.clock == "host"


def test_a_fixed_timeout_ends_at_the_hosts_time(board: LoihiBoard) -> None:
    """The answer's cost is recomputable, improvements fall, and the run takes about as long as it may."""
    model, log = artifact(60, 0.1), MarkerLog()
    output = load(board, model).run(batch(limit_s=0.3), log)

    x = output.arrays["solution"].astype(int)
    edges = x[model.arrays["rows"]] * x[model.arrays["cols"]]
    assert output.meta["solver_cost"] == -x.sum() + 2 * (model.arrays["weights"] @ edges) < -10
    assert output.meta["stopped_by"] == "timeout"
    assert output.meta["grade"] == "functional_only"
    assert output.meta["setup_s"] > 0
    assert 0.3 <= output.meta["solve_s"] < 3
    assert (np.diff(output.arrays["improvement_cost"]) < 0).all()
    assert (np.diff(output.arrays["improvement_s"]) > 0).all()
    assert output.arrays["improvement_s"][-1] <= output.meta["solve_s"]
    assert [(m.phase, m.index, m.edge) for m in log.records] == [("run", 0, "begin"), ("run", 0, "end")]


def test_a_run_stops_when_the_network_meets_its_last_target(board: LoihiBoard) -> None:
    """Targets in any order are met with states that have them, long before the limit."""
    model = artifact(60, 0.1)
    output = load(board, model).run(batch("time-to-solution", limit_s=60, targets=(-14.0, -6.5, -10.0)), MarkerLog())

    reached_s = output.arrays["reached_s"]
    assert output.meta["stopped_by"] == "target"
    assert reached_s[1] <= reached_s[2] <= reached_s[0] <= output.meta["solve_s"] < 30
    for target, bits in zip((-14, -6.5, -10), output.arrays["reached_solution"].astype(int), strict=True):
        edges = bits[model.arrays["rows"]] * bits[model.arrays["cols"]]
        assert -bits.sum() + 2 * (model.arrays["weights"] @ edges) <= target


def test_a_target_that_is_not_met_is_a_result(board: LoihiBoard) -> None:
    """What was not reached by the last step is NaN, and the run counts as timed out."""
    output = load(board, artifact()).run(
        batch("time-to-solution", limit_s=60, targets=(-3.0, -1000.0), max_steps=300), MarkerLog()
    )

    assert output.meta["steps"] == 300
    assert output.meta["stopped_by"] == "timeout"
    assert np.isfinite(output.arrays["reached_s"]).tolist() == [True, False]
    assert not output.arrays["reached_solution"][1].any()


def test_the_same_seed_gives_the_same_run(board: LoihiBoard) -> None:
    """Steps, spikes and synaptic operations repeat; another seed gives others."""
    load(board, artifact(50, 0.25))
    figures = []
    for seed in (1, 1, 2):
        output = board.run(batch(limit_s=60, seed=seed, max_steps=200), MarkerLog())
        figures.append((output.meta["spikes"], output.meta["synaptic_operations"], output.arrays["solution"].tolist()))

    assert figures[0] == figures[1] != figures[2]


def test_a_current_that_leaves_its_word_is_refused(board: LoihiBoard) -> None:
    """Where Lava and the reference would part, the run fails and says what to do."""
    count = 600
    network = SpikingNetwork(
        inputs=1, du=np.array([1]), dv=np.array([0]), vth=np.array([2**23 - 1]), bias=np.array([0]),
        population=np.array([0]), outputs=np.array([0]), start=np.array([0, count, count]),
        target=np.zeros(count, np.int64), weight=np.full(count, 255),
    )  # fmt: skip
    sample = snn_sample()
    events = {name: np.zeros(1, np.int64) for name in ("event_sample", "event_step", "event_input")}
    load(board, Artifact("snn", {"inputs": 1}, network.to_arrays()))

    with pytest.raises(JobError, match="24 bits") as caught:
        board.run(type(sample.batch)("snn", None, 0, {"steps": 2, "samples": 1}, events), MarkerLog())

    assert caught.value.next_step


@pytest.mark.parametrize(
    ("options", "what"),
    [
        ({"backend": "gpu"}, "backend"),
        ({"unknown": 1}, "unknown"),
        ({"slurm_board": "kp-7"}, "belong to the backend"),
        ({"backend": "loihi2"}, "exactly one"),
        ({"backend": "loihi2", "slurm_board": "a", "nxsdkhost": "b"}, "exactly one"),
        ({"backend": "loihi2", "slurm_board": "a", "generation": "N9"}, "generation"),
        ({"start_limit_s": 0}, "start_limit_s"),
    ],
)
def test_wrong_options_are_named(options: dict, what: str) -> None:
    """An option that contradicts itself or does not exist is refused before anything starts."""
    with pytest.raises(InvalidConfig, match=what):
        LoihiBoard(BoardConfig(driver="loihi", options=options))


def test_what_cannot_run_is_refused(board: LoihiBoard) -> None:
    """Unknown solvers, scenarios and parameters, malformed problems and weights too large each say what is wrong."""
    load(board, artifact())
    for wrong, what in (
        (batch(solver="tabu"), "no solver"),
        (batch("forever"), "no scenario"),
        (batch(max_steps=0), "max_steps"),
        (batch(tmax=3), "parameters are wrong"),
    ):
        with pytest.raises(UserError, match=what):
            board.run(wrong, MarkerLog())
    with pytest.raises(WrongAnswer, match="malformed"):
        board.compile(Artifact("snn", {"inputs": 5}, snn_sample().artifact.arrays))


def test_coefficients_beyond_the_words_are_rounded_with_a_bound(board: LoihiBoard) -> None:
    """A heavy problem runs in units of a quantum; its cost is told in its own units, with the error that may have."""
    heavy = artifact()
    heavy.arrays["weights"] = heavy.arrays["weights"] * 1000
    heavy.arrays["diagonal"] = heavy.arrays["diagonal"] * 1001
    load(board, heavy)
    output = board.run(batch("time-to-solution", limit_s=60, targets=(-4000.0,), max_steps=300), MarkerLog())

    x = output.arrays["solution"].astype(int)
    edges = x[heavy.arrays["rows"]] * x[heavy.arrays["cols"]]
    cost = heavy.arrays["diagonal"] @ x + 2 * (heavy.arrays["weights"] @ edges)
    assert 0 < abs(output.meta["solver_cost"] - cost) <= output.meta["cost_error_bound"] < 1000
    assert output.arrays["improvement_cost"][-1] == output.meta["solver_cost"] < -4000
    assert np.isfinite(output.arrays["reached_s"]).all()
    with pytest.raises(DoesNotFit, match="only in units of"):
        board.run(batch(quantisation="refuse"), MarkerLog())


def test_a_problem_that_may_not_be_rounded_does_not_fit(board: LoihiBoard) -> None:
    """Told to refuse, the board names the word that is too short."""
    heavy = artifact()
    heavy.arrays["weights"] = heavy.arrays["weights"] * 1000
    with pytest.raises(DoesNotFit, match="a Loihi core has") as caught:
        board.compile(Artifact("qubo", {**heavy.meta, "params": {"quantisation": "refuse"}}, heavy.arrays))

    assert caught.value.detail["limit"] == "weight_bits"
