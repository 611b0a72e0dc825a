"""The driver works anybody's MLPerf Tiny firmware, quirks included, and ends every wait by itself."""

from __future__ import annotations

import contextlib
import math
import os
import re
import select
import threading
import time
import tty
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import serial

from neurorig_drivers.boards.mlperf_serial.serial_driver import MlperfSerial
from neurorig_drivers.interface import MarkerLog
from neurorig_protocols.bench import BoardConfig
from neurorig_protocols.board import Artifact, Batch
from neurorig_protocols.errors import BoardLost, DoesNotFit, JobError, NeurorigError, WrongAnswer

BAUD = 921600


def config(port: str, **options: Any) -> BoardConfig:
    """Return the board's part of a bench file."""
    return BoardConfig(driver="mlperf-serial", options={"port": port, "baud": BAUD, **options})


class ThirdParty:
    """Firmware of somebody else on a real pseudo-terminal: answers from a script of raw bytes.

    `script` is a list of (pattern of the command, raw answer); the first match answers. A callable gets the match.
    """

    def __init__(self, script: list[tuple[bytes, Any]], boot: bytes = b"") -> None:
        self._script = script
        self._master, self._slave = os.openpty()
        tty.setraw(self._slave)
        self._wake_r, self._wake_w = os.pipe()
        self.port = os.ttyname(self._slave)
        self.heard: list[bytes] = []
        self._thread = threading.Thread(target=self._live, name="third-party-firmware")
        os.write(self._master, boot)

    def __enter__(self) -> ThirdParty:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        os.write(self._wake_w, b"!")
        self._thread.join()
        for descriptor in (self._master, self._slave, self._wake_r, self._wake_w):
            os.close(descriptor)

    def _live(self) -> None:
        pending = b""
        while True:
            ready, _, _ = select.select([self._master, self._wake_r], [], [])
            if self._wake_r in ready:
                return
            *commands, pending = (pending + os.read(self._master, 4096)).split(b"%")
            for command in commands:
                self.heard.append(command)
                os.write(self._master, self._answer(command))

    def _answer(self, command: bytes) -> bytes:
        for pattern, answer in self._script:
            if match := re.fullmatch(pattern, command):
                return bytes(answer(match) if callable(answer) else answer)
        return b"e-[Unknown command: %s]\r\nm-ready\r\n" % command


class Loader:
    """Counts data bytes as firmware does, so that `m-load-done` comes when it should."""

    def __init__(self) -> None:
        self.data = b""
        self.left = 0

    def load(self, match: re.Match[bytes]) -> bytes:
        """Begin a load."""
        self.left, self.data = int(match[1]), b""
        return b"m-[Expecting %d bytes]\r\nm-ready\r\n" % self.left

    def take(self, match: re.Match[bytes]) -> bytes:
        """Take data bytes in."""
        data = bytes.fromhex(match[1].decode())
        self.left -= len(data)
        self.data += data
        return b"m-ready\r\n" if self.left else b"m-load-done\r\nm-ready\r\n"


NAME = (rb"name", b"m-name-dut-[ACME 3]\r\nm-ready\r\n")
PROFILE = (rb"profile", b"m-profile-[ULPMark for tinyML Firmware V0.0.1]\r\nm-model-[kws01]\r\nm-ready\r\n")
LAP = (rb"timestamp", b"m-lap-us-77\r\nm-ready\r\n")
PULSE = (rb"timestamp", b"m-ready\r\n")
INFER = (
    rb"infer (\d+) (\d+)",
    b"m-warmup-start-0\r\nm-warmup-done\r\nm-infer-start-1\r\nm-lap-us-4294967290\r\nm-lap-us-994\r\n"
    b"m-infer-done\r\nm-results-[0.125,0.875]\r\nm-ready\r\n",
)
KWS = Artifact("classifier", {"model": "kws01", "input_bytes": 40, "classes": 2})
INPUT = bytes(range(40))


def script(*changed: tuple[bytes, Any]) -> tuple[list[tuple[bytes, Any]], Loader]:
    """Return a whole firmware, with some answers changed, and its buffer."""
    loader = Loader()
    loading = [(rb"db load (\d+)", loader.load), (rb"db ([0-9a-f]+)", loader.take)]
    return [*changed, NAME, PROFILE, LAP, *loading, INFER], loader


def classify(board: MlperfSerial, model: Artifact = KWS) -> Any:
    """Run one input through all verbs and return the output's arrays."""
    with contextlib.closing(board):
        board.load(board.map(board.compile(model)))
        markers = MarkerLog()
        inputs = {"inputs": np.frombuffer(INPUT, np.uint8)[np.newaxis]}
        output = board.run(Batch("classifier", "run", 0, {}, inputs), markers)
        assert [record.edge for record in markers.records] == ["begin", "end"]
        return output.arrays


