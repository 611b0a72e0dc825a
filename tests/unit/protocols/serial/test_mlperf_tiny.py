"""Every word of the MLPerf Tiny protocol, both ways, from one table; and whatever bytes may come."""

from __future__ import annotations

import itertools

import pytest
from hypothesis import given
from hypothesis import strategies as st

from neurorig_protocols.wire.mlperf_tiny.device_side import CommandReader, InputBuffer, encode_reply
from neurorig_protocols.wire.mlperf_tiny.host_side import MAX_LINE_BYTES, ReplyReader, encode_command, load_commands
from neurorig_protocols.wire.mlperf_tiny.words import (
    API_BUFFER_BYTES,
    COMMAND_CHARS,
    DIRECT_CHUNK_BYTES,
    MAX_CHUNK_BYTES,
    AskHelp,
    AskName,
    AskProfile,
    AskResults,
    BufferRow,
    Command,
    DbBytes,
    DbLoad,
    DbPrint,
    Expecting,
    Failure,
    Fractured,
    Infer,
    InferDone,
    InferStart,
    InitDone,
    Lap,
    LoadDone,
    Malformed,
    Model,
    Name,
    Other,
    Profile,
    Ready,
    Reply,
    Results,
    Text,
    Timestamp,
    TimestampMode,
    TooLarge,
    WarmupDone,
    WarmupStart,
)

BOTH_WAYS: list[tuple[Command | Reply, bytes]] = [
    (AskName(), b"name%"),
    (Timestamp(), b"timestamp%"),
    (AskProfile(), b"profile%"),
    (AskHelp(), b"help%"),
    (AskResults(), b"results%"),
    (DbLoad(27648), b"db load 27648%"),
    (DbBytes(b"\x00\x7f\xff"), b"db 007fff%"),
    (DbPrint(), b"db print%"),
    (Infer(1500, 0), b"infer 1500 0%"),
    (Other("session a-1"), b"session a-1%"),
    (Ready(), b"m-ready\r\n"),
    (TimestampMode("energy"), b"m-timestamp-mode-energy\r\n"),
    (TimestampMode("performance"), b"m-timestamp-mode-performance\r\n"),
    (InitDone(), b"m-init-done\r\n"),
    (Name("ACME [rev 2]"), b"m-name-dut-[ACME [rev 2]]\r\n"),
    (Profile("ULPMark for tinyML Firmware V0.0.1"), b"m-profile-[ULPMark for tinyML Firmware V0.0.1]\r\n"),
    (Model("kws01"), b"m-model-[kws01]\r\n"),
    (Lap(4294967295), b"m-lap-us-4294967295\r\n"),
    (Expecting(490), b"m-[Expecting 490 bytes]\r\n"),
    (TooLarge(30000, 27648), b"Supplied buffer size 30000 exceeds maximum of 27648\n"),
    (LoadDone(), b"m-load-done\r\n"),
    (BufferRow(b"\x01\xab\x00"), b"m-buffer-01-ab-00\r\n"),
    (WarmupStart(10), b"m-warmup-start-10\r\n"),
    (WarmupDone(), b"m-warmup-done\r\n"),
    (InferStart(70), b"m-infer-start-70\r\n"),
    (InferDone(), b"m-infer-done\r\n"),
    (Results((0.125, -3.0, 17.25)), b"m-results-[0.125,-3.000,17.250]\r\n"),
    (Failure("Unknown command: nmae"), b"e-[Unknown command: nmae]\r\n"),
    (Fractured("m-rea"), b"e-?m-rea\r\n"),
    (Text("Initialized"), b"Initialized\r\n"),
]

