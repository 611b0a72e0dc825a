"""An instrument's command table does what is asked, and survives what is not."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from neurorig_protocols.wire.scpi.device import Command, Device, spellings
from neurorig_protocols.wire.scpi.status import ScpiError
from neurorig_protocols.wire.scpi.stream import MessageReader, encode_block

IDENTITY = "neurorig,TEST,1,0"


class Lamp:
    """A device with one setting and one block."""

    def __init__(self) -> None:
        self.level = "0"
        self.device = Device(
            IDENTITY,
            {
                "LAMP:LEVel": Command(self._set, 1, 1),
                "LAMP:LEVel?": Command(lambda: self.level),
                "LAMP:DATA?": Command(lambda: encode_block(b"\n;")),
                "LAMP:LISt?": Command(lambda *names: ",".join(names), 1, 3),
            },
            reset=self._reset,
        )

    def _set(self, level: str) -> None:
        if level == "9":
            raise ScpiError(-222, level)
        self.level = level

    def _reset(self) -> None:
        self.level = "0"


@pytest.fixture
def lamp() -> Lamp:
    """A fresh lamp."""
    return Lamp()


@pytest.mark.parametrize(
    ("message", "response"),
    [
        (b"*IDN?", b"neurorig,TEST,1,0\n"),
        (b"*idn?\r", b"neurorig,TEST,1,0\n"),
        (b"*OPC?;*TST?;*WAI", b"1;0\n"),
        (b"*ESE 36;*ESE?", b"36\n"),
        (b"*SRE 255;*SRE?", b"191\n"),
        (b"*ESR?;*ESR?", b"128;0\n"),
        (b"*OPC;*ESR?", b"129\n"),
        (b"LAMP:LEV 3;LEV?", b"3\n"),
        (b":lamp:level 3;:Lamp:Lev?", b"3\n"),
        (b"LAMP1:LEV 3;*RST;LEV?", b"0\n"),
        (b"LAMP:DATA?;LEV?", b"#12\n;;0\n"),
        (b"SYST:ERR?", b'+0,"No error"\n'),
        (b"SYSTem:ERRor:NEXT?;COUNt?", b'+0,"No error";0\n'),
        (b"*STB?", b"0\n"),
        (b"*OPC?;*STB?", b"1;16\n"),
        (b"LAMP:LIS? a, (@1,2) ,'x,y'", b"a,(@1,2),'x,y'\n"),
        (b"LAMP:LEV 1", b""),
        (b"", b""),
        (b" ; ", b""),
    ],
)
def test_a_message_gets_its_answer(lamp: Lamp, message: bytes, response: bytes) -> None:
    """Short and long forms, any case, chains, blocks: one response message."""
    assert lamp.device.execute(message) == response
    assert lamp.device.execute(b"SYST:ERR?") == b'+0,"No error"\n'


@pytest.mark.parametrize(
    ("message", "number"),
    [
        (b"FOO", -113), (b"LAMP:LEVE?", -113), (b"LAMP", -113), (b"*FOO?", -113), (b"LAMP2:LEV?", -114),
        (b"LAMP:LEV", -109), (b"LAMP:LEV 1,2", -108), (b"*IDN? 1", -108), (b"*ESE x", -104), (b"*ESE 256", -222),
        (b"*ESE 1.5", -104), (b"LAMP:LEV 9", -222), (b"\xff\xfe", -101), (b"LAMP:LEV \x01", -101), (b"**", -102),
    ],
)  # fmt: skip
def test_a_wrong_message_is_an_error_in_the_queue(lamp: Lamp, message: bytes, number: int) -> None:
    """There is no answer, the setting stays, the queue says why, and the next message works."""
    assert lamp.device.execute(message) == b""

    assert lamp.device.execute(b"SYST:ERR?").startswith(f"{number},".encode())
    assert lamp.device.execute(b"LAMP:LEV?;*IDN?") == b"0;neurorig,TEST,1,0\n"


def test_a_command_error_ends_the_message(lamp: Lamp) -> None:
    """What comes before is done, what comes after is not: nobody knows what was meant."""
    assert lamp.device.execute(b"LAMP:LEV 1;LEV?;FOO;LEV 2;LEV?") == b"1\n"

    assert lamp.level == "1"


def test_an_execution_error_ends_one_command_only(lamp: Lamp) -> None:
    """The rest of the message is still done."""
    assert lamp.device.execute(b"LAMP:LEV 9;LEV 2;LEV?;:SYST:ERR?") == b'2;-222,"Data out of range;9"\n'


def test_an_optional_node_and_both_forms_are_spellings() -> None:
    """A header stands for every way to write it."""
    assert sorted(spellings("SYSTem:ERRor[:NEXT]?")) == sorted(
        f"{a}:{b}{c}?" for a in ("SYST", "SYSTEM") for b in ("ERR", "ERROR") for c in ("", ":NEXT")
    )
    assert spellings("*IDN?") == ["*IDN?"]


@given(st.binary(max_size=300))
def test_garbage_does_not_kill_the_instrument(message: bytes) -> None:
    """Any bytes leave it able to answer, with at most one line."""
    lamp = Lamp()
    lamp.device.execute(message)

    lamp.device.execute(b"*CLS")
    assert lamp.device.execute(b"*IDN?;:SYST:ERR?") == b'neurorig,TEST,1,0;+0,"No error"\n'


@given(st.lists(st.sampled_from(["*IDN?", "LAMP:LEV 1", "LEV?", "FOO", ";", "\n", '"', ":", "\xe4", "LAMP:LEV 9"])))
def test_shuffled_commands_do_not_kill_the_instrument(parts: list[str]) -> None:
    """Any order of right and wrong pieces leaves a level that was asked for and a queue within its depth."""
    lamp = Lamp()
    lamp.device.execute(";".join(parts).encode("latin-1"))

    assert lamp.level in {"0", "1"}
    assert len(lamp.device.status.errors) <= 20


@given(st.lists(st.binary(max_size=20).filter(lambda line: b"\n" not in line)), st.data())
def test_lines_come_whole_however_they_are_cut(lines: list[bytes], data: st.DataObject) -> None:
    """A raw socket may deliver any pieces; the messages are the same."""
    stream = b"".join(line + b"\n" for line in lines)
    cuts = sorted(data.draw(st.lists(st.integers(0, len(stream)), max_size=5)))
    reader, found = MessageReader(), []
    for begin, end in zip([0, *cuts], [*cuts, len(stream)], strict=True):
        found += reader.receive(stream[begin:end])

    assert found == [line.removesuffix(b"\r") for line in lines]


def test_a_line_that_is_too_long_is_thrown_away_up_to_its_end() -> None:
    """Nothing is held beyond the limit, and the next line is read as ever."""
    reader = MessageReader(limit=8)

    assert reader.receive(b"12345678\n") == [b"12345678"]
    assert reader.receive(b"12345") == []
    assert reader.receive(b"67890") == []
    assert reader.receive(b"*IDN?\nok\n123456789\n") == [None, b"ok", None]
