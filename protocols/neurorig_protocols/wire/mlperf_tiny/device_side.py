"""The device's side of the MLPerf Tiny serial protocol: bytes to commands, replies to bytes, the input buffer.

It takes a command as the API's firmware does, quirks included: a stray newline is part of the next command, what
exceeds the command buffer is lost, numbers are read as C's atoi reads them. No port, no clock, no inference.
"""

from __future__ import annotations

import re

from neurorig_protocols.wire.mlperf_tiny.lines import line_of
from neurorig_protocols.wire.mlperf_tiny.words import (
    API_BUFFER_BYTES,
    COMMAND_CHARS,
    DEFAULT_ITERATIONS,
    DEFAULT_WARMUPS,
    PLAIN_COMMANDS,
    TERMINATOR,
    BufferRow,
    Command,
    DbBytes,
    DbLoad,
    DbPrint,
    Expecting,
    Failure,
    Infer,
    LoadDone,
    Malformed,
    Other,
    Reply,
    Text,
    TooLarge,
)

_INT_MAX = 2**31 - 1


def encode_reply(reply: Reply) -> bytes:
    """Return a reply as the device sends it."""
    end = "\n" if isinstance(reply, TooLarge) else "\r\n"
    return (line_of(reply) + end).encode("latin-1", "backslashreplace")


class CommandReader:
    """Cuts a host's bytes into commands."""

    def __init__(self) -> None:
        self._text = b""

    def feed(self, data: bytes) -> list[Command]:
        """Take bytes in and return the commands that they complete."""
        *ended, rest = data.split(TERMINATOR.encode())
        texts = []
        for part in ended:
            texts.append((self._text + part)[:COMMAND_CHARS])
            self._text = b""
        self._text = (self._text + rest)[:COMMAND_CHARS]
        return [command_of(text.decode("latin-1")) for text in texts]


def command_of(text: str) -> Command:
    """Return what a command's text asks for."""
    # The firmware handles C strings: what follows a NUL is not seen.
    text = text.split("\0", 1)[0]
    words = [word for word in text.split(" ") if word]
    match words:
        case ["db", *arguments]:
            return _db_command(arguments)
        case ["infer", *arguments]:
            return _infer_command(arguments)
        case [word, *_] if word in PLAIN_COMMANDS:
            return PLAIN_COMMANDS[word]
    return Other(text.strip(" "))


def _atoi(text: str) -> int:
    match = re.match(r"[ \t\n\v\f\r]*([-+]?[0-9]+)", text)
    value = int(match[1]) if match else 0
    return max(-_INT_MAX, min(value, _INT_MAX))


def _infer_command(arguments: list[str]) -> Command:
    iterations = _atoi(arguments[0]) if arguments else DEFAULT_ITERATIONS
    warmups = _atoi(arguments[1]) if len(arguments) > 1 else DEFAULT_WARMUPS
    if iterations <= 0:
        return Malformed("Inference iterations must be >0")
    if warmups < 0:
        return Malformed("Inference warmup must be >=0")
    return Infer(iterations, warmups)


def _db_command(arguments: list[str]) -> Command:
    match arguments:
        case []:
            return Malformed("Command 'db' requires a subcommand")
        case ["load"]:
            return Malformed("Command 'db load' requires the # of bytes")
        case ["load", number, *_]:
            count = _atoi(number)
            return DbLoad(count) if count else Malformed("Command 'db load' must be >0 bytes")
        case ["print", *_]:
            return DbPrint()
    return _db_bytes(arguments[0])


def _db_bytes(digits: str) -> Command:
    if len(digits) % 2:
        # The firmware's own spelling.
        return Malformed("Insufficent number of hex digits")
    pairs = [digits[i : i + 2] for i in range(0, len(digits), 2)]
    good = bytearray()
    for pair in pairs:
        if not re.fullmatch("[0-9a-fA-F]{2}", pair):
            return DbBytes(bytes(good), invalid=pair)
        good.append(int(pair, 16))
    return DbBytes(bytes(good))


class InputBuffer:
    """The static buffer that `db` commands fill. Its content survives until it is overwritten."""

    def __init__(self, maximum: int = API_BUFFER_BYTES) -> None:
        self._bytes = bytearray(maximum)
        self._size = 0
        self._position = 0

    def content(self, count: int) -> bytes:
        """Return the first `count` bytes, whether or not a load put them there."""
        return bytes(self._bytes[:count])

    def load(self, count: int) -> Reply:
        """Begin a load. A size that is refused is kept all the same, as the firmware does."""
        self._size, self._position = count, 0
        if 0 < count <= len(self._bytes):
            return Expecting(count)
        return TooLarge(count, len(self._bytes))

    def write(self, command: DbBytes) -> list[Reply]:
        """Put data bytes in; those beyond the announced size are ignored, and so is what is wrong with them."""
        room = max(min(self._size, len(self._bytes)) - self._position, 0)
        data = command.data[:room]
        self._bytes[self._position : self._position + len(data)] = data
        self._position += len(data)
        if data and self._position == self._size:
            return [LoadDone()]
        if command.invalid is not None and room:
            return [Failure(f"Invalid hex digit '{command.invalid}'")]
        return []

    def rows(self) -> list[Reply]:
        """Return the announced bytes, eight to a line; a short last line is followed by an empty one."""
        held = self.content(max(min(self._size, len(self._bytes)), 0))
        rows: list[Reply] = [BufferRow(held[at : at + 8]) for at in range(0, len(held), 8)]
        return [*rows, Text("")] if len(held) % 8 else rows
