"""The virtual serial board speaks MLPerf Tiny to anyone and plays its computing into the virtual world."""

from __future__ import annotations

import contextlib
import json
import re
import signal
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import serial

from neurorig_agents.workloads.prepare_digits import read_images
from neurorig_lab.serial_dut import SerialDut
from neurorig_lab.serial_mcu import CONSTANTS, HOLD_S, UNKNOWN, FirmwareNetwork, Mode
from neurorig_lab.world import World
from neurorig_protocols.workloads.digits.network import Int8Mlp, network_bytes

BAUD = 921600
INFERENCE_S = 25_408 * 4 / 64e6
"""784 * 32 + 32 * 10 multiply-accumulates of 4 cycles at 64 MHz."""
INFERENCE_J = 25_408 * 4 * 0.324e-9


def ask(port: serial.Serial, command: bytes) -> bytes:
    """Send raw bytes and return the raw answer, as a runner that has never heard of us would."""
    port.write(command)
    answer: bytes = port.read_until(b"m-ready\r\n")
    assert answer.endswith(b"m-ready\r\n"), f"{command!r} was answered by {answer!r}"
    return answer


@contextlib.contextmanager
def booted(mode: Mode, world: World) -> Iterator[serial.Serial]:
    """Yield a real serial client of a board that lives in this process."""
    board = SerialDut(world, mode, BAUD)
    try:
        with serial.Serial(board.port, BAUD, timeout=5) as port:
            board.boot()
            yield port
    finally:
        board.close()


@pytest.fixture
def world(tmp_path: Path) -> World:
    """Return a virtual world with the board's rail, which writes its truth into tmp_path."""
    return World(["mcu"], mode="realtime", marker_mode="pulse", truth=tmp_path / "truth")


BOOT = {
    "energy": rb"m-timestamp-mode-energy\r\nVIRTUAL board initialised\r\nm-init-done\r\nm-ready\r\n",
    "performance": rb"m-timestamp-mode-performance\r\nm-lap-us-\d+\r\nVIRTUAL board initialised\r\n"
    rb"m-init-done\r\nm-ready\r\n",
}

# What a runner sends, and what it must hear before `m-ready`. The order matters: the buffer and the results persist.
DIALOGUE: list[tuple[bytes, bytes]] = [
    (b"name%", rb"m-name-dut-\[neurorig VIRTUAL Cortex-M4\]\r\n"),
    (b"profile%", rb"m-profile-\[neurorig virtual firmware 1\]\r\nm-model-\[mnist01\]\r\n"),
    (b"help%", rb"(?s:.*VIRTUAL.*timestsamp.*)\r\n"),
    (b"results%", rb"m-results-\[0\.000(,0\.000){9}\]\r\n"),
    (b"db load 12%", rb"m-\[Expecting 12 bytes\]\r\n"),
    (b"db 000102030405060708%", rb""),
    (b"db 090a0bff%", rb"m-load-done\r\n"),
    (b"db print%", rb"m-buffer-00-01-02-03-04-05-06-07\r\nm-buffer-08-09-0a-0b\r\n\r\n"),
    (b"db load 27649%", rb"Supplied buffer size 27649 exceeds maximum of 27648\n"),
    (b"db load 784%", rb"m-\[Expecting 784 bytes\]\r\n"),
    (b"db%", rb"e-\[Command 'db' requires a subcommand\]\r\n"),
    (b"db load%", rb"e-\[Command 'db load' requires the # of bytes\]\r\n"),
    (b"db load 0%", rb"e-\[Command 'db load' must be >0 bytes\]\r\n"),
    (b"db 1%", rb"e-\[Insufficent number of hex digits\]\r\n"),
    (b"db 0g%", rb"e-\[Invalid hex digit '0g'\]\r\n"),
    (b"infer 0 0%", rb"e-\[Inference iterations must be >0\]\r\n"),
    (b"infer 1 -1%", rb"e-\[Inference warmup must be >=0\]\r\n"),
    (b"reset%", rb"e-\[Unknown command: reset\]\r\n"),
    (b"\r\nname%", rb"e-\[Unknown command: \r\nname\]\r\n"),
    (
        b"infer 2 3%",
        rb"m-warmup-start-3\r\nm-warmup-done\r\nm-infer-start-2\r\nLAPSm-infer-done\r\n"
        rb"m-results-\[(-?\d+\.000,){9}-?\d+\.000\]\r\n",
    ),
    (b"infer%", rb"m-warmup-start-10\r\nm-warmup-done\r\nm-infer-start-1\r\nLAPSm-infer-done\r\nm-results-\[.*\]\r\n"),
    (b"timestamp%", rb"LAP"),
]


