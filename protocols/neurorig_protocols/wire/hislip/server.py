"""The server side of HiSLIP in synchronised mode: bytes of each connection in, events out. No sockets, no clock.

Knows connections, sessions and locks; what happens inside a session is in `hislip_session.py`. The caller moves the
bytes, runs the instrument and carries out the events.
"""

from __future__ import annotations

from neurorig_protocols.wire.hislip.messages import (
    HEADER,
    MAX_PAYLOAD_BYTES,
    Decoder,
    FramingError,
    Message,
    MessageType,
    encode,
)
from neurorig_protocols.wire.hislip.session import Close, Event, LockTable, LockWaits, Send, Session

VERSION = 0x0100
VENDOR_ID = 0x4E52
MAX_SESSIONS = 32

# IVI-6.1, tables 7, 11 and 15.
_FATAL_UNKNOWN, _FATAL_HEADER, _FATAL_CHANNELS, _FATAL_SEQUENCE, _FATAL_FULL = range(5)
_UNKNOWN_TYPE, _TOO_LARGE = 1, 4
_LOCK_FAILURE, _LOCK_SUCCESS, _LOCK_SHARED_RELEASED, _LOCK_ERROR = range(4)
_RELEASE_CODES = {"exclusive": _LOCK_SUCCESS, "shared": _LOCK_SHARED_RELEASED, None: _LOCK_ERROR}