ONLY_A_DEVICE_READS: list[tuple[bytes, list[Command]]] = [
    (b"infer%", [Infer(1, 10)]),
    (b"infer 5%", [Infer(5, 10)]),
    (b"infer  5  2  9%", [Infer(5, 2)]),
    (b"infer 0 0%", [Malformed("Inference iterations must be >0")]),
    (b"infer x%", [Malformed("Inference iterations must be >0")]),
    (b"infer 1 -1%", [Malformed("Inference warmup must be >=0")]),
    (b"infer 99999999999999999999 0%", [Infer(2**31 - 1, 0)]),
    (b"db%", [Malformed("Command 'db' requires a subcommand")]),
    (b"db load%", [Malformed("Command 'db load' requires the # of bytes")]),
    (b"db load 0%", [Malformed("Command 'db load' must be >0 bytes")]),
    (b"db load many%", [Malformed("Command 'db load' must be >0 bytes")]),
    (b"db load 12monkeys%", [DbLoad(12)]),
    (b"db load -4%", [DbLoad(-4)]),
    (b"db print 16 4%", [DbPrint()]),
    (b"db 123%", [Malformed("Insufficent number of hex digits")]),
    (b"db 01Fg20%", [DbBytes(b"\x01", invalid="Fg")]),
    (b"db aBCd%", [DbBytes(b"\xab\xcd")]),
    (b"name%name%", [AskName(), AskName()]),
    (b"name again%", [AskName()]),
    (b"\r\nname%", [Other("\r\nname")]),
    (b"name\r\n%", [Other("name\r\n")]),
    (b"NAME%", [Other("NAME")]),
    (b"%", [Other("")]),
    (b"na\0me%", [Other("na")]),
    (b"name", []),
]

ONLY_A_HOST_READS: list[tuple[bytes, list[Reply]]] = [
    (b"m-ready\n", [Ready()]),
    (b"\r\n\r\nm-ready\r\n", [Ready()]),
    (b"\0m-ready\r\n", [Ready()]),
    (b"m-name-iom-[EEMBC]\r\n", [Name("EEMBC", device="iom")]),
    (b"m-name-dut-[]\r\n", [Name("")]),
    (b"m-results-[0.5]\r\n", [Results((0.5,))]),
    (b"m-results-[1, 2.5e-3]\r\n", [Results((1.0, 0.0025))]),
    (b"m-results-[]\r\n", [Text("m-results-[]")]),
    (b"m-results-[1.2.3]\r\n", [Text("m-results-[1.2.3]")]),
    (b"m-results-[nan,1]\r\n", [Text("m-results-[nan,1]")]),
    (b"m-lap-us-\r\n", [Text("m-lap-us-")]),
    (b"m-lap-us-12x\r\n", [Text("m-lap-us-12x")]),
    (b"e-?\r\n", [Fractured("")]),
    (b"io: m-lap-us-5\r\n", [Text("io: m-lap-us-5")]),
    (b"\xff\xfe\r\n", [Text("\\xff\\xfe")]),
    (b"m-ready", []),
]


@pytest.mark.parametrize(("word", "wire"), BOTH_WAYS, ids=lambda case: str(case)[:40])
def test_a_word_and_its_bytes_are_the_same_in_both_directions(word: Command | Reply, wire: bytes) -> None:
    """What one side encodes, the other side decodes to the same word."""
    if isinstance(word, Command):
        assert encode_command(word) == wire
        assert CommandReader().feed(wire) == [word]
    else:
        assert encode_reply(word) == wire
        assert ReplyReader().feed(wire) == [word]


@pytest.mark.parametrize(("wire", "commands"), ONLY_A_DEVICE_READS)
def test_a_device_reads_commands_as_the_firmware_does(wire: bytes, commands: list[Command]) -> None:
    """Defaults, errors and quirks of a command's text are those of the API's firmware."""
    assert CommandReader().feed(wire) == commands


@pytest.mark.parametrize(("wire", "replies"), ONLY_A_HOST_READS)
def test_a_host_reads_what_other_devices_send(wire: bytes, replies: list[Reply]) -> None:
    """Other line ends, torn and unknown lines become replies, and a word is never guessed."""
    assert ReplyReader().feed(wire) == replies


