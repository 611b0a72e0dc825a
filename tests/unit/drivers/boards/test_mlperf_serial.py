"""The driver takes the virtual board through whole jobs and says what went wrong when it cannot."""

from __future__ import annotations

import contextlib
import json
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from neurorig_agents.workloads.prepare_digits import read_images
from neurorig_drivers.boards.mlperf_serial.serial_driver import MlperfSerial
from neurorig_drivers.interface import MarkerLog
from neurorig_lab.serial_dut import SerialDut
from neurorig_lab.serial_mcu import Mode
from neurorig_lab.world import World
from neurorig_protocols.bench import BoardConfig
from neurorig_protocols.board import Artifact, Batch, Placement
from neurorig_protocols.errors import (
    BoardLost,
    DoesNotFit,
    DriverMissing,
    InfraError,
    InvalidConfig,
    JobError,
    UserError,
)
from neurorig_protocols.plan import PhaseName
from neurorig_protocols.workloads.digits.network import MODEL_ID, Int8Mlp, network_bytes

BAUD = 921600


def config(port: str, **options: Any) -> BoardConfig:
    """Return the board's part of a bench file."""
    return BoardConfig(driver="mlperf-serial", options={"port": port, "baud": BAUD, **options})


def digits(**meta: Any) -> Artifact:
    """Return the digit workload's model."""
    return Artifact("classifier", {"model": MODEL_ID, "input_bytes": 784, "classes": 10, **meta})


def batch(inputs: Any, phase: PhaseName | None = "run", index: int = 0, **meta: Any) -> Batch:
    """Return a batch of inputs."""
    return Batch("classifier", phase, index, meta, {"inputs": np.asarray(inputs, np.uint8)})


def prepared(board: MlperfSerial, model: Artifact) -> MlperfSerial:
    """Take a board through compile, map and load."""
    board.load(board.map(board.compile(model)))
    return board


@contextlib.contextmanager
def virtual(mode: Mode, world: World | None = None) -> Iterator[SerialDut]:
    """Yield a booted virtual board in this process."""
    board = SerialDut(world or World(["mcu"], mode="realtime", marker_mode="pulse"), mode, BAUD)
    try:
        board.boot()
        yield board
    finally:
        board.close()


@contextlib.contextmanager
def process(module: str, *options: str) -> Iterator[tuple[subprocess.Popen[str], dict[str, Any]]]:
    """Start a process of the virtual lab; yields it and what it announced."""
    command = [sys.executable, "-m", f"neurorig_lab.{module}", *options]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as child:
        assert child.stdout is not None
        try:
            yield child, json.loads(child.stdout.readline())
        finally:
            child.kill()


@pytest.fixture
def lab(tmp_path: Path) -> Iterator[Callable[[Mode], tuple[subprocess.Popen[str], str]]]:
    """Return a function that starts a world and a board as processes of their own; it returns board and port."""
    with contextlib.ExitStack() as stack:

        def start(mode: Mode) -> tuple[subprocess.Popen[str], str]:
            options = ("--mode", "realtime", "--rails", "mcu", "--marker-mode", "pulse", "--truth", str(tmp_path))
            _, world = stack.enter_context(process("world_server", *options))
            child, board = stack.enter_context(process("serial_dut", "--world", world["address"], "--mode", mode))
            return child, board["port"]

        yield start