class HislipServer:
    """All HiSLIP sessions of one instrument.

    Locks hold among HiSLIP sessions; the messages of a session that is locked out are held until the lock is free.
    """

    def __init__(self, max_sessions: int = MAX_SESSIONS) -> None:
        self._max_sessions = max_sessions
        self._decoders: dict[int, Decoder] = {}
        self._session_of: dict[int, Session] = {}
        self._sessions: dict[int, Session] = {}
        self._locks = LockTable()
        self._wanted_keys: dict[int, bytes] = {}
        self._held: dict[int, list[Message]] = {}
        self._last_session = 0
        self._last_connection = 0

    def opened(self) -> int:
        """A connection was accepted; returns its number."""
        self._last_connection += 1
        self._decoders[self._last_connection] = Decoder()
        return self._last_connection

    def receive(self, connection: int, data: bytes) -> list[Event]:
        """Take in bytes of a connection; those of one that has been closed are ignored."""
        if (decoder := self._decoders.get(connection)) is None:
            return []
        try:
            messages = decoder.receive(data)
        except FramingError:
            return self._fatal(connection, _FATAL_HEADER)
        events: list[Event] = []
        for message in messages:
            if connection in self._decoders:
                events += self._take(connection, message)
        return events

    def closed(self, connection: int) -> list[Event]:
        """A connection is gone; its session ends and the locks it held are free."""
        self._decoders.pop(connection, None)
        if (session := self._session_of.get(connection)) is None:
            return []
        for table in (self._sessions, self._wanted_keys, self._held):
            table.pop(session.number, None)
        for member in session.connections:
            self._session_of.pop(member, None)
            self._decoders.pop(member, None)
        while self._locks.release(session.number):
            pass
        return [*(Close(c) for c in session.connections if c != connection), *self._locks_moved()]

    def respond(self, session: int, message_id: int, response: bytes) -> list[Event]:
        """Answer Program; b"" and a session that has ended send nothing."""
        found = self._sessions.get(session)
        return found.respond(message_id, response) if found is not None else []

    def status(self, session: int, byte: int) -> list[Event]:
        """Answer StatusAsked."""
        found = self._sessions.get(session)
        return found.tell(MessageType.ASYNC_STATUS_RESPONSE, byte) if found is not None else []

    def lock_expired(self, session: int) -> list[Event]:
        """The time of LockWaits is over."""
        if self._wanted_keys.pop(session, None) is None:
            return []
        return self._sessions[session].tell(MessageType.ASYNC_LOCK_RESPONSE, _LOCK_FAILURE)

    def _take(self, connection: int, message: Message) -> list[Event]:
        session = self._session_of.get(connection)
        if session is None:
            return self._begin(connection, message)
        if message.refused:
            return [Send(connection, encode(Message(MessageType.ERROR, _TOO_LARGE)))]
        if message.kind == MessageType.FATAL_ERROR:
            return [Close(connection), *self.closed(connection)]
        if session.asynchronous is None:
            return self._fatal(connection, _FATAL_CHANNELS)
        on_sync = connection == session.synchronous
        events = self._synchronous(session, message) if on_sync else self._asynchronous(session, message)
        if events is None:
            return [Send(connection, encode(Message(MessageType.ERROR, _UNKNOWN_TYPE)))]
        return events

    def _begin(self, connection: int, message: Message) -> list[Event]:
        if message.kind == MessageType.INITIALIZE:
            return self._initialize(connection)
        if message.kind == MessageType.ASYNC_INITIALIZE:
            session = self._sessions.get(message.parameter)
            if session is not None and session.asynchronous is None:
                session.asynchronous = connection
                self._session_of[connection] = session
                return session.tell(MessageType.ASYNC_INITIALIZE_RESPONSE, 0, VENDOR_ID)
        return self._fatal(connection, _FATAL_SEQUENCE)

    def _initialize(self, connection: int) -> list[Event]:
        if len(self._sessions) >= self._max_sessions:
            return self._fatal(connection, _FATAL_FULL)
        # Session numbers are 16 bits wide and come round again.
        number = self._last_session % 0xFFFF + 1
        while number in self._sessions:
            number = number % 0xFFFF + 1
        self._last_session = number
        self._sessions[number] = self._session_of[connection] = Session(number, connection)
        parameter = VERSION << 16 | number
        return [Send(connection, encode(Message(MessageType.INITIALIZE_RESPONSE, 0, parameter)))]

    def _fatal(self, connection: int, code: int) -> list[Event]:
        notice = encode(Message(MessageType.FATAL_ERROR, code))
        return [Send(connection, notice), Close(connection), *self.closed(connection)]

    def _synchronous(self, session: Session, message: Message) -> list[Event] | None:
        """Do what a message on the synchronous channel asks; None when it does not belong there."""
        match message.kind:
            case MessageType.DATA | MessageType.DATA_END | MessageType.TRIGGER:
                if self._locks.keeps_out(session.number):
                    return self._hold(session, message)
                return _run(session, message)
            case MessageType.DEVICE_CLEAR_COMPLETE:
                return session.clear_complete()
        return None

    def _asynchronous(self, session: Session, message: Message) -> list[Event] | None:
        """Do what a message on the asynchronous channel asks; None when it does not belong there."""
        match message.kind:
            case MessageType.ASYNC_LOCK | MessageType.ASYNC_LOCK_INFO:
                return self._lock(session, message)
            case MessageType.ASYNC_MAX_MSG_SIZE:
                return session.max_size(message)
            case MessageType.ASYNC_DEVICE_CLEAR:
                self._held.pop(session.number, None)
                return session.clear()
            case MessageType.ASYNC_STATUS_QUERY:
                return session.status_query(message)
            case MessageType.ASYNC_REMOTE_LOCAL_CONTROL:
                return session.tell(MessageType.ASYNC_REMOTE_LOCAL_RESPONSE)
        return None

    def _hold(self, session: Session, message: Message) -> list[Event]:
        held = self._held.setdefault(session.number, [])
        held.append(message)
        if sum(len(one.payload) + HEADER.size for one in held) > MAX_PAYLOAD_BYTES:
            return self._fatal(session.synchronous, _FATAL_UNKNOWN)
        return []

    def _lock(self, session: Session, message: Message) -> list[Event]:
        if message.kind == MessageType.ASYNC_LOCK_INFO:
            exclusive = int(self._locks.exclusive is not None)
            return session.tell(MessageType.ASYNC_LOCK_INFO_RESPONSE, exclusive, self._locks.holders)
        if message.control == 0:
            code = _RELEASE_CODES[self._locks.release(session.number)]
            return [*session.tell(MessageType.ASYNC_LOCK_RESPONSE, code), *self._locks_moved()]
        key = message.payload
        if session.number in self._wanted_keys or self._locks.holds(session.number, key):
            return session.tell(MessageType.ASYNC_LOCK_RESPONSE, _LOCK_ERROR)
        if self._locks.request(session.number, key):
            return session.tell(MessageType.ASYNC_LOCK_RESPONSE, _LOCK_SUCCESS)
        self._wanted_keys[session.number] = key
        return [LockWaits(session.number, message.parameter * 1e-3)]

    def _locks_moved(self) -> list[Event]:
        """Grant what waits and is free now; then let through whoever is no longer locked out."""
        events: list[Event] = []
        for number, key in list(self._wanted_keys.items()):
            if self._locks.request(number, key):
                del self._wanted_keys[number]
                events += self._sessions[number].tell(MessageType.ASYNC_LOCK_RESPONSE, _LOCK_SUCCESS)
        for number in [n for n in self._held if not self._locks.keeps_out(n)]:
            for message in self._held.pop(number):
                events += _run(self._sessions[number], message)
        return events


def _run(session: Session, message: Message) -> list[Event]:
    return session.trigger(message) if message.kind == MessageType.TRIGGER else session.data(message)
