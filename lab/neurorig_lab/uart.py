"""A virtual UART: a pseudo-terminal as slow as a wire, and what it receives when the baud rates do not agree."""

from __future__ import annotations

import contextlib
import os
import re
import select
import termios
import threading
import time
import tty

BITS_PER_CHARACTER = 10
"""Start bit, eight data bits, no parity, stop bit."""


def as_received(data: bytes, sender_baud: int, receiver_baud: int) -> bytes:
    """Return the characters that a receiver makes of characters sent back to back on an idle line.

    The receiver samples each bit in its middle by its own rate and hunts for the next start bit after each stop bit.
    A stop bit that is not high gives the character 0, as a terminal without error marking reports it.
    """
    line = _Line(data, receiver_baud / sender_baud)
    received = bytearray()
    at = 0.0
    while (start := line.next_fall(at)) is not None:
        # Half a bit in, the line must still be low: a shorter dip is no start bit.
        if line.level(start, 0.5):
            at = line.after(start, 0.5)
            continue
        character = sum(line.level(start, 1.5 + bit) << bit for bit in range(8))
        received.append(character if line.level(start, 9.5) else 0)
        at = line.after(start, 9.5)
    return bytes(received)


class _Line:
    """The level of the wire, in time units of one sender bit; high before and after."""

    def __init__(self, data: bytes, ratio: float) -> None:
        self._bits = [bit for byte in data for bit in (0, *((byte >> i) & 1 for i in range(8)), 1)]
        self._ratio = ratio

    def after(self, start: int, receiver_bits: float) -> float:
        """Return the instant so many receiver bits after a start edge."""
        return start + receiver_bits / self._ratio

    def level(self, start: int, receiver_bits: float) -> int:
        """Return the level at that instant."""
        index = int(self.after(start, receiver_bits))
        return self._bits[index] if index < len(self._bits) else 1

    def next_fall(self, at: float) -> int | None:
        """Return the first falling edge at or after an instant, None when the line stays high."""
        for index in range(-int(-at // 1), len(self._bits)):
            if self._bits[index] == 0 and (index == 0 or self._bits[index - 1] == 1):
                return index
        return None


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
