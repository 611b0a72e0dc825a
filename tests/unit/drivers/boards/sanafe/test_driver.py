"""The board runs networks on SANA-FE in its own process and keeps to the contract of boards."""

from __future__ import annotations

import os
import signal
import sys
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import yaml
from nir_kit import dense_graph, some_events
from sanafe_kit import chip

from neurorig_drivers.boards.sanafe import sanafe_driver
from neurorig_drivers.boards.sanafe.sanafe_driver import SanafeBoard
from neurorig_drivers.conformance.board_checks import check_board, snn_sample
from neurorig_drivers.interface import MarkerLog
from neurorig_drivers.snn.lowering import lower
from neurorig_drivers.snn.nir_graph import network_of
from neurorig_drivers.snn.reference import Raster, simulate
from neurorig_protocols.bench import BoardConfig
from neurorig_protocols.board import Artifact, Batch, RunOutput
from neurorig_protocols.errors import (
    BoardLost,
    DoesNotFit,
    DriverCrashed,
    DriverMissing,
    DriverTimeout,
    InvalidConfig,
    UserError,
    WrongAnswer,
)
from neurorig_protocols.workloads.snn.network import SpikingNetwork

Opener = Callable[..., SanafeBoard]
STEPS = 60


def artifact(network: SpikingNetwork) -> Artifact:
    """Return a network as boards get it."""
    populations = [f"p{k}" for k in range(int(network.population.max()) + 1)]
    return Artifact("snn", {"name": "n", "inputs": network.inputs, "populations": populations}, network.to_arrays())


def run(board: SanafeBoard, network: SpikingNetwork, events: Any, samples: int = 2) -> RunOutput:
    """Compile, map, load and run once."""
    board.load(board.map(board.compile(artifact(network))))
    return board.run(Batch("snn", "run", 0, {"steps": STEPS, "samples": samples}, events), MarkerLog())


def drawn(*, leaky: bool = True, currents: bool = False, bias: bool = True) -> SpikingNetwork:
    """Return 5 inputs, 8 neurons in two populations, all connected at random."""
    rng = np.random.default_rng(3)
    n, inputs = 8, 5
    rows = rng.random((inputs + n, n)) < 0.5
    decays = rng.integers(0, 4096, n) if leaky else np.zeros(n, np.int64)
    return SpikingNetwork(
        inputs=inputs,
        du=rng.integers(300, 4096, n) if currents else np.full(n, 4096),
        dv=decays,
        vth=rng.integers(2_000, 12_000, n),
        bias=rng.integers(-300, 900, n) * bias,
        population=np.array([0, 1, 0, 1, 1, 0, 0, 1]),
        outputs=np.arange(n),
        start=np.concatenate([[0], np.cumsum(rows.sum(axis=1))]),
        target=np.nonzero(rows)[1],
        weight=rng.integers(-120, 200, int(rows.sum())),
    )


def reference(network: SpikingNetwork, events: Any, samples: int = 2) -> Raster:
    """Return what the integer dynamics give."""
    return simulate(network, events, steps=STEPS, samples=samples)


def test_it_keeps_to_the_contract(open_board: Opener) -> None:
    """Every check of the conformance suite passes, the spikes of its sample included."""
    assert [f for f in check_board(open_board(), snn_sample()) if not f.passed] == []


@pytest.mark.parametrize("leaky", [True, False])
def test_spikes_are_those_of_the_integers(open_board: Opener, leaky: bool) -> None:
    """Without currents that last, SANA-FE's Loihi neuron gives every spike of the integer one."""
    network, events = drawn(leaky=leaky), some_events(5, steps=STEPS)

    output = run(open_board(), network, events)

    raster = reference(network, events)
    assert raster.counts.sum() > 100
    assert {name: array.tolist() for name, array in output.arrays.items()} == {
        name: array.tolist() for name, array in raster.answer(network).items()
    }
    assert output.meta["spikes"] == raster.counts.sum()
    assert "inexact" not in output.meta


def test_currents_that_last_differ_by_rounding_alone(open_board: Opener) -> None:
    """With decaying currents the model keeps fractions that the integers lose: hardly any spike differs."""
    network, events = drawn(currents=True), some_events(5, steps=STEPS)

    output = run(open_board(), network, events)

    raster = reference(network, events)
    assert np.abs(output.arrays["counts"] - raster.counts).sum() <= 0.01 * raster.counts.sum()
    assert "fractions" in output.meta["inexact"]