def test_two_hundred_digits_equal_the_reference_at_a_pace_of_twelve_seconds(
    lab: Callable[[Mode], tuple[subprocess.Popen[str], str]], tmp_path: Path
) -> None:
    """A whole attempt over real processes gives the reference's scores image by image, with a window for each.

    The pace is that of the best ten images, because a test cannot know what else its machine is doing.
    """
    _, port = lab("energy")
    images, _ = read_images(0, 200)
    board = prepared(MlperfSerial(config(port)), digits(session="attempt-7"))
    markers, outputs, paces_s = MarkerLog(), [], []
    board.run(batch(images, None), markers)
    board.idle(0.01, 0, markers)
    for first in range(0, 200, 10):
        begin = time.monotonic()
        outputs.append(board.run(batch(images[first : first + 10], index=first, iterations=1), markers))
        paces_s.append((time.monotonic() - begin) / 10)
    board.idle(0.01, 1, markers)
    board.close()

    scores = Int8Mlp.from_bytes(network_bytes()).scores(images)
    assert np.array_equal(np.concatenate([output.arrays["scores"] for output in outputs]), scores)
    labels = np.concatenate([output.arrays["labels"] for output in outputs])
    assert np.array_equal(labels, scores.argmax(axis=1))
    assert np.isnan(outputs[0].arrays["latency_s"]).all()
    assert outputs[0].meta == {"clock": "host", "windows": 10}
    phases = [(m.phase, m.index) for m in markers.records if m.edge == "begin"]
    assert phases == [("idle", 0), *(("run", k) for k in range(200)), ("idle", 1)]
    truth = [json.loads(line) for line in (tmp_path / "virtual.jsonl").read_text().splitlines()]
    mine = [line for line in truth if line["session"] == "attempt-7"]
    assert [line["window"] for line in mine] == [*range(202)]
    assert [line["energy_j"]["mcu"] > 0 for line in mine] == [False, *[True] * 200, False]
    assert min(paces_s) * 200 <= 12


def test_performance_mode_tells_the_latency_on_the_boards_clock() -> None:
    """The two laps of N inferences give the latency of one, and host-side marks enclose them."""
    with virtual("performance") as dut:
        board = prepared(MlperfSerial(config(dut.port)), digits())
        markers = MarkerLog()
        board.idle(0.01, 0, markers)
        output = board.run(batch(np.zeros((2, 784)), index=10, iterations=5, warmups=1), markers)
        board.close()
    assert output.arrays["latency_s"] == pytest.approx([1.588e-3] * 2, abs=1e-6)
    assert output.meta == {"clock": "dut", "windows": 2}
    assert board.info.clock == "dut"
    idle, first, second = [
        (begin.phase, begin.index, end.t_ns - begin.t_ns)
        for begin, end in zip(markers.records[::2], markers.records[1::2], strict=True)
    ]
    assert idle[:2] == ("idle", 0)
    assert idle[2] >= 10_000_000
    assert (first[:2], second[:2]) == (("run", 10), ("run", 11))
    assert min(first[2], second[2]) >= 5 * 1_588_000


def test_a_pass_without_a_phase_runs_one_input_and_marks_nothing() -> None:
    """The ranging pass costs one inference, whatever the batch holds, and an unmarked idle costs none."""
    with virtual("performance") as dut:
        board = prepared(MlperfSerial(config(dut.port)), digits())
        markers = MarkerLog()
        output = board.run(batch(np.zeros((5, 784)), None), markers)
        board.idle(0.001, None, markers)
        board.close()
    assert len(output.arrays["labels"]) == 1
    assert output.meta["windows"] == 0
    assert markers.records == []


def test_the_board_says_that_it_is_virtual_and_fixed() -> None:
    """Who it is, its mode and its model stand in the info; placing a fixed firmware takes nothing."""
    with virtual("energy") as dut:
        board = MlperfSerial(config(dut.port))
        compiled = board.compile(digits())
        placement = board.map(compiled)
        board.close()
    assert "VIRTUAL" in board.info.family
    assert any("energy mode" in note for note in board.info.notes)
    assert compiled.summary["model_checked"] is True
    assert (placement.cores, placement.memory_bytes, placement.utilisation) == (0, 0, {})
    assert "fixed firmware" in placement.summary["note"]


def test_a_job_that_is_not_for_this_board_is_refused_with_both_names() -> None:
    """Another model, another kind or an input beyond the buffer: the error says what is held and what was asked."""
    with virtual("energy") as dut:
        board = MlperfSerial(config(dut.port))
        with pytest.raises(JobError, match="'mnist01', not 'kws01'"):
            board.compile(Artifact("classifier", {"model": "kws01", "input_bytes": 490, "classes": 12}))
        with pytest.raises(UserError, match="qubo"):
            board.compile(Artifact("qubo", {}))
        with pytest.raises(UserError, match="session"):
            board.compile(digits(session="50% of it"))
        with pytest.raises(DoesNotFit) as failure:
            board.map(board.compile(Artifact("classifier", {"model": MODEL_ID, "input_bytes": 27649, "classes": 10})))
        assert failure.value.detail == {"limit": "input buffer bytes", "needed": 27649, "available": 27648}
        prepared(board, digits())
        with pytest.raises(JobError, match="784"):
            board.run(batch(np.zeros((1, 783))), MarkerLog())
        board.close()