@pytest.mark.parametrize("mode", ["energy", "performance"])
def test_a_runner_that_knows_only_the_protocol_gets_its_answers(mode: Mode, world: World) -> None:
    """Each command of a raw dialogue is answered byte by byte as the API's firmware answers it, in both modes."""
    lap = rb"m-lap-us-\d+\r\n" if mode == "performance" else b""
    with booted(mode, world) as port:
        assert re.fullmatch(BOOT[mode], port.read_until(b"m-ready\r\n"))
        for command, expected in DIALOGUE:
            pattern = expected.replace(b"LAPS", lap * 2).replace(b"LAP", lap) + rb"m-ready\r\n"
            assert re.fullmatch(pattern, ask(port, command)), command


def test_commands_pasted_together_are_all_answered(world: World) -> None:
    """Eight names in one breath give eight answers: nothing that arrives during an answer is lost."""
    with booted("energy", world) as port:
        port.read_until(b"m-ready\r\n")
        port.write(b"name%" * 8)
        answers = b"".join(port.read_until(b"m-ready\r\n") for _ in range(8))
        assert answers.count(b"m-name-dut-[") == answers.count(b"m-ready\r\n") == 8


def test_the_firmware_and_the_reference_agree_image_by_image() -> None:
    """Two implementations that share only the weights give the same ten integers for each of 200 digits."""
    images, _ = read_images(0, 200)
    firmware = FirmwareNetwork()
    scores = [firmware.infer(image.tobytes()) for image in images]
    assert np.array_equal(scores, Int8Mlp.from_bytes(network_bytes()).scores(images))
    assert firmware.macs == 25_408


def test_laps_tell_the_time_of_the_inferences(world: World) -> None:
    """In performance mode the two timestamps lie N inference times apart, to the microsecond."""
    with booted("performance", world) as port:
        port.read_until(b"m-ready\r\n")
        for count in (1, 10):
            laps = [int(lap) for lap in re.findall(rb"m-lap-us-(\d+)", ask(port, b"infer %d 4%%" % count))]
            assert abs(laps[1] - laps[0] - count * INFERENCE_S * 1e6) <= 1


def test_energy_windows_hold_the_energy_of_their_inferences(
    world: World, read_truth: Callable[[], list[dict[str, Any]]]
) -> None:
    """In energy mode a window is exactly N inferences long and holds exactly their energy, without the warm-up's."""
    with booted("energy", world) as port:
        port.read_until(b"m-ready\r\n")
        ask(port, b"session run-1%")
        for count in (1, 10):
            ask(port, b"infer %d 7%%" % count)
        ask(port, b"timestamp%")
        ask(port, b"timestamp%")
        world.mark(1)
        now_ns = world.now_ns()
        mean_w, _ = world.sample(np.array([0, now_ns], float), ["mcu"])
        windows = [line for line in read_truth() if line["session"] == "run-1"]
    assert mean_w[0, 0] * now_ns * 1e-9 == pytest.approx((1 + 7 + 10 + 7) * INFERENCE_J, rel=1e-6)
    assert [line["window"] for line in windows] == [0, 1, 2]
    for line, count in zip(windows, (1, 10, 0), strict=True):
        assert line["energy_j"]["mcu"] == pytest.approx(count * INFERENCE_J, rel=1e-6)
        assert line["energy_j"]["supply"] == line["energy_j"]["mcu"]
    assert [(line["t1_ns"] - line["t0_ns"]) for line in windows[:2]] == [1_588_000, 15_880_000]


def test_a_meter_sees_every_pulse_and_the_one_at_boot(world: World) -> None:
    """Pulses stay low for 50 us or longer, so a sampled line shows one at boot and two for an inference."""
    with booted("energy", world) as port:
        port.read_until(b"m-ready\r\n")
        ask(port, b"infer 3 0%")
        edges = np.arange(0, world.now_ns(), HOLD_S * 1e9)
        _, line = world.sample(edges, ["mcu"])
    falls = np.flatnonzero(np.diff(line.astype(int)) < 0)
    assert len(falls) == 3


