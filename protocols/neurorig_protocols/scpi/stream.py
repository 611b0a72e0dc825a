"""Cuts the byte stream of a raw socket into program messages: one per line."""

from __future__ import annotations

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
