"""One HiSLIP session of a server, once both its channels are there: messages, answers, interruption, device clear."""

from __future__ import annotations

import struct

from neurorig_protocols.scpi.hislip import HEADER, MAX_PAYLOAD_BYTES, Message, MessageType, encode
from neurorig_protocols.scpi.hislip_events import Cleared, Event, Interrupted, Program, Send, StatusAsked
from neurorig_protocols.scpi.stream import MAX_MESSAGE_BYTES

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