def test_a_new_session_begins_with_a_window_of_its_own(
    world: World, read_truth: Callable[[], list[dict[str, Any]]]
) -> None:
    """A pulse left over from before, such as the one at boot, cannot pair up with the session's first."""
    with booted("energy", world) as port:
        port.read_until(b"m-ready\r\n")
        for session in (b"first", b"second"):
            assert b"m-session-[" + session in ask(port, b"session " + session + b"%")
            ask(port, b"infer 1 0%")
            ask(port, b"timestamp%")
    whole = [line for line in read_truth() if line["energy_j"]["mcu"] > 0]
    assert [(line["session"], line["window"]) for line in whole] == [("first", 0), ("second", 0)]


def test_what_nobody_has_published_is_listed_as_unknown(world: World) -> None:
    """A constant has a value, a source and a grade, or it is unknown, without a grade, and not in the model."""
    assert all((c.value is None) == (c.grade is None) for c in CONSTANTS)
    assert all(c.source and c.unit for c in CONSTANTS)
    assert "idle power" in UNKNOWN
    with booted("energy", world) as port:
        port.read_until(b"m-ready\r\n")
        power, _ = world.sample(np.array([0, world.now_ns()], float), ["mcu"])
        assert power[0, 0] == 0


@pytest.mark.parametrize(("rail", "marker", "fault"), [("core", "pulse", "no rail 'mcu'"), ("mcu", "level", "pulses")])
def test_a_world_that_does_not_fit_is_refused(rail: str, marker: Any, fault: str) -> None:
    """Without its rail, or with a marker line that means something else, the board does not start."""
    with pytest.raises(ValueError, match=fault):
        SerialDut(World([rail], mode="realtime", marker_mode=marker), "energy", BAUD)


@contextlib.contextmanager
def process(module: str, *options: str) -> Iterator[tuple[subprocess.Popen[str], dict[str, Any]]]:
    """Start a process of the virtual lab; yields it and what it announced."""
    command = [sys.executable, "-m", f"neurorig_lab.{module}", *options]
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True) as child:
        assert child.stdout is not None
        try:
            yield child, json.loads(child.stdout.readline())
        finally:
            child.kill()


WORLD = ("--mode", "realtime", "--rails", "mcu", "--marker-mode", "pulse")


def test_the_process_announces_its_port_and_leaves_no_link_behind(tmp_path: Path) -> None:
    """A client finds the board behind the link, and the link goes when the board is told to stop."""
    link = tmp_path / "dut"
    link.symlink_to("left-by-a-killed-board")
    with process("world_server", *WORLD) as (_, there):
        options = ("--world", there["address"], "--mode", "performance", "--baud", "115200", "--link", str(link))
        with process("serial_dut", *options) as (child, announced):
            assert (announced["port"], announced["baud"], announced["mode"]) == (str(link), 115200, "performance")
            assert "idle power" in announced["unknown"]
            with serial.Serial(announced["port"], 115200, timeout=5) as port:
                assert b"VIRTUAL" in ask(port, b"name%")
            child.send_signal(signal.SIGTERM)
            assert child.wait(5) == 0
            assert not link.is_symlink()


def test_a_board_that_loses_its_world_dies_and_says_why() -> None:
    """A board without a world does not go on answering as if it drew power."""
    with contextlib.ExitStack() as stack:
        world_child, there = stack.enter_context(process("world_server", *WORLD))
        options = ("--world", there["address"], "--mode", "energy")
        child, announced = stack.enter_context(process("serial_dut", *options))
        with serial.Serial(announced["port"], BAUD, timeout=5) as port:
            ask(port, b"name%")
            world_child.kill()
            world_child.wait()
            port.write(b"timestamp%")
            assert child.wait(5) == 1
        assert child.stderr is not None
        assert "lost its world" in child.stderr.read()


def test_a_board_without_a_world_does_not_start() -> None:
    """An address where nobody listens ends the process with a sentence, not with a traceback."""
    command = [sys.executable, "-m", "neurorig_lab.serial_dut", "--mode", "energy", "--world"]
    ended = subprocess.run([*command, "127.0.0.1:1"], capture_output=True, text=True, timeout=30, check=False)
    assert ended.returncode == 1
    assert "no world to live in" in ended.stderr
    assert "Traceback" not in ended.stderr
