"""Framing of IEEE 488.2: lines of a raw socket, definite-length blocks."""

from __future__ import annotations

from neurorig_protocols.wire.scpi.status import ScpiError

PREFIX_BYTES = 2
"""Length of the part that says how long the length is."""


def encode_block(data: bytes) -> bytes:
    """Frame bytes; ValueError from a gigabyte on, which needs more digits than there are."""
    length = str(len(data))
    if len(length) > 9:
        raise ValueError(f"a block cannot hold {length} bytes")
    return f"#{len(length)}{length}".encode("ascii") + data


def length_digits(prefix: bytes) -> int:
    """Return how many digits of length follow the first two bytes of a block; ScpiError -161 when it is none."""
    if len(prefix) != PREFIX_BYTES or prefix[:1] != b"#" or prefix[1:] not in b"123456789":
        raise ScpiError(-161, repr(prefix[:8]))
    return int(prefix[1:])


def block_length(digits: bytes) -> int:
    """Return the length in bytes that the digits after the prefix say; ScpiError -161 when they are no digits."""
    if not digits.isdigit():
        raise ScpiError(-161, repr(digits[:8]))
    return int(digits)


MAX_MESSAGE_BYTES = 1 << 16
"""Longest program message that is taken, on any transport."""


class MessageReader:
    """Bytes in, messages out. A line that is too long is thrown away up to its end."""

    def __init__(self, limit: int = MAX_MESSAGE_BYTES) -> None:
        self._limit = limit
        self._held = bytearray()
        self._skipping = False

    def receive(self, data: bytes) -> list[bytes | None]:
        """Return the messages that these bytes complete, without their newlines; None stands for one too long."""
        *lines, rest = data.split(b"\n")
        messages: list[bytes | None] = [self._finish(line) for line in lines]
        self._hold(rest)
        return messages

    def _finish(self, line: bytes) -> bytes | None:
        self._hold(line)
        message = None if self._skipping else bytes(self._held).removesuffix(b"\r")
        self._held.clear()
        self._skipping = False
        return message

    def _hold(self, part: bytes) -> None:
        if len(self._held) + len(part) > self._limit:
            self._skipping = True
            self._held.clear()
        if not self._skipping:
            self._held += part
