"""A virtual microcontroller board with MLPerf Tiny firmware, as a process behind a pseudo-terminal."""

from __future__ import annotations

import contextlib
import os
import signal
import threading
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import cast

import click

from neurorig_lab.device_process import announce, stop_signals
from neurorig_lab.serial_mcu import UNKNOWN, FirmwareNetwork, Mode, VirtualMcu
from neurorig_lab.uart import BAUD_RATES, Uart
from neurorig_lab.world import WorldAccess
from neurorig_lab.world_client import WorldClient
from neurorig_protocols.wire.mlperf_tiny.device_side import CommandReader, InputBuffer, encode_reply
from neurorig_protocols.wire.mlperf_tiny.words import (
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


class SerialDut:
    """The board: its port, its firmware, and the thread in which it lives."""

    def __init__(
        self, world: WorldAccess, mode: Mode, baud: int, *, on_failure: Callable[[], None] = lambda: None
    ) -> None:
        network = FirmwareNetwork()
        self._stopped = threading.Event()
        mcu = VirtualMcu(world, mode, network.macs, self._stopped)
        self._uart = Uart(baud)
        self._firmware = Firmware(self._uart.write, mcu, network, mode)
        self._thread = threading.Thread(target=self._live, name="virtual-serial-board")
        self._on_failure = on_failure
        self.port = self._uart.port
        self.failure: Exception | None = None
        """Why the board died by itself, if it did."""

    def boot(self) -> None:
        """Send the boot transcript, then answer commands in the background."""
        self._firmware.boot()
        self._thread.start()

    def close(self) -> None:
        """Switch the board off: its port vanishes."""
        self._stopped.set()
        self._uart.stop()
        if self._thread.ident is not None:
            self._thread.join()
        self._uart.close()

    def _live(self) -> None:
        reader = CommandReader()
        try:
            while data := self._uart.read():
                for command in reader.feed(data):
                    self._firmware.handle(command)
        except (OSError, ValueError) as error:
            # The world is gone: a board without power is a dead process, not a silent one.
            self.failure = error
            self._on_failure()


@click.command()
@click.option("--world", "address", required=True, help="Address of the virtual world.")
@click.option("--mode", type=click.Choice(["energy", "performance"]), required=True)
@click.option("--baud", type=click.Choice(BAUD_RATES), default=921600, show_default=True)
@click.option("--link", type=click.Path(path_type=Path), help="Symbolic link to the port, made here and removed.")
def main(address: str, mode: str, baud: int, link: Path | None) -> None:
    """Run the virtual serial board until it is told to stop."""
    with stop_signals() as wait:
        try:
            world = WorldClient(address)
            board = SerialDut(world, cast(Mode, mode), baud, on_failure=_stop_this_process)
        except (OSError, ValueError) as error:
            raise click.ClickException(f"the virtual serial board has no world to live in: {error}") from error
        with contextlib.closing(world), contextlib.closing(board):
            board.boot()
            with _linked(link, board.port):
                announce(port=str(link or board.port), mode=mode, baud=baud, vendor=VENDOR, unknown=list(UNKNOWN))
                wait()
    if board.failure is not None:
        raise click.ClickException(f"the virtual serial board lost its world: {board.failure}")


def _stop_this_process() -> None:
    os.kill(os.getpid(), signal.SIGTERM)


@contextlib.contextmanager
def _linked(link: Path | None, port: str) -> Iterator[None]:
    """Let the link point at the port; one that a killed board left behind is replaced, anything else is not."""
    if link is None:
        yield
        return
    if link.is_symlink():
        link.unlink()
    link.symlink_to(port)
    try:
        yield
    finally:
        if link.is_symlink() and str(link.readlink()) == port:
            link.unlink()


if __name__ == "__main__":
    main()