@pytest.mark.parametrize(
    "command",
    [DbBytes(bytes(MAX_CHUNK_BYTES + 1)), DbBytes(b""), Other("50%"), Other("a\nb"), Other("ü"), Malformed("x")],
    ids=repr,
)
def test_a_host_sends_no_command_that_a_device_would_misread(command: Command) -> None:
    """Too long, empty, holding the terminator or no plain text: such a command is refused."""
    with pytest.raises(ValueError, match=r"command|send"):
        encode_command(command)


def test_what_exceeds_the_command_buffer_is_lost_without_an_error() -> None:
    """A device keeps the first 80 characters of a command, as if the others had not been sent."""
    kept = b"db " + b"0" * (COMMAND_CHARS - 4)
    assert CommandReader().feed(kept + b"1" + b"2" * 20 + b"%") == CommandReader().feed(kept + b"1%")


def test_a_line_that_never_ends_does_not_fill_the_memory() -> None:
    """Noise without a newline is handed on in pieces, and the reader holds at most one piece."""
    reader = ReplyReader()
    noise = b"x" * 100_000
    replies = [reply for piece in _cut(noise, [*range(0, 100_000, 999)]) for reply in reader.feed(piece)]
    assert replies == [Text("x" * MAX_LINE_BYTES)] * (100_000 // MAX_LINE_BYTES)
    rest = Text("x" * (100_000 % MAX_LINE_BYTES))
    assert reader.feed(b"\n") == [rest]
    assert ReplyReader().feed(noise + b"\n") == [*replies, rest]


BUFFER_CASES: list[tuple[str, list[bytes], list[Reply]]] = [
    ("whole", [b"db load 2%", b"db 0102%"], [Expecting(2), LoadDone()]),
    ("in parts", [b"db load 3%", b"db 01%", b"db 0203%"], [Expecting(3), LoadDone()]),
    ("extra digits", [b"db load 1%", b"db 0102%", b"db 03%"], [Expecting(1), LoadDone()]),
    ("extra nonsense", [b"db load 1%", b"db 01zz%"], [Expecting(1), LoadDone()]),
    (
        "wrong digit",
        [b"db load 2%", b"db 01z2%", b"db 03%"],
        [Expecting(2), Failure("Invalid hex digit 'z2'"), LoadDone()],
    ),
    ("without load", [b"db 01%"], []),
    ("too large", [b"db load 17%", b"db 01%"], [TooLarge(17, 16)]),
    ("negative", [b"db load -1%", b"db 01%"], [TooLarge(-1, 16)]),
    ("again", [b"db load 2%", b"db 01%", b"db load 1%", b"db 02%"], [Expecting(2), Expecting(1), LoadDone()]),
]


def _play(buffer: InputBuffer, wires: list[bytes]) -> list[Reply]:
    replies: list[Reply] = []
    for command in CommandReader().feed(b"".join(wires)):
        if isinstance(command, DbLoad):
            replies.append(buffer.load(command.count))
        elif isinstance(command, DbBytes):
            replies += buffer.write(command)
        elif isinstance(command, DbPrint):
            replies += buffer.rows()
    return replies


@pytest.mark.parametrize(("wires", "replies"), [case[1:] for case in BUFFER_CASES], ids=[c[0] for c in BUFFER_CASES])
def test_the_input_buffer_answers_as_the_firmware_does(wires: list[bytes], replies: list[Reply]) -> None:
    """A load is confirmed once, at its last byte, and what is too much is ignored."""
    assert _play(InputBuffer(16), wires) == replies


def test_the_buffer_is_printed_eight_bytes_to_a_line() -> None:
    """A short last line is followed by an empty one; a refused size prints no more than there is."""
    digits = bytes(range(10)).hex().encode()
    rows = _play(InputBuffer(16), [b"db load 10%db " + digits + b"%db print%"])[2:]
    assert rows == [BufferRow(bytes(range(8))), BufferRow(b"\x08\x09"), Text("")]
    assert len(_play(InputBuffer(16), [b"db load 99%db print%"])[1:]) == 2


@given(
    st.binary(min_size=1, max_size=400),
    st.sampled_from([1, 26, DIRECT_CHUNK_BYTES, MAX_CHUNK_BYTES]),
)
def test_an_input_arrives_whole_whatever_the_chunks(data: bytes, chunk_bytes: int) -> None:
    """No command is longer than the device's buffer, the first byte and the last are where they belong."""
    wires = [encode_command(command) for command in load_commands(data, chunk_bytes)]
    buffer = InputBuffer()
    assert max(map(len, wires)) <= COMMAND_CHARS
    assert _play(buffer, wires) == [Expecting(len(data)), LoadDone()]
    assert buffer.content(len(data)) == data
    assert buffer.content(API_BUFFER_BYTES) == data + bytes(API_BUFFER_BYTES - len(data))


@pytest.mark.parametrize(("data", "chunk_bytes"), [(b"", 31), (b"x", 0), (b"x", MAX_CHUNK_BYTES + 1)])
def test_an_input_that_cannot_be_sent_is_refused(data: bytes, chunk_bytes: int) -> None:
    """Nothing to send, or chunks that no command holds, is the caller's mistake."""
    with pytest.raises(ValueError, match="chunks"):
        load_commands(data, chunk_bytes)


_noise = st.lists(
    st.one_of(st.binary(max_size=40), st.sampled_from([wire for _, wire in BOTH_WAYS] + [b"%", b"\r\n", b"\0"]))
).map(b"".join)


def _cut(data: bytes, at: list[int]) -> list[bytes]:
    edges = sorted({0, len(data), *(i % (len(data) + 1) for i in at)})
    return [data[a:b] for a, b in itertools.pairwise(edges)]


@given(_noise, st.lists(st.integers(0, 10_000), max_size=20))
def test_replies_do_not_depend_on_how_bytes_arrive(data: bytes, at: list[int]) -> None:
    """Any bytes in any pieces give the same replies as in one piece, and none raises."""
    whole, parts = ReplyReader(), ReplyReader()
    assert [reply for piece in _cut(data, at) for reply in parts.feed(piece)] == whole.feed(data)
    assert parts.feed(b"\n") == whole.feed(b"\n")


@given(_noise, st.lists(st.integers(0, 10_000), max_size=20))
def test_commands_do_not_depend_on_how_bytes_arrive(data: bytes, at: list[int]) -> None:
    """Any bytes in any pieces give the same commands as in one piece, and each can be answered."""
    parts = CommandReader()
    commands = [command for piece in _cut(data, at) for command in parts.feed(piece)]
    assert commands == CommandReader().feed(data)
    assert len(commands) == data.count(b"%")
    for command in commands:
        if isinstance(command, Other):
            assert encode_reply(Failure(f"Unknown command: {command.word}")).endswith(b"]\r\n")


_words = st.text(st.characters(min_codepoint=32, max_codepoint=126), max_size=30)
_replies = st.one_of(
    st.builds(Lap, st.integers(0, 2**32 - 1)),
    st.builds(Results, st.lists(st.integers(-(10**9), 10**9).map(lambda n: n / 1000), min_size=1).map(tuple)),
    st.builds(BufferRow, st.binary(min_size=1, max_size=8)),
    st.builds(Name, _words),
    st.builds(Profile, _words),
    st.builds(Failure, _words),
    st.builds(Fractured, _words),
    st.builds(TooLarge, st.integers(-(2**31), 2**31), st.integers(0, 2**31)),
)


@given(st.lists(_replies))
def test_any_reply_survives_the_wire(replies: list[Reply]) -> None:
    """Whatever its fields hold, a reply is read as it was sent."""
    assert ReplyReader().feed(b"".join(map(encode_reply, replies))) == replies
