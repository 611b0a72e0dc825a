"""HiSLIP messages (IVI-6.1, version 1.0): a 16-byte header and a payload, in both directions.

    "HS" | type u8 | control code u8 | parameter u32 | payload length u64 | payload          (big-endian)

Framing only; what a server does with the messages is in `hislip_server.py`.
"""

from __future__ import annotations

import struct
from dataclasses import dataclass
from enum import IntEnum

HEADER = struct.Struct("!2sBBIQ")
PROLOGUE = b"HS"
DEFAULT_PORT = 4880
MAX_PAYLOAD_BYTES = 1 << 20
"""Largest payload that is taken; a peer learns it by AsyncMaxMsgSize."""


class MessageType(IntEnum):
    """IVI-6.1, table 4; those of later versions (TLS, descriptors) are left out."""

    INITIALIZE = 0
    INITIALIZE_RESPONSE = 1
    FATAL_ERROR = 2
    ERROR = 3
    ASYNC_LOCK = 4
    ASYNC_LOCK_RESPONSE = 5
    DATA = 6
    DATA_END = 7
    DEVICE_CLEAR_COMPLETE = 8
    DEVICE_CLEAR_ACKNOWLEDGE = 9
    ASYNC_REMOTE_LOCAL_CONTROL = 10
    ASYNC_REMOTE_LOCAL_RESPONSE = 11
    TRIGGER = 12
    INTERRUPTED = 13
    ASYNC_INTERRUPTED = 14
    ASYNC_MAX_MSG_SIZE = 15
    ASYNC_MAX_MSG_SIZE_RESPONSE = 16
    ASYNC_INITIALIZE = 17
    ASYNC_INITIALIZE_RESPONSE = 18
    ASYNC_DEVICE_CLEAR = 19
    ASYNC_SERVICE_REQUEST = 20
    ASYNC_STATUS_QUERY = 21
    ASYNC_STATUS_RESPONSE = 22
    ASYNC_DEVICE_CLEAR_ACKNOWLEDGE = 23
    ASYNC_LOCK_INFO = 24
    ASYNC_LOCK_INFO_RESPONSE = 25


@dataclass(frozen=True)
class Message:
    """One message. `kind` is a plain number where the type is none we know.

    `refused` is the payload's length where it was too large and has been thrown away.
    """

    kind: int
    control: int = 0
    parameter: int = 0
    payload: bytes = b""
    refused: int = 0


class FramingError(Exception):
    """The bytes are no HiSLIP message; nothing that follows on the connection can be trusted."""


def encode(message: Message) -> bytes:
    """Return the bytes of a message."""
    return (
        HEADER.pack(PROLOGUE, message.kind, message.control, message.parameter, len(message.payload)) + message.payload
    )


class Decoder:
    """Bytes in, messages out. Holds at most one header and one payload of the allowed size."""

    def __init__(self, max_payload: int = MAX_PAYLOAD_BYTES) -> None:
        self._max_payload = max_payload
        self._held = bytearray()
        self._skip = 0

    def receive(self, data: bytes) -> list[Message]:
        """Return the messages that these bytes complete; FramingError when they are none."""
        self._held += data
        messages: list[Message] = []
        while (message := self._next()) is not None:
            messages.append(message)
        return messages

    def _next(self) -> Message | None:
        if self._skip:
            skipped = min(self._skip, len(self._held))
            del self._held[:skipped]
            self._skip -= skipped
        if not self._held.startswith(PROLOGUE[: len(self._held)]):
            raise FramingError(f"a message begins with {bytes(self._held[:2])!r}")
        if self._skip or len(self._held) < HEADER.size:
            return None
        _, kind, control, parameter, length = HEADER.unpack_from(self._held)
        if length > self._max_payload:
            del self._held[: HEADER.size]
            self._skip = length
            return Message(kind, control, parameter, refused=length)
        end = HEADER.size + length
        if len(self._held) < end:
            return None
        payload = bytes(self._held[HEADER.size : end])
        del self._held[:end]
        return Message(kind, control, parameter, payload)
