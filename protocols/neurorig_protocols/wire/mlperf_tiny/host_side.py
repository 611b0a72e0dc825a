"""The host's side of the MLPerf Tiny serial protocol: commands to bytes, bytes to replies. No port, no clock."""

from __future__ import annotations

from neurorig_protocols.wire.mlperf_tiny.lines import reply_of
from neurorig_protocols.wire.mlperf_tiny.words import (
    DIRECT_CHUNK_BYTES,
    MAX_CHUNK_BYTES,
    PLAIN_COMMANDS,
    SAFE_COMMAND_CHARS,
    TERMINATOR,
    Command,
    DbBytes,
    DbLoad,
    DbPrint,
    Infer,
    Other,
    Reply,
)

MAX_LINE_BYTES = 16384
"""A longer line is noise; it is handed on in pieces, so that memory stays bounded."""


_WORDS = {command: word for word, command in PLAIN_COMMANDS.items()}


def _text_of(command: Command) -> str:
    match command:
        case DbLoad(count):
            return f"db load {count}"
        case DbBytes(data, None) if data:
            return f"db {data.hex()}"
        case DbPrint():
            return "db print"
        case Infer(iterations, warmups):
            return f"infer {iterations} {warmups}"
        case Other(text):
            return text
    try:
        return _WORDS[command]
    except KeyError:
        raise ValueError(f"a host does not send {command}") from None


def encode_command(command: Command) -> bytes:
    """Return a command with its terminator; ValueError when a device could not take it as it is."""
    text = _text_of(command)
    if len(text) > SAFE_COMMAND_CHARS or not text.isascii() or not text.isprintable() or TERMINATOR in text:
        raise ValueError(f"no command of at most {SAFE_COMMAND_CHARS} plain characters: {text[:100]!r}")
    return (text + TERMINATOR).encode("ascii")


def load_commands(data: bytes, chunk_bytes: int = DIRECT_CHUNK_BYTES) -> list[Command]:
    """Return the commands that bring input data to the device, at most `chunk_bytes` in each."""
    if not data or not 1 <= chunk_bytes <= MAX_CHUNK_BYTES:
        raise ValueError(f"{len(data)} bytes in chunks of {chunk_bytes} (1 to {MAX_CHUNK_BYTES})")
    chunks = [DbBytes(data[at : at + chunk_bytes]) for at in range(0, len(data), chunk_bytes)]
    return [DbLoad(len(data)), *chunks]


class ReplyReader:
    """Cuts a device's bytes into replies, however they arrive."""

    def __init__(self) -> None:
        self._rest = b""

    def feed(self, data: bytes) -> list[Reply]:
        """Take bytes in and return the replies that they complete; empty lines say nothing."""
        *lines, rest = (self._rest + data).split(b"\n")
        whole = len(rest) // MAX_LINE_BYTES * MAX_LINE_BYTES
        self._rest = rest[whole:]
        pieces = [piece for line in (*lines, rest[:whole]) for piece in _pieces(line)]
        texts = [piece.translate(None, b"\r\0").decode("ascii", "backslashreplace") for piece in pieces]
        return [reply_of(text) for text in texts if text]


def _pieces(line: bytes) -> list[bytes]:
    return [line[at : at + MAX_LINE_BYTES] for at in range(0, len(line), MAX_LINE_BYTES)]