def test_foreign_firmware_is_driven_within_its_limits() -> None:
    """Commands fit its buffer, carry no newline, name the warm-ups, and wait for each `m-ready`; a lap may wrap."""
    answers, loader = script()
    with ThirdParty(answers) as dut:
        arrays = classify(MlperfSerial(config(dut.port)))
        heard = dut.heard
    assert arrays["labels"].tolist() == [1]
    assert arrays["latency_s"] == pytest.approx([1000e-6])
    assert loader.data == INPUT
    assert heard[:3] == [b"name", b"profile", b"timestamp"]
    assert heard[-4:] == [
        b"db load 40",
        b"db " + INPUT[:31].hex().encode(),
        b"db " + INPUT[31:].hex().encode(),
        b"infer 1 0",
    ]
    assert not any(command.startswith(b"session") for command in heard)


QUIRKS: dict[str, tuple[bytes, list[tuple[bytes, Any]]]] = {
    "boots while it is asked": (
        b"m-timestamp-mode-performance\r\nm-lap-us-1\r\nInitialized\r\nm-init-done\r\nm-ready\r\n",
        [],
    ),
    "talks before it boots": (b"\xff\x00garbage", []),
    "ends lines by newline alone": (
        b"",
        [(INFER[0], b"m-infer-done\nm-results-[0.1,0.9]\nm-ready\n"), (NAME[0], b"m-name-dut-[ACME 3]\nm-ready\n")],
    ),
    "prints text of its own": (b"", [(INFER[0], b"tick\r\n\r\n" + INFER[1])]),
    "tears a middle line": (b"", [(INFER[0], INFER[1].replace(b"m-infer-start-1", b"e-?fer-start-1"))]),
    "tears its last line": (b"", [(INFER[0], INFER[1].replace(b"m-ready\r\n", b"e-?m-re\r\n"))]),
    "tears the end of the inference": (b"", [(INFER[0], INFER[1].replace(b"m-infer-done", b"e-?infer-d"))]),
    "tears its results": (
        b"",
        [
            (INFER[0], INFER[1].replace(b"m-results-[0.125,0.875]", b"e-?sults-[0.1")),
            (rb"results", b"m-results-[0.125,0.875]\r\nm-ready\r\n"),
        ],
    ),
    "gives results only when asked": (
        b"",
        [
            (INFER[0], b"m-infer-done\r\nm-ready\r\n"),
            (rb"results", b"m-results-[0.125,0.875]\r\nm-ready\r\n"),
        ],
    ),
    "does not tell its model": (b"", [(PROFILE[0], b"m-profile-[V0]\r\nm-ready\r\n")]),
    "knows no profile": (b"", [(PROFILE[0], b"e-[Unknown command: profile]\r\nm-ready\r\n")]),
    "tells no laps": (b"", [PULSE]),
}


@pytest.mark.parametrize(("boot", "changed"), QUIRKS.values(), ids=QUIRKS)
def test_quirks_of_foreign_firmware_do_not_change_the_answer(boot: bytes, changed: list[tuple[bytes, Any]]) -> None:
    """Torn, late, missing and surplus lines leave the label right and the windows closed."""
    answers, loader = script(*changed)
    with ThirdParty(answers, boot) as dut:
        assert classify(MlperfSerial(config(dut.port)))["labels"].tolist() == [1]
    assert loader.data == INPUT


def test_firmware_that_does_not_tell_its_model_is_not_taken_for_checked() -> None:
    """The compile result says that nobody could check the model."""
    answers, _ = script((PROFILE[0], b"m-profile-[V0]\r\nm-ready\r\n"))
    with ThirdParty(answers) as dut, contextlib.closing(MlperfSerial(config(dut.port))) as board:
        assert board.compile(KWS).summary["model_checked"] is False
        assert any("not told" in note for note in board.info.notes)


def test_laps_that_are_missing_or_too_many_give_no_latency() -> None:
    """A latency is told by two laps or not at all."""
    answers, _ = script((INFER[0], INFER[1].replace(b"m-lap-us-994\r\n", b"")))
    with ThirdParty(answers) as dut:
        assert math.isnan(classify(MlperfSerial(config(dut.port)))["latency_s"][0])


def test_a_half_command_left_by_others_spoils_only_the_first_question() -> None:
    """A device that was left in the middle of a command is asked again until it tells its name."""
    stale = [b"db 00"]

    def named(match: re.Match[bytes]) -> bytes:
        return b"e-[Invalid hex digit 'na']\r\nm-ready\r\n" if stale and stale.pop() else NAME[1]

    answers, _ = script((NAME[0], named))
    with ThirdParty(answers) as dut:
        assert classify(MlperfSerial(config(dut.port)))["labels"].tolist() == [1]


