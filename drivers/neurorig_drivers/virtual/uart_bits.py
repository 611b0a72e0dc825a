"""What a UART receives when the two ends do not agree on the baud rate: the bits, sampled at the wrong times."""

from __future__ import annotations

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
