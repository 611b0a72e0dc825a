"""The server side of HiSLIP does what a client may ask, in the order that it may ask."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from neurorig_protocols.wire.hislip.messages import MAX_PAYLOAD_BYTES, Decoder, Message, encode
from neurorig_protocols.wire.hislip.messages import MessageType as T
from neurorig_protocols.wire.hislip.server import HislipServer
from neurorig_protocols.wire.hislip.session import (
    Cleared,
    Close,
    Event,
    Interrupted,
    LockWaits,
    Program,
    Send,
    StatusAsked,
)
from neurorig_protocols.wire.scpi.stream import MAX_MESSAGE_BYTES

RMT = 1


class Client:
    """Two connections that have been initialised; sees events as messages of its own connections."""

    def __init__(self, server: HislipServer) -> None:
        self.server = server
        self.sync, self.other = server.opened(), server.opened()
        (sent,) = self.ask(self.sync, Message(T.INITIALIZE, 0, 0x01007878, b"hislip0"))
        assert isinstance(sent, Message)
        self.session = sent.parameter & 0xFFFF
        assert sent == Message(T.INITIALIZE_RESPONSE, 0, 0x01000000 | self.session)
        (sent,) = self.ask(self.other, Message(T.ASYNC_INITIALIZE, 0, self.session))
        assert isinstance(sent, Message)
        assert sent.kind == T.ASYNC_INITIALIZE_RESPONSE

    def ask(self, connection: int, message: Message) -> list[Message | Event]:
        """Send a message; returns what was sent back as messages, everything else as events."""
        return decoded(self.server.receive(connection, encode(message)))

    def write(self, data: bytes, message_id: int = 0, control: int = 0) -> list[Message | Event]:
        """Send a whole program message."""
        return self.ask(self.sync, Message(T.DATA_END, control, message_id, data))


def decoded(events: list[Event]) -> list[Message | Event]:
    """Return events with each Send replaced by its messages."""
    found: list[Message | Event] = []
    for event in events:
        found += Decoder().receive(event.data) if isinstance(event, Send) else [event]
    return found


@pytest.fixture
def server() -> HislipServer:
    """A server that nobody has connected to."""
    return HislipServer()


@pytest.fixture
def client(server: HislipServer) -> Client:
    """A client of that server."""
    return Client(server)


def test_a_question_gets_its_answer(client: Client) -> None:
    """A message arrives whole, its answer carries its number."""
    assert client.ask(client.sync, Message(T.DATA, 0, 2, b"*ID")) == []
    assert client.write(b"N?\n", 4) == [Program(client.session, 4, b"*IDN?\n")]
    answer = decoded(client.server.respond(client.session, 4, b"me\n"))
    assert answer == [Message(T.DATA_END, 0, 4, b"me\n")]


def test_a_long_answer_comes_in_parts_that_the_client_can_take(client: Client) -> None:
    """The client's size holds, header included; only the last part ends the message."""
    (sizes,) = client.ask(client.other, Message(T.ASYNC_MAX_MSG_SIZE, 0, 0, (26).to_bytes(8)))
    assert sizes == Message(T.ASYNC_MAX_MSG_SIZE_RESPONSE, 0, 0, MAX_PAYLOAD_BYTES.to_bytes(8))
    client.write(b"?", 2)
    parts = decoded(client.server.respond(client.session, 2, b"0123456789" * 2 + b"x"))

    assert [(p.kind, p.payload) for p in parts if isinstance(p, Message)] == [
        (T.DATA, b"0123456789"), (T.DATA, b"0123456789"), (T.DATA_END, b"x"),
    ]  # fmt: skip


def test_an_unread_answer_is_an_interruption(client: Client) -> None:
    """A new message without the sign that the answer was read interrupts; with the sign it does not."""
    client.write(b"A?", 2)
    client.server.respond(client.session, 2, b"a\n")
    events = client.write(b"B?", 4)
    client.server.respond(client.session, 4, b"b\n")

    assert events == [
        Interrupted(client.session),
        Message(T.INTERRUPTED, 0, 4),
        Message(T.ASYNC_INTERRUPTED, 0, 4),
        Program(client.session, 4, b"B?"),
    ]
    assert client.write(b"C?", 6, RMT) == [Program(client.session, 6, b"C?")]


