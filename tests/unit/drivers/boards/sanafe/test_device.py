"""The simulated chip in a virtual world: what it plays, marks and tells."""

from __future__ import annotations

import json
import os
import signal
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
from sanafe_kit import sanafe_python

from neurorig_drivers.boards.sanafe.engine import PARTS, Engine
from neurorig_drivers.boards.sanafe.sanafe_driver import SanafeBoard
from neurorig_drivers.boards.sanafe.simulated_chip import SimulatedChip, segments_to_play
from neurorig_drivers.conformance.board_checks import check_board, snn_sample
from neurorig_drivers.interface import MarkerLog
from neurorig_drivers.process.link import LinkServer
from neurorig_lab.world import World
from neurorig_protocols.bench import BoardConfig
from neurorig_protocols.errors import BoardLost, DriverCrashed, InfraError, InvalidConfig


@pytest.fixture
def engine() -> Iterator[Engine]:
    """SANA-FE with its Loihi."""
    engine = Engine(sanafe_python(), "loihi", 60.0)
    yield engine
    engine.close()


def world(truth: Path | None = None) -> World:
    """Return a world with the chip's rails."""
    return World(PARTS, mode="stepped", marker_mode="level", truth=truth, bench="sanafe")


def test_a_run_is_played_step_by_step_in_one_window(engine: Engine, tmp_path: Path) -> None:
    """Behind a port the board keeps to its contract, and the truth of a window is the sum of the steps played."""
    sample, truth = snn_sample(), tmp_path / "sanafe.jsonl"
    there = world(tmp_path)
    with LinkServer(SimulatedChip(engine, there).handle).serving() as address:
        config = BoardConfig(driver="sanafe", options={"address": address, "session": "one"})
        assert [f for f in check_board(SanafeBoard(config), sample) if not f.passed] == []
        board = SanafeBoard(config)
        board.load(board.map(board.compile(sample.artifact)))
        written = len(truth.read_text().splitlines())
        markers = MarkerLog()
        output = board.run(type(sample.batch)("snn", "run", 0, sample.batch.meta, sample.batch.arrays), markers)
        board.close()

    line = json.loads(truth.read_text().splitlines()[written])
    assert (line["t1_ns"] - line["t0_ns"]) * 1e-9 == pytest.approx(output.meta["solve_s"], abs=1e-9)
    assert line["energy_j"]["supply"] == pytest.approx(sum(line["energy_j"][part] for part in PARTS))
    assert line["energy_j"]["dendrite"] == 0
    assert all(line["energy_j"][part] > 0 for part in ("synapse", "soma", "network"))
    # Behind a port the energy is the analyser's to tell.
    assert not [name for name in output.meta if name.endswith("_j")]


def test_the_energy_played_is_the_energy_of_the_model(engine: Engine, tmp_path: Path) -> None:
    """A world's truth and what the model tells without a world are the same joules."""
    sample = snn_sample()
    message = {"call": "configure", "inputs": 2, "timing": "detailed", "session": "s"}
    run = {"call": "run", **sample.batch.meta, "marked": True, "session": "s"}
    told: dict[str, float] = {}
    for there in (None, world(tmp_path)):
        device = SimulatedChip(engine, there)
        assert device.handle(message, sample.artifact.arrays, lambda: False)[0] == {}
        told |= device.handle(run, sample.batch.arrays, lambda: False)[0]["activity"]

    (line,) = (tmp_path / "sanafe.jsonl").read_text().splitlines()
    truth = json.loads(line)["energy_j"]
    for part in ("synapse", "soma", "network"):
        assert truth[part] == pytest.approx(told[f"modelled_{part}_j"], rel=1e-9)


def test_a_run_for_nobody_ends(engine: Engine) -> None:
    """When the caller has hung up, no further sample is simulated."""
    sample = snn_sample()
    device = SimulatedChip(engine)
    device.handle({"call": "configure", "inputs": 2, "timing": "simple"}, sample.artifact.arrays, lambda: False)

    answer, _ = device.handle({"call": "run", **sample.batch.meta, "marked": False}, sample.batch.arrays, lambda: True)

    assert "hung up after 0 of 2 samples" in answer["error"]["message"]


def test_a_chip_without_energies_has_no_lab() -> None:
    """TrueNorth's file gives neither times nor energies: nothing could be measured, and that is said."""
    engine = Engine(sanafe_python(), "truenorth", 60.0)
    try:
        with pytest.raises(InvalidConfig, match="gives no times or no energies"):
            SimulatedChip(engine, world())
    finally:
        engine.close()


def test_a_world_of_other_rails_is_refused(engine: Engine) -> None:
    """The chip feeds from its own rails."""
    with pytest.raises(InvalidConfig, match="the world has core"):
        SimulatedChip(engine, World(("core",), mode="stepped", marker_mode="level"))


def test_a_lab_that_ends_is_a_lost_board(engine: Engine) -> None:
    """A board whose chip goes away is lost, not crashed."""
    with LinkServer(SimulatedChip(engine, world()).handle).serving() as address:
        board = SanafeBoard(BoardConfig(driver="sanafe", options={"address": address}))
        assert board._link is not None
        board._link.close()

    with pytest.raises(BoardLost, match="went away during 'configure'"):
        board.load(board.map(board.compile(snn_sample().artifact)))


def test_a_worker_that_dies_is_started_for_the_next_caller(engine: Engine) -> None:
    """A run on a dead simulator is a crash for its caller; the next ones, on lines of their own, are served."""
    sample = snn_sample()
    with LinkServer(SimulatedChip(engine, world()).handle).serving() as address:
        for dies in (True, False, False, True, False):
            board = SanafeBoard(BoardConfig(driver="sanafe", options={"address": address}))
            board.load(board.map(board.compile(sample.artifact)))
            if dies:
                assert engine._child is not None
                os.kill(engine._child.pid, signal.SIGKILL)
                with pytest.raises(DriverCrashed, match="SANA-FE died"):
                    board.run(sample.batch, MarkerLog())
            else:
                assert board.run(sample.batch, MarkerLog()).meta["spikes"] == 19
            board.close()


def test_steps_without_duration_join_the_one_before() -> None:
    """Their energy is not lost, and no segment is empty."""
    energy = np.array([[1.0], [2.0], [4.0], [8.0]])

    seconds, power = segments_to_play(np.array([0.0, 0.5, 0.0, 2.0]), energy)

    assert seconds.tolist() == [0.5, 2.0]
    assert (seconds[:, np.newaxis] * power).tolist() == [[7.0], [8.0]]
    with pytest.raises(InfraError, match="without duration"):
        segments_to_play(np.zeros(2), np.ones((2, 1)))
