"""HiSLIP messages are framed as IVI-6.1 says, in both directions, however the bytes are cut."""

from __future__ import annotations

import contextlib

import pytest
from hypothesis import given
from hypothesis import strategies as st

from neurorig_protocols.wire.hislip.messages import Decoder, FramingError, Message, MessageType, encode

CASES = [
    (
        Message(MessageType.INITIALIZE, 0, 0x01007878, b"hislip0"),
        "4853 00 00 01007878 0000000000000007" + b"hislip0".hex(),
    ),
    (Message(MessageType.INITIALIZE_RESPONSE, 0, 0x01000001), "4853 01 00 01000001 0000000000000000"),
    (Message(MessageType.DATA_END, 1, 0xFFFFFF00, b"*IDN?\n"), "4853 07 01 ffffff00 0000000000000006 2a49444e3f0a"),
    (Message(MessageType.ASYNC_STATUS_RESPONSE, 0x50), "4853 16 50 00000000 0000000000000000"),
    (
        Message(MessageType.ASYNC_MAX_MSG_SIZE, 0, 0, (1 << 20).to_bytes(8)),
        "4853 0f 00 00000000 0000000000000008 0000000000100000",
    ),
]


@pytest.mark.parametrize(("message", "text"), CASES)
def test_a_message_and_its_bytes_belong_together(message: Message, text: str) -> None:
    """Each case holds from message to bytes and back."""
    data = bytes.fromhex(text)

    assert encode(message) == data
    assert Decoder().receive(data) == [message]


_MESSAGES = st.builds(
    Message, st.integers(0, 255), st.integers(0, 255), st.integers(0, 2**32 - 1), st.binary(max_size=100)
)


@given(st.lists(_MESSAGES, max_size=5), st.data())
def test_messages_come_whole_however_they_are_cut(messages: list[Message], data: st.DataObject) -> None:
    """TCP may deliver any pieces; the messages are the same, in order."""
    stream = b"".join(encode(message) for message in messages)
    cuts = sorted(data.draw(st.lists(st.integers(0, len(stream)), max_size=6)))
    decoder, found = Decoder(), []
    for begin, end in zip([0, *cuts], [*cuts, len(stream)], strict=True):
        found += decoder.receive(stream[begin:end])

    assert found == messages


@given(st.integers(11, 200), st.integers(1, 60))
def test_a_payload_that_is_too_large_is_thrown_away(size: int, piece: int) -> None:
    """Its header comes with the length and no payload, and the message behind it is read as ever."""
    decoder = Decoder(max_payload=10)
    after = Message(MessageType.DATA_END, 0, 2, b"0123456789")
    stream = encode(Message(MessageType.DATA, 0, 1, b"S" * size)) + encode(after)
    found = [m for at in range(0, len(stream), piece) for m in decoder.receive(stream[at : at + piece])]

    assert found == [Message(MessageType.DATA, 0, 1, refused=size), after]


@pytest.mark.parametrize("data", [b"X", b"HX", b"GET / HTTP/1.1\r\n", b"\x00" * 16])
def test_other_protocols_are_refused_at_once(data: bytes) -> None:
    """The first wrong byte is enough."""
    with pytest.raises(FramingError):
        Decoder().receive(data)


def test_bytes_behind_a_message_must_be_a_message() -> None:
    """A stream that loses its step is refused, not searched for the next header."""
    with pytest.raises(FramingError):
        Decoder().receive(encode(Message(MessageType.TRIGGER)) + b"HS"[::-1])


@given(st.lists(st.one_of(st.binary(max_size=40), st.binary(max_size=30).map(lambda b: b"HS" + b)), max_size=5))
def test_garbage_is_messages_or_a_framing_error(pieces: list[bytes]) -> None:
    """No bytes make the decoder fail in another way."""
    decoder = Decoder(max_payload=64)
    with contextlib.suppress(FramingError):
        for piece in pieces:
            assert all(len(message.payload) <= 64 for message in decoder.receive(piece))