def test_an_input_whose_confirmation_was_torn_is_sent_again() -> None:
    """A torn `m-load-done` might hide a torn byte, so the whole input goes over the line once more."""
    answers, loader = script()
    torn = [True]

    def take(match: re.Match[bytes]) -> bytes:
        answer = loader.take(match)
        return answer.replace(b"m-load-done", b"e-?load-d") if b"done" in answer and torn and torn.pop() else answer

    answers.insert(0, (rb"db ([0-9a-f]+)", take))
    with ThirdParty(answers) as dut:
        assert classify(MlperfSerial(config(dut.port)))["labels"].tolist() == [1]
        assert dut.heard.count(b"db load 40") == 3
    assert loader.data == INPUT


FLOOD = b"\xaa\x55" * 200
FAILURES: dict[str, tuple[type[NeurorigError], str, list[tuple[bytes, Any]]]] = {
    "falls silent": (BoardLost, "no end of the answer to 'infer 1 0%'", [(INFER[0], b"m-warmup-start-0\r\n")]),
    "sends garbage": (BoardLost, "no end of the answer", [(INFER[0], FLOOD)]),
    "restarts": (BoardLost, "restarted", [(INFER[0], b"m-timestamp-mode-performance\r\nm-init-done\r\nm-ready\r\n")]),
    "lost a character": (
        BoardLost,
        "'Unknown command: nfer'",
        [(INFER[0], b"e-[Unknown command: nfer]\r\nm-ready\r\n")],
    ),
    "refuses": (JobError, "'Input db has 3 elements'", [(INFER[0], b"e-[Input db has 3 elements]\r\nm-ready\r\n")]),
    "confirms no load": (BoardLost, "did not confirm", [(rb"db ([0-9a-f]+)", b"m-ready\r\n")]),
    "has a small buffer": (
        DoesNotFit,
        "buffer of 32 bytes",
        [(rb"db load (\d+)", b"Supplied buffer size 40 exceeds maximum of 32\nm-ready\r\n")],
    ),
    "has no results": (WrongAnswer, "no results", [(INFER[0], b"m-ready\r\n"), (rb"results", b"m-ready\r\n")]),
    "has other results": (WrongAnswer, "classes", [(INFER[0], b"m-results-[1.0]\r\nm-ready\r\n")]),
}


@pytest.mark.parametrize(("kind", "words", "changed"), FAILURES.values(), ids=FAILURES)
def test_failures_of_foreign_firmware_end_soon_and_in_its_own_words(
    kind: type[NeurorigError], words: str, changed: list[tuple[bytes, Any]]
) -> None:
    """Each failure has its class, says what the device said, and comes within the configured limits."""
    answers, _ = script(*changed)
    with ThirdParty(answers) as dut:
        board = MlperfSerial(config(dut.port, infer_s=0.5, reply_s=0.5))
        begin = time.monotonic()
        with pytest.raises(kind, match=words) as failure:
            classify(board)
    assert time.monotonic() - begin < 10
    assert failure.value.where == f"serial port {dut.port}"


def test_a_port_that_talks_without_end_is_given_up() -> None:
    """A device that answers the name and then never stops talking does not hold the driver."""
    answers, _ = script((NAME[0], NAME[1] + b"chatter\r\n" * 100))
    with ThirdParty(answers) as dut:
        stop = threading.Event()

        def chatter() -> None:
            while not stop.wait(0.005):
                with contextlib.suppress(BlockingIOError):
                    os.write(dut._master, b"tick\r\n")

        talking = threading.Thread(target=chatter)
        talking.start()
        begin = time.monotonic()
        try:
            with pytest.raises(BoardLost, match="without being asked"):
                MlperfSerial(config(dut.port))
        finally:
            stop.set()
            talking.join()
    assert time.monotonic() - begin < 5


def test_nobody_at_the_other_end_is_found_out_within_the_boot_time() -> None:
    """A silent port is asked a few times and then given up, with what to check."""
    with ThirdParty([(rb".*", b"")]) as dut:
        with pytest.raises(BoardLost, match=r"told its name within 1\.5 s"):
            MlperfSerial(config(dut.port, boot_s=1.5))
        assert dut.heard == [b"name", b"name"]


def test_a_port_that_is_not_there_or_not_free_is_named(tmp_path: Path) -> None:
    """A missing device, a file and a port held by another program each say which port and what to do."""
    missing, file = tmp_path / "ttyNONE", tmp_path / "file"
    file.write_text("no terminal")
    for path in (missing, file):
        with pytest.raises(BoardLost, match="cannot be opened") as failure:
            MlperfSerial(config(str(path)))
        assert str(path) in str(failure.value.where)
    answers, _ = script()
    with ThirdParty(answers) as dut, serial.Serial(dut.port, exclusive=True):
        with pytest.raises(BoardLost, match="lock") as failure:
            MlperfSerial(config(dut.port))
        assert "another program" in str(failure.value.next_step)
