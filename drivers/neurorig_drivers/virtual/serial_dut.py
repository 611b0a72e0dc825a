"""A virtual microcontroller board with MLPerf Tiny firmware, as a process behind a pseudo-terminal.

    python -m neurorig_drivers.virtual.serial_dut --world ADDRESS --mode energy --baud 921600 --link PATH

prints one JSON line, with the port, when it has booted. The protocol and the network's integers are real; inference
time and power are modelled after `serial_constants.py` and played into a virtual world. It is no emulator: no
instruction of any microcontroller is executed.
"""

from __future__ import annotations

import contextlib
import os
import signal
import threading
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import cast

import click

from neurorig_drivers.virtual.process import announce, stop_signals
from neurorig_drivers.virtual.serial_constants import UNKNOWN
from neurorig_drivers.virtual.serial_firmware import VENDOR, Firmware
from neurorig_drivers.virtual.serial_mcu import Mode, VirtualMcu
from neurorig_drivers.virtual.serial_network import FirmwareNetwork
from neurorig_drivers.virtual.uart import BAUD_RATES, Uart
from neurorig_drivers.virtual.world import WorldAccess
from neurorig_drivers.virtual.world_client import WorldClient
from neurorig_protocols.serial.mlperf_tiny_device import CommandReader


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