def test_a_nir_graph_runs(open_board: Opener) -> None:
    """A lowered graph gives the spikes of the reference."""
    network, events = lower(network_of(dense_graph())).network, some_events(6, steps=STEPS)

    output = run(open_board(), network, events)

    assert output.arrays["counts"].tolist() == reference(network, events).answer(network)["counts"].tolist()


def test_two_runs_are_equal_and_trials_do_not_touch(open_board: Opener) -> None:
    """Each sample starts from rest on a new chip: a second run gives the same, a sample alone gives its own counts."""
    network, events = drawn(), some_events(5, steps=STEPS)
    board = open_board()

    first, second = run(board, network, events), run(board, network, events)

    later = events["event_sample"] == 1
    alone = {name: array[later] for name, array in events.items()}
    third = run(board, network, alone | {"event_sample": np.zeros(later.sum(), np.int64)}, samples=1)
    assert first.meta == second.meta
    assert third.arrays["counts"][0].tolist() == first.arrays["counts"][1].tolist()


def test_times_and_energies_are_the_models(open_board: Opener) -> None:
    """A step takes at least Loihi's barrier; energies are told for the parts that the file has, and for no others."""
    network, events = drawn(), some_events(5, steps=STEPS)
    board = open_board()

    meta = run(board, network, events).meta

    assert meta["clock"] == "dut"
    assert 0.6e-6 < meta["mean_step_s"] < 3e-6
    assert meta["solve_s"] == pytest.approx(meta["mean_step_s"] * 2 * (STEPS + 1))
    told = sorted(name for name in meta if name.startswith("modelled_"))
    assert told == ["modelled_network_j", "modelled_soma_j", "modelled_synapse_j"]
    assert meta["modelled_synapse_j"] >= 24e-12 * meta["synaptic_operations"]
    notes = " ".join(board.info.notes)
    assert all(word in notes for word in ("VIRTUAL", "SANA-FE 2.2.9", "11.7 %", "24.3 %", "static power", "dendrite"))


def test_truenorth_integrates_and_has_no_energies(open_board: Opener) -> None:
    """IF neurons spike as the integers do; the file gives neither times nor energies, and the board says so."""
    network, events = drawn(leaky=False), some_events(5, steps=STEPS)
    board = open_board(architecture="truenorth")

    output = run(board, network, events)

    assert output.arrays["counts"].tolist() == reference(network, events).counts.tolist()
    assert not [name for name in output.meta if name.endswith("_j")]
    assert output.meta["mean_step_s"] == pytest.approx(1e-3)
    notes = " ".join(board.info.notes)
    assert "no energy for: synapse, dendrite, soma, network" in notes
    assert "published tick of 1 ms" in notes
    assert "input units were added" in notes


def test_truenorth_refuses_a_proportional_leak(open_board: Opener) -> None:
    """A neuron that its model cannot hold is refused, with what can be done."""
    with pytest.raises(UserError, match="TrueNorth's leak takes a fixed amount") as caught:
        open_board(architecture="truenorth").compile(artifact(drawn()))

    assert "IF neurons" in (caught.value.next_step or "")


def test_a_file_of_the_owner_is_a_chip(open_board: Opener, tmp_path: Path) -> None:
    """A YAML file makes another chip, with its own limits, energies and name."""
    (tmp_path / "mine.yaml").write_text(yaml.safe_dump(chip()))
    board = open_board(architecture=str(tmp_path / "mine.yaml"))
    network, events = drawn(), some_events(5, steps=STEPS)

    output = run(board, network, events)

    assert output.arrays["counts"].tolist() == reference(network, events).counts.tolist()
    assert board.info.family == "VIRTUAL small (SANA-FE)"
    assert output.meta["modelled_synapse_j"] == pytest.approx(2e-12 * output.meta["synaptic_operations"])


def test_a_file_that_sanafe_cannot_use_is_told_at_once(open_board: Opener, tmp_path: Path) -> None:
    """What SANA-FE misses in an architecture file is said when the bench starts."""
    body = chip()
    del body["architecture"]["attributes"]["link_buffer_size"]
    (tmp_path / "mine.yaml").write_text(yaml.safe_dump(body))

    with pytest.raises(InvalidConfig, match=r"SANA-FE says: .*link_buffer_size"):
        open_board(architecture=str(tmp_path / "mine.yaml"))


@pytest.mark.parametrize(
    ("options", "what"),
    [
        ({"architecture": "nothing.yaml"}, "'nothing.yaml' is neither loihi nor truenorth nor a readable file"),
        ({"architecture": "/dev/zero"}, "readable file of 262144 bytes"),
        ({"timing": "cycle"}, "Valid values: detailed, simple"),
        ({"address": "127.0.0.1:1"}, "either the address of a lab's chip or the Python"),
    ],
)
def test_wrong_options_are_refused(open_board: Opener, options: dict[str, str], what: str) -> None:
    """A bench file that contradicts itself says where."""
    with pytest.raises(InvalidConfig) as caught:
        open_board(**options)

    assert what in caught.value.message


