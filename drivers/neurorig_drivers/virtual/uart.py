"""A virtual UART: a pseudo-terminal that is as slow as a wire, and as unforgiving about the baud rate.

The kernel's pseudo-terminal carries any amount at once and ignores the rate that a client sets. Here a character takes
ten bit times, and a client whose rate differs sends and sees garbage. Not modelled: parity, flow control, break, and
receiving while the device is busy: such characters wait, so the wire may be slower than the real one, never faster.
Linux and macOS only.
"""

from __future__ import annotations

import contextlib
import os
import re
import select
import termios
import threading
import time
import tty

from neurorig_drivers.virtual.uart_bits import BITS_PER_CHARACTER, as_received

_RATE_OF: dict[int, int] = {
    getattr(termios, name): int(name[1:]) for name in dir(termios) if re.fullmatch("B[1-9][0-9]*", name)
}
BAUD_RATES = tuple(sorted(_RATE_OF.values()))
"""Rates that this system's terminals know by name."""

_NAMELESS_RATE = 300
"""Stands for a rate without a name: garbage to every device that is faster."""

_SLICE = 128
"""Characters that appear together: fewer wake-ups; one may be seen late, by up to a command, but never early."""


class _Pace:
    """One direction of the wire."""

    def __init__(self, stopped: threading.Event) -> None:
        self._stopped = stopped
        self._free_s = 0.0

    def begin(self) -> None:
        """Characters follow; they wait until those before them have passed."""
        self._free_s = max(self._free_s, time.monotonic())

    def carry(self, characters: int, baud: int) -> None:
        """Return when so many more characters have passed. Instants are absolute: oversleeping does not add up."""
        self._free_s += characters * BITS_PER_CHARACTER / baud
        if (left := self._free_s - time.monotonic()) > 0:
            self._stopped.wait(left)


class Uart:
    """The device's end. One thread reads and writes; `stop` may come from any."""

    def __init__(self, baud: int) -> None:
        if baud not in BAUD_RATES:
            raise ValueError(f"{baud} baud is none of {', '.join(map(str, BAUD_RATES))}")
        self.baud = baud
        self._device_end, self._client_end = os.openpty()
        tty.setraw(self._client_end)
        self._set_client_rate(baud)
        os.set_blocking(self._device_end, False)
        # The client's end stays open here too: a terminal that nobody holds would report a hang-up.
        self.port = os.ttyname(self._client_end)
        self._wake_r, self._wake_w = os.pipe()
        self._stopped = threading.Event()
        self._incoming = b""
        self._receiving, self._sending = _Pace(self._stopped), _Pace(self._stopped)

    def read(self) -> bytes:
        """Return the next characters when they have arrived; b"" after `stop`."""
        while not self._incoming and not self._stopped.is_set():
            sent = self._wait_for_client()
            self._receiving.begin()
            if (rate := self._client_rate()) == self.baud:
                self._incoming = sent
                break
            self._receiving.carry(len(sent), rate)
            if garbage := as_received(sent, rate, self.baud):
                return garbage
        part, self._incoming = self._incoming[:_SLICE], self._incoming[_SLICE:]
        self._receiving.carry(len(part), self.baud)
        return part

    def write(self, data: bytes) -> None:
        """Send characters at the wire's pace."""
        self._sending.begin()
        if (rate := self._client_rate()) != self.baud:
            self._sending.carry(len(data), self.baud)
            self._show(as_received(data, self.baud, rate))
            return
        for at in range(0, len(data), _SLICE):
            part = data[at : at + _SLICE]
            self._sending.carry(len(part), self.baud)
            self._show(part)

    def stop(self) -> None:
        """Make `read` return at once and `write` stop waiting. Any thread, any number of times."""
        if not self._stopped.is_set():
            self._stopped.set()
            os.write(self._wake_w, b"!")

    def close(self) -> None:
        """Unplug the port: a client sees it vanish."""
        for descriptor in (self._device_end, self._client_end, self._wake_r, self._wake_w):
            os.close(descriptor)

    def _wait_for_client(self) -> bytes:
        ready, _, _ = select.select([self._device_end, self._wake_r], [], [])
        return os.read(self._device_end, 4096) if self._device_end in ready else b""

    def _show(self, data: bytes) -> None:
        # What no client takes out of a full buffer is lost, as on a wire.
        with contextlib.suppress(BlockingIOError):
            os.write(self._device_end, data)

    def _client_rate(self) -> int:
        return _RATE_OF.get(termios.tcgetattr(self._client_end)[5], _NAMELESS_RATE)

    def _set_client_rate(self, baud: int) -> None:
        settings = termios.tcgetattr(self._client_end)
        settings[4] = settings[5] = getattr(termios, f"B{baud}")
        termios.tcsetattr(self._client_end, termios.TCSANOW, settings)
