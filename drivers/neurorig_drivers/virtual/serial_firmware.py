"""The firmware of the virtual serial board: what it answers to each MLPerf Tiny command.

Vendor string and help text say that it is virtual. One command is its own, and no part of the protocol: `session LABEL`
names the measuring session in the virtual world's truth.
"""

from __future__ import annotations

from collections.abc import Callable

from neurorig_drivers.virtual.serial_mcu import Mode, VirtualMcu
from neurorig_drivers.virtual.serial_network import FirmwareNetwork
from neurorig_protocols.serial.mlperf_tiny import (
    AskHelp,
    AskName,
    AskProfile,
    AskResults,
    Command,
    DbBytes,
    DbLoad,
    DbPrint,
    Failure,
    Infer,
    InferDone,
    InferStart,
    InitDone,
    Lap,
    Malformed,
    Model,
    Name,
    Other,
    Profile,
    Ready,
    Reply,
    Results,
    Text,
    Timestamp,
    TimestampMode,
    WarmupDone,
    WarmupStart,
)
from neurorig_protocols.serial.mlperf_tiny_device import InputBuffer, encode_reply

VENDOR = "neurorig VIRTUAL Cortex-M4"
VERSION = "neurorig virtual firmware 1"
SESSION = "session"

# The second word is misspelt in every firmware of this family, and runners may have learnt it.
_HELP = (
    f"{VERSION}: a VIRTUAL board, nothing here is measured on silicon",
    "name            who this is",
    "timestsamp      stamp this instant (the command is spelt timestamp)",
    "profile         firmware and model",
    "db load N       expect N bytes",
    "db HH[HH]*      bytes in hex",
    "db print        the expected bytes",
    "infer N W       N inferences between timestamps, after W others",
    "results         output of the last inference",
    f"{SESSION} LABEL   name the session in the virtual world's truth",
)


class Firmware:
    """Answers commands one after the other; every answer ends with `m-ready`."""

    def __init__(self, send: Callable[[bytes], None], mcu: VirtualMcu, network: FirmwareNetwork, mode: Mode) -> None:
        self._send = send
        self._mcu = mcu
        self._network = network
        self._mode = mode
        self._buffer = InputBuffer()
        self._scores: tuple[int, ...] = (0,) * network.classes

    def boot(self) -> None:
        """Send the boot transcript, with the one timestamp that the initialisation makes."""
        self._say(TimestampMode(self._mode))
        self._stamp()
        self._say(Text("VIRTUAL board initialised"), InitDone(), Ready())

    def handle(self, command: Command) -> None:
        """Do what a command asks and answer it."""
        match command:
            case Timestamp():
                self._stamp()
            case Infer(iterations, warmups):
                self._infer(iterations, warmups)
            case Other(text) if text.startswith(f"{SESSION} "):
                label = text.removeprefix(f"{SESSION} ")
                self._mcu.session(label)
                self._say(Text(f"m-session-[{label}]"))
            case _:
                self._say(*self._answer(command))
        self._say(Ready())

    def _answer(self, command: Command) -> list[Reply]:  # noqa: PLR0911 - one line per command
        match command:
            case AskName():
                return [Name(VENDOR)]
            case AskProfile():
                return [Profile(VERSION), Model(self._network.model)]
            case AskHelp():
                return [Text(line) for line in _HELP]
            case AskResults():
                return [self._results()]
            case DbLoad(count):
                return [self._buffer.load(count)]
            case DbBytes():
                return self._buffer.write(command)
            case DbPrint():
                return self._buffer.rows()
            case Malformed(text):
                return [Failure(text)]
            case Other():
                return [Failure(f"Unknown command: {command.word}")]
        raise AssertionError(f"no answer to {command}")

    def _infer(self, iterations: int, warmups: int) -> None:
        self._say(WarmupStart(warmups))
        self._mcu.warm_up(warmups)
        self._say(WarmupDone(), InferStart(iterations))
        span = self._mcu.start(iterations)
        # One computation stands for all N: the same integers on the same input give the same scores.
        self._scores = self._network.infer(self._buffer.content(self._network.input_bytes))
        self._say(*map(Lap, self._mcu.finish(span)), InferDone(), self._results())

    def _stamp(self) -> None:
        if (lap := self._mcu.timestamp()) is not None:
            self._say(Lap(lap))

    def _results(self) -> Reply:
        return Results(tuple(float(score) for score in self._scores))

    def _say(self, *replies: Reply) -> None:
        self._send(b"".join(encode_reply(reply) for reply in replies))