def test_an_answer_that_nobody_waits_for_is_not_sent(client: Client) -> None:
    """Of two questions in one piece only the last is answered."""
    stream = encode(Message(T.DATA_END, 0, 2, b"A?")) + encode(Message(T.DATA_END, 0, 4, b"B?"))
    events = client.server.receive(client.sync, stream)
    assert events == [Program(client.session, 2, b"A?"), Program(client.session, 4, b"B?")]

    first = decoded(client.server.respond(client.session, 2, b"a\n"))
    assert first == [Interrupted(client.session), Message(T.INTERRUPTED, 0, 4), Message(T.ASYNC_INTERRUPTED, 0, 4)]
    second = decoded(client.server.respond(client.session, 4, b"b\n"))
    assert second == [Message(T.DATA_END, 0, 4, b"b\n")]


def test_the_status_byte_says_whether_an_answer_waits(client: Client) -> None:
    """A message is available from the answer until the client says that it has read it."""
    ask = Message(T.ASYNC_STATUS_QUERY)
    assert client.ask(client.other, ask) == [StatusAsked(client.session, message_available=False)]
    client.write(b"A?", 2)
    client.server.respond(client.session, 2, b"a\n")
    assert client.ask(client.other, ask) == [StatusAsked(client.session, message_available=True)]
    read = Message(T.ASYNC_STATUS_QUERY, RMT)
    assert client.ask(client.other, read) == [StatusAsked(client.session, message_available=False)]
    assert decoded(client.server.status(client.session, 0x44)) == [Message(T.ASYNC_STATUS_RESPONSE, 0x44)]


def test_a_device_clear_throws_away_what_is_under_way(client: Client) -> None:
    """Half a message, a late answer and messages until the clear is complete count no more."""
    client.ask(client.sync, Message(T.DATA, 0, 2, b"HALF "))
    events = client.ask(client.other, Message(T.ASYNC_DEVICE_CLEAR))
    assert events == [Cleared(client.session), Message(T.ASYNC_DEVICE_CLEAR_ACKNOWLEDGE)]
    assert client.write(b"LOST?", 4) == []
    assert client.server.respond(client.session, 4, b"late\n") == []
    assert client.ask(client.sync, Message(T.DEVICE_CLEAR_COMPLETE)) == [Message(T.DEVICE_CLEAR_ACKNOWLEDGE)]
    assert client.write(b"*IDN?", 0) == [Program(client.session, 0, b"*IDN?")]


def test_a_trigger_is_a_command(client: Client) -> None:
    """The Trigger message means *TRG."""
    assert client.ask(client.sync, Message(T.TRIGGER, 0, 8)) == [Program(client.session, 8, b"*TRG")]


def test_remote_local_control_is_acknowledged(client: Client) -> None:
    """There is no front panel to lock, and no error."""
    assert client.ask(client.other, Message(T.ASYNC_REMOTE_LOCAL_CONTROL, 1)) == [
        Message(T.ASYNC_REMOTE_LOCAL_RESPONSE)
    ]