def test_a_python_without_sanafe_is_told(open_board: Opener) -> None:
    """Neither a missing interpreter nor one without SANA-FE is a crash; both say how to get one."""
    for python in ("/nowhere/python", sys.executable):
        with pytest.raises(DriverMissing) as caught:
            open_board(python=python)
        assert "make sanafe-env" in (caught.value.next_step or "")


def test_a_lab_that_is_not_there_is_lost() -> None:
    """An address that nobody listens on is BoardLost, with the command to start a lab."""
    with pytest.raises(BoardLost, match="no simulated chip answers") as caught:
        SanafeBoard(BoardConfig(driver="sanafe", options={"address": "127.0.0.1:1"}))

    assert "neurorig lab start sanafe" in (caught.value.next_step or "")


def test_a_worker_that_is_killed_takes_nothing_with_it(open_board: Opener) -> None:
    """The run under way fails as a crash; the next load starts SANA-FE anew and gives the same spikes."""
    network, events = drawn(), some_events(5, steps=STEPS)
    board = open_board()
    right = run(board, network, events).arrays["counts"].tolist()
    assert board._engine is not None
    assert board._engine._child is not None
    os.kill(board._engine._child.pid, signal.SIGKILL)

    with pytest.raises(DriverCrashed, match="SANA-FE died during 'run'"):
        board.run(Batch("snn", "run", 0, {"steps": STEPS, "samples": 2}, events), MarkerLog())

    assert run(board, network, events).arrays["counts"].tolist() == right


def test_a_sample_that_takes_too_long_is_ended(open_board: Opener) -> None:
    """The limit of a sample kills the simulator, not the agent's patience."""
    board = open_board(sample_limit_s=5.0)
    events = some_events(5, steps=STEPS, samples=1)
    board.load(board.map(board.compile(artifact(drawn()))))
    assert board._engine is not None
    board._engine._limit_s = 0.001

    with pytest.raises(DriverTimeout, match="SANA-FE took longer"):
        board.run(Batch("snn", None, 0, {"steps": 100_000, "samples": 1}, events), MarkerLog())


@pytest.mark.parametrize(
    ("name", "values", "what"),
    [
        ("event_input", [5], "'event_input' does not lie in 0…4"),
        ("event_step", [STEPS], f"'event_step' does not lie in 0…{STEPS - 1}"),
        ("event_sample", [-1], "'event_sample' does not lie in 0…0"),
        ("event_step", [1, 0], "not sorted"),
    ],
)
def test_events_outside_the_run_are_refused(open_board: Opener, name: str, values: list[int], what: str) -> None:
    """Events that no chip could take do not reach the simulator."""
    board = open_board()
    board.load(board.map(board.compile(artifact(drawn()))))
    events = {key: np.zeros(len(values), np.int64) for key in ("event_sample", "event_step", "event_input")}

    with pytest.raises(WrongAnswer, match=what):
        board.run(
            Batch("snn", "run", 0, {"steps": STEPS, "samples": 1}, events | {name: np.array(values)}), MarkerLog()
        )


def test_size_is_bounded(open_board: Opener, monkeypatch: pytest.MonkeyPatch) -> None:
    """Too many synapses and too many steps are refused with the figures."""
    board, network = open_board(), drawn()
    monkeypatch.setattr(sanafe_driver, "MAX_SYNAPSES", 10)
    with pytest.raises(DoesNotFit, match="10 at most"):
        board.compile(artifact(network))
    monkeypatch.undo()
    board.load(board.map(board.compile(artifact(network))))
    nothing = {name: np.zeros(0, np.int64) for name in ("event_sample", "event_step", "event_input")}
    with pytest.raises(DoesNotFit, match="more than 10,000,000 steps"):
        board.run(Batch("snn", "run", 0, {"steps": 10_000_001, "samples": 1}, nothing), MarkerLog())


def test_a_malformed_network_is_refused(open_board: Opener) -> None:
    """Missing and contradicting arrays are the job's failure."""
    board, good = open_board(), artifact(drawn())

    for arrays in ({}, good.arrays | {"target": good.arrays["target"] + 99}):
        with pytest.raises(WrongAnswer, match="the network is malformed"):
            board.compile(replace(good, arrays=arrays))
