"""One HiSLIP session of a server once both its channels are open: events, interruption, device clear, locks."""

from __future__ import annotations

import struct
from dataclasses import dataclass
from typing import Literal

from neurorig_protocols.wire.hislip.messages import HEADER, MAX_PAYLOAD_BYTES, Message, MessageType, encode
from neurorig_protocols.wire.scpi.stream import MAX_MESSAGE_BYTES


@dataclass(frozen=True)
class Send:
    """Write these bytes to a connection."""

    connection: int
    data: bytes


@dataclass(frozen=True)
class Close:
    """Close a connection after what was sent to it."""

    connection: int


@dataclass(frozen=True)
class Program:
    """A whole program message for the instrument; answer it with `respond`. `message` None: it was too long."""

    session: int
    message_id: int
    message: bytes | None


@dataclass(frozen=True)
class Cleared:
    """The session asked for a device clear: nothing that it sent before counts any more."""

    session: int


@dataclass(frozen=True)
class Interrupted:
    """The session sent a new message before it had read the answer to the last one: error -410."""

    session: int


@dataclass(frozen=True)
class StatusAsked:
    """The session asked for the status byte; answer with `status`."""

    session: int
    message_available: bool


@dataclass(frozen=True)
class LockWaits:
    """A lock is not free; call `lock_expired` after this time, which does nothing if it was granted by then."""

    session: int
    timeout_s: float


Event = Send | Close | Program | Cleared | Interrupted | StatusAsked | LockWaits


Released = Literal["exclusive", "shared"]


class LockTable:
    """Sessions are numbers. A session may hold the exclusive lock, a share of the shared one, or both."""

    def __init__(self) -> None:
        self.exclusive: int | None = None
        self._key = b""
        self._sharers: set[int] = set()

    @property
    def holders(self) -> int:
        """Number of sessions that hold a lock."""
        return len(self._sharers | ({self.exclusive} if self.exclusive is not None else set()))

    def holds(self, session: int, key: bytes) -> bool:
        """Whether the session holds the lock it asks for: an empty key means the exclusive one."""
        return session in self._sharers if key else session == self.exclusive

    def keeps_out(self, session: int) -> bool:
        """Whether the session must wait until others release."""
        if self.exclusive is not None:
            return self.exclusive != session
        return bool(self._sharers) and session not in self._sharers

    def request(self, session: int, key: bytes) -> bool:
        """Grant a lock if it is free for this session; says whether it did."""
        if self.keeps_out(session) and not self._may_join(session, key):
            return False
        if key:
            self._key = key
            self._sharers.add(session)
        else:
            self.exclusive = session
        return True

    def release(self, session: int) -> Released | None:
        """Give back the exclusive lock if the session holds it, else its share; None when it holds neither."""
        if self.exclusive == session:
            self.exclusive = None
            return "exclusive"
        if session in self._sharers:
            self._sharers.discard(session)
            return "shared"
        return None

    def _may_join(self, session: int, key: bytes) -> bool:
        free_of_others = self.exclusive in (None, session)
        return free_of_others and bool(key) and key == self._key


_RMT_DELIVERED = 1


class Session:
    """A synchronous connection for messages, an asynchronous one for everything that must not wait behind them."""

    def __init__(self, number: int, synchronous: int) -> None:
        self.number = number
        self.synchronous = synchronous
        self.asynchronous: int | None = None
        self._max_message = MAX_PAYLOAD_BYTES
        self._message_id = 0
        self._unread = False
        self._clearing = False
        self._too_long = False
        self._partial = bytearray()

    @property
    def connections(self) -> list[int]:
        """The connections that are there."""
        return [c for c in (self.synchronous, self.asynchronous) if c is not None]

    def tell(self, kind: MessageType, control: int = 0, parameter: int = 0, payload: bytes = b"") -> list[Event]:
        """Send a message on the asynchronous channel."""
        if self.asynchronous is None:
            return []
        return [Send(self.asynchronous, encode(Message(kind, control, parameter, payload)))]

    def data(self, message: Message) -> list[Event]:
        """Take in a part of a program message; its last part makes it whole."""
        if self._clearing:
            return []
        events = self._interruption(message)
        self._message_id = message.parameter
        self._too_long |= len(self._partial) + len(message.payload) > MAX_MESSAGE_BYTES
        if not self._too_long:
            self._partial += message.payload
        if message.kind == MessageType.DATA_END:
            whole = None if self._too_long else bytes(self._partial)
            events.append(Program(self.number, message.parameter, whole))
            self._forget_message()
        return events

    def trigger(self, message: Message) -> list[Event]:
        """A Trigger message means the same as the command *TRG."""
        return self.data(Message(MessageType.DATA_END, message.control, message.parameter, b"*TRG"))

    def respond(self, message_id: int, response: bytes) -> list[Event]:
        """Send the answer to a message on the synchronous channel, in parts that the peer can take.

        If the peer has sent more since then, it does not want this answer any longer.
        """
        if self._clearing or not response:
            return []
        if message_id != self._message_id:
            return self._interrupted(self._message_id)
        self._unread = True
        size = max(self._max_message - HEADER.size, 1)
        parts = [response[at : at + size] for at in range(0, len(response), size)]
        kinds = [MessageType.DATA] * (len(parts) - 1) + [MessageType.DATA_END]
        return [
            Send(self.synchronous, encode(Message(kind, 0, message_id, part)))
            for kind, part in zip(kinds, parts, strict=True)
        ]

    def status_query(self, message: Message) -> list[Event]:
        """Ask for the status byte; the query may say that the last answer has been read."""
        if message.control & _RMT_DELIVERED:
            self._unread = False
        return [StatusAsked(self.number, self._unread)]

    def clear(self) -> list[Event]:
        """Throw away what has come in; the synchronous channel is deaf until the peer has emptied it."""
        self._clearing, self._unread = True, False
        self._forget_message()
        return [Cleared(self.number), *self.tell(MessageType.ASYNC_DEVICE_CLEAR_ACKNOWLEDGE)]

    def clear_complete(self) -> list[Event]:
        """The peer has emptied the synchronous channel."""
        self._clearing = False
        return [Send(self.synchronous, encode(Message(MessageType.DEVICE_CLEAR_ACKNOWLEDGE)))]

    def max_size(self, message: Message) -> list[Event]:
        """Note the largest message the peer takes and tell ours, both in bytes."""
        if len(message.payload) == 8:
            (self._max_message,) = struct.unpack("!Q", message.payload)
        ours = struct.pack("!Q", MAX_PAYLOAD_BYTES)
        return self.tell(MessageType.ASYNC_MAX_MSG_SIZE_RESPONSE, payload=ours)

    def _interruption(self, message: Message) -> list[Event]:
        unread = self._unread and not message.control & _RMT_DELIVERED
        self._unread = False
        return self._interrupted(message.parameter) if unread else []

    def _interrupted(self, by_message_id: int) -> list[Event]:
        return [
            Interrupted(self.number),
            Send(self.synchronous, encode(Message(MessageType.INTERRUPTED, 0, by_message_id))),
            *self.tell(MessageType.ASYNC_INTERRUPTED, 0, by_message_id),
        ]

    def _forget_message(self) -> None:
        self._partial.clear()
        self._too_long = False