def test_a_message_that_is_too_long_is_told_as_such(client: Client) -> None:
    """Nothing beyond the limit is held; the next message is whole again."""
    half = b"x" * (MAX_MESSAGE_BYTES // 2 + 1)
    client.ask(client.sync, Message(T.DATA, 0, 2, half))
    assert client.write(half, 4) == [Program(client.session, 4, None)]
    assert client.write(b"*IDN?", 6) == [Program(client.session, 6, b"*IDN?")]


def test_a_payload_that_is_too_large_is_an_error(client: Client) -> None:
    """The session goes on after an Error message."""
    assert client.write(b"x" * (MAX_PAYLOAD_BYTES + 1)) == [Message(T.ERROR, 4)]
    assert client.write(b"*IDN?") == [Program(client.session, 0, b"*IDN?")]


@pytest.mark.parametrize("kind", [T.ASYNC_LOCK, T.INITIALIZE_RESPONSE, 27, 200])
def test_a_message_on_the_wrong_channel_is_an_error(client: Client, kind: int) -> None:
    """The session goes on after an Error message."""
    assert client.ask(client.sync, Message(kind)) == [Message(T.ERROR, 1)]
    assert client.ask(client.other, Message(T.DATA)) == [Message(T.ERROR, 1)]


def test_two_clients_do_not_mix(server: HislipServer) -> None:
    """Each session has its own messages and its own answers."""
    one, two = Client(server), Client(server)
    one.ask(one.sync, Message(T.DATA, 0, 2, b"A"))
    assert two.write(b"B?", 2) == [Program(two.session, 2, b"B?")]
    assert one.write(b"A?", 4) == [Program(one.session, 4, b"AA?")]
    (answer,) = server.respond(one.session, 4, b"a\n")
    assert isinstance(answer, Send)
    assert answer.connection == one.sync


# --- how connections begin and end


@pytest.mark.parametrize(
    "message", [Message(T.DATA_END, 0, 0, b"*IDN?"), Message(T.ASYNC_INITIALIZE, 0, 77), Message(250)]
)
def test_a_connection_must_begin_with_initialize(server: HislipServer, message: Message) -> None:
    """Anything else ends it with the fatal error 3."""
    connection = server.opened()
    events = server.receive(connection, encode(message))

    assert decoded(events) == [Message(T.FATAL_ERROR, 3), Close(connection)]
    assert server.receive(connection, encode(message)) == []


def test_both_channels_must_be_there_before_data(server: HislipServer) -> None:
    """A message before AsyncInitialize is the fatal error 2."""
    connection = server.opened()
    server.receive(connection, encode(Message(T.INITIALIZE, 0, 0x01007878, b"hislip0")))
    events = server.receive(connection, encode(Message(T.DATA_END, 0, 0, b"*IDN?")))

    assert decoded(events) == [Message(T.FATAL_ERROR, 2), Close(connection)]


def test_a_second_asynchronous_channel_is_refused(server: HislipServer, client: Client) -> None:
    """A session is not taken over by who knows its number."""
    thief = server.opened()
    events = server.receive(thief, encode(Message(T.ASYNC_INITIALIZE, 0, client.session)))

    assert decoded(events) == [Message(T.FATAL_ERROR, 3), Close(thief)]
    assert client.write(b"*IDN?") == [Program(client.session, 0, b"*IDN?")]


def test_another_protocol_ends_its_session_only(server: HislipServer, client: Client) -> None:
    """A broken header is the fatal error 1 for both channels of the session; others go on."""
    other = Client(server)
    events = decoded(server.receive(client.sync, b"GET / HTTP/1.1\r\n\r\n"))

    assert events == [Message(T.FATAL_ERROR, 1), Close(client.sync), Close(client.other)]
    assert other.write(b"*IDN?") == [Program(other.session, 0, b"*IDN?")]


def test_too_many_sessions_are_refused() -> None:
    """The one too many gets the fatal error 4, and has room once another has gone."""
    server = HislipServer(max_sessions=2)
    first, _ = Client(server), Client(server)
    late = server.opened()
    events = server.receive(late, encode(Message(T.INITIALIZE, 0, 0x01007878, b"hislip0")))
    assert decoded(events) == [Message(T.FATAL_ERROR, 4), Close(late)]

    assert server.closed(first.sync) == [Close(first.other)]
    assert Client(server).session not in {0, first.session}


def test_a_fatal_error_of_the_client_ends_its_session(client: Client) -> None:
    """Both connections are closed, and nothing is answered any more."""
    assert client.ask(client.sync, Message(T.FATAL_ERROR, 1)) == [Close(client.sync), Close(client.other)]
    assert client.server.respond(client.session, 0, b"x") == []
    assert client.server.status(client.session, 0) == []


# --- locks

REQUEST, RELEASE = 1, 0


def lock(client: Client, key: bytes = b"", timeout_ms: int = 500) -> list[Message | Event]:
    """Ask for a lock."""
    return client.ask(client.other, Message(T.ASYNC_LOCK, REQUEST, timeout_ms, key))


def unlock(client: Client) -> list[Message | Event]:
    """Give a lock back."""
    return client.ask(client.other, Message(T.ASYNC_LOCK, RELEASE))


GRANTED, REFUSED, SHARED_RELEASED, WRONG = (Message(T.ASYNC_LOCK_RESPONSE, code) for code in (1, 0, 2, 3))


def test_an_exclusive_lock_keeps_others_waiting(server: HislipServer) -> None:
    """Their messages are held, and done when the lock is free."""
    one, two = Client(server), Client(server)
    assert lock(one) == [GRANTED]
    assert two.write(b"B?", 2) == []
    assert two.ask(two.other, Message(T.ASYNC_LOCK_INFO)) == [Message(T.ASYNC_LOCK_INFO_RESPONSE, 1, 1)]
    assert one.write(b"A?", 2) == [Program(one.session, 2, b"A?")]
    assert unlock(one) == [GRANTED, Program(two.session, 2, b"B?")]


def test_a_lock_that_is_not_free_is_waited_for(server: HislipServer) -> None:
    """It is granted when the holder goes away, and its time-out does nothing then."""
    one, two = Client(server), Client(server)
    lock(one)
    assert lock(two, timeout_ms=1500) == [LockWaits(two.session, 1.5)]
    assert decoded(server.closed(one.sync)) == [Close(one.other), GRANTED]
    assert server.lock_expired(two.session) == []
    assert two.ask(two.other, Message(T.ASYNC_LOCK_INFO)) == [Message(T.ASYNC_LOCK_INFO_RESPONSE, 1, 1)]


def test_a_lock_that_does_not_come_is_refused_in_time(server: HislipServer) -> None:
    """The one who waits is told, and the holder keeps the lock."""
    one, two = Client(server), Client(server)
    lock(one)
    lock(two)
    assert decoded(server.lock_expired(two.session)) == [REFUSED]
    assert unlock(one) == [GRANTED]
    assert lock(two) == [GRANTED]


def test_a_shared_lock_is_for_those_who_know_the_key(server: HislipServer) -> None:
    """Others wait; a holder may become exclusive and go back."""
    one, two, three = Client(server), Client(server), Client(server)
    assert lock(one, b"key") == [GRANTED]
    assert lock(two, b"key") == [GRANTED]
    assert lock(three, b"other") == [LockWaits(three.session, 0.5)]
    assert three.write(b"C?") == []
    assert lock(one) == [GRANTED]
    assert two.write(b"B?") == []
    assert unlock(one) == [GRANTED, Program(two.session, 0, b"B?")]
    assert unlock(one) == [SHARED_RELEASED]
    assert unlock(two) == [SHARED_RELEASED, GRANTED, Program(three.session, 0, b"C?")]


def test_wrong_lock_requests_are_errors(server: HislipServer) -> None:
    """A lock held twice, waited for twice or released without holding is the response 3."""
    one, two = Client(server), Client(server)
    assert unlock(one) == [WRONG]
    lock(one)
    assert lock(one) == [WRONG]
    lock(two)
    assert lock(two) == [WRONG]


def test_a_client_that_is_locked_out_cannot_fill_the_memory(server: HislipServer) -> None:
    """Held messages are bounded; the session that exceeds them is ended."""
    one, two = Client(server), Client(server)
    lock(one)
    events: list[Message | Event] = []
    for _ in range(20):
        events = events or two.write(b"x" * (MAX_PAYLOAD_BYTES // 10))

    assert events == [Message(T.FATAL_ERROR, 0), Close(two.sync), Close(two.other)]
    assert one.write(b"A?") == [Program(one.session, 0, b"A?")]


@settings(max_examples=60)
@given(
    st.lists(
        st.tuples(
            st.integers(0, 4),
            st.one_of(
                st.builds(Message, st.integers(0, 30), st.integers(0, 3), st.integers(0, 6), st.binary(max_size=9)).map(
                    encode
                ),
                st.binary(max_size=40),
            ),
        ),
        max_size=25,
    )
)
def test_garbage_does_not_kill_the_server(pieces: list[tuple[int, bytes]]) -> None:
    """Whatever five connections send, in any order, a sixth client is served as soon as it is not locked out."""
    server = HislipServer()
    connections = [server.opened() for _ in range(5)]
    for number, data in pieces:
        for event in server.receive(connections[number], data):
            if isinstance(event, Program):
                server.respond(event.session, event.message_id, event.message or b"")
    for connection in connections:
        server.closed(connection)
    client = Client(server)

    assert client.write(b"*IDN?", 2) == [Program(client.session, 2, b"*IDN?")]