def test_verbs_out_of_order_are_refused_and_close_comes_twice() -> None:
    """Nothing runs before it was loaded, nothing at all after close, and closing again does nothing."""
    with virtual("energy") as dut:
        board = MlperfSerial(config(dut.port))
        with pytest.raises(InfraError, match="out of order"):
            board.load(Placement(cores=0, memory_bytes=0))
        with pytest.raises(InfraError, match="out of order"):
            board.idle(0, 0, MarkerLog())
        with pytest.raises(InfraError, match="out of order"):
            board.run(batch(np.zeros((1, 784))), MarkerLog())
        board.close()
        board.close()
        with pytest.raises(InfraError, match="closed"):
            board.compile(digits())


def test_a_killed_board_is_lost_at_once_and_no_window_is_closed(
    lab: Callable[[Mode], tuple[subprocess.Popen[str], str]],
) -> None:
    """A port that vanishes mid-run ends the run within seconds; the window that was cut stays open."""
    child, port = lab("energy")
    board = prepared(MlperfSerial(config(port)), digits())
    markers = KillingLog(child, after=3)
    begin = time.monotonic()
    with pytest.raises(BoardLost, match=r"vanished|does not take data"):
        board.run(batch(np.zeros((10, 784))), markers)
    assert time.monotonic() - begin < 5
    assert [record.edge for record in markers.records] == ["begin", "end"] * 3 + ["begin"]
    with pytest.raises(BoardLost, match="lost before"):
        board.idle(0, 0, MarkerLog())
    board.close()


class KillingLog(MarkerLog):
    """Kills the board when a certain window begins."""

    def __init__(self, child: subprocess.Popen[str], after: int) -> None:
        super().__init__()
        self._child = child
        self._after = after

    def begin(self, phase: PhaseName, index: int) -> None:
        """Note the window, and pull the plug in the chosen one."""
        super().begin(phase, index)
        if index == self._after:
            self._child.kill()
            self._child.wait()


def test_a_board_that_comes_back_serves_the_next_job(tmp_path: Path) -> None:
    """A driver outlives its board: the next map connects to what now answers behind the same link."""
    link = tmp_path / "dut"
    with virtual("energy") as dut:
        link.symlink_to(dut.port)
        board = prepared(MlperfSerial(config(str(link))), digits())
    with pytest.raises(BoardLost):
        board.idle(0, 0, MarkerLog())
    with virtual("energy") as dut:
        link.unlink()
        link.symlink_to(dut.port)
        output = prepared(board, digits()).run(batch(np.zeros((1, 784))), MarkerLog())
        assert output.meta["windows"] == 1
    with pytest.raises(BoardLost):
        board.idle(0, 0, MarkerLog())
    with virtual("performance") as dut:
        link.unlink()
        link.symlink_to(dut.port)
        with pytest.raises(BoardLost, match="another board"):
            prepared(board, digits())
    board.close()


def test_a_wrong_baud_rate_is_named_as_the_likely_reason() -> None:
    """Garbage in both directions ends after the boot time with the setting to check."""
    with virtual("energy") as dut, pytest.raises(BoardLost) as failure:
        MlperfSerial(config(dut.port, baud=115200, boot_s=1.0))
    assert "board.options.baud" in str(failure.value.next_step)


@pytest.mark.parametrize(
    "options",
    [{}, {"port": ""}, {"port": "x", "speed": 1}, {"port": "x", "baud": 0}, {"port": "x", "chunk_bytes": 39}],
    ids=str,
)
def test_options_that_cannot_be_right_are_refused_before_any_port_is_opened(options: dict[str, Any]) -> None:
    """Missing, unknown and impossible options are an invalid bench file."""
    with pytest.raises(InvalidConfig, match="options"):
        MlperfSerial(BoardConfig(driver="mlperf-serial", options=options))


def test_a_missing_serial_library_is_named_with_its_command(monkeypatch: pytest.MonkeyPatch) -> None:
    """The driver imports without pyserial and says what to install when it is used."""
    monkeypatch.setitem(sys.modules, "serial", None)
    with pytest.raises(DriverMissing) as failure:
        MlperfSerial(config("anything"))
    assert failure.value.next_step == "pip install 'neurorig[agent]'"
