"""Program messages come apart into units and go together again."""

from __future__ import annotations

import contextlib

import pytest
from hypothesis import given
from hypothesis import strategies as st

from neurorig_protocols.wire.scpi.device import Unit, parse_program
from neurorig_protocols.wire.scpi.status import ScpiError


def format_program(units: list[Unit]) -> str:
    """Chain units, each from the root, so that the text means the same wherever it stands."""
    return ";".join(str(unit) for unit in units)


CASES = [
    (":SYST:ERR?", [Unit(("SYST", "ERR"), query=True)]),
    ("*IDN?", [Unit(("*IDN",), query=True)]),
    ("*ESE 16;*ESE?", [Unit(("*ESE",), arguments=("16",)), Unit(("*ESE",), query=True)]),
    (":SENS:POW:RANG 0.3,(@1,2)", [Unit(("SENS", "POW", "RANG"), arguments=("0.3", "(@1,2)"))]),
    (
        ":INIT:ELOG;:FETC:ELOG? 10;*OPC",
        [Unit(("INIT", "ELOG")), Unit(("FETC", "ELOG"), query=True, arguments=("10",)), Unit(("*OPC",))],
    ),
    (':MEM:NAME "a;b,c (d"', [Unit(("MEM", "NAME"), arguments=('"a;b,c (d"',))]),
    ("", []),
]


@pytest.mark.parametrize(("text", "units"), CASES)
def test_a_message_and_its_units_belong_together(text: str, units: list[Unit]) -> None:
    """Each case holds from text to units and back."""
    assert list(parse_program(text)) == units
    assert format_program(units) == text


@pytest.mark.parametrize(
    ("text", "headers"),
    [
        ("SENS:POW:RANG 1;ACC?", ["SENS:POW:RANG", "SENS:POW:ACC?"]),
        ("SENS:POW:RANG 1;*OPC;ACC?", ["SENS:POW:RANG", "*OPC", "SENS:POW:ACC?"]),
        ("SENS:POW:RANG 1;:SYST:ERR?", ["SENS:POW:RANG", "SYST:ERR?"]),
        (" sens:Pow:rang? ; \t", ["SENS:POW:RANG?"]),
        ("*idn?\r", ["*IDN?"]),
        (";;*RST;", ["*RST"]),
    ],
)
def test_a_header_continues_where_the_last_one_stood(text: str, headers: list[str]) -> None:
    """A header without a colon is relative to the parent of the one before; case and blanks do not matter."""
    assert [unit.header for unit in parse_program(text)] == headers


@pytest.mark.parametrize(
    ("text", "number"),
    [
        ("?", -102), ("1ABC", -102), ("SENS::POW", -102), ("SENS: POW", -102), ("*", -102), ("A(", -102),
        ('A "x', -102), ("A (@1", -102), ("A 1,,2", -109), ("A 1,", -109), ("A\x00B", -101), ("A \x7f", -101),
        ("A:" * 13 + "B", -102), ("A" * 40, -102),
    ],
)  # fmt: skip
def test_a_malformed_unit_is_refused(text: str, number: int) -> None:
    """The standard number says what was wrong."""
    with pytest.raises(ScpiError) as raised:
        list(parse_program(text))

    assert raised.value.number == number


def test_units_before_the_malformed_one_are_given() -> None:
    """An instrument does what it understood before it stumbles."""
    units = parse_program("*RST;:SYST:ERR?;1;*CLS")

    assert [next(units).header, next(units).header] == ["*RST", "SYST:ERR?"]
    with pytest.raises(ScpiError):
        next(units)


_MNEMONIC = st.from_regex(r"[A-Z][A-Z0-9_]{0,11}", fullmatch=True)
_ARGUMENT = st.one_of(
    st.from_regex(r"[A-Z0-9.+-]{1,8}", fullmatch=True),
    st.text(st.characters(min_codepoint=32, max_codepoint=126)).map(lambda s: '"{}"'.format(s.replace('"', '""'))),
    st.lists(st.integers(1, 99), min_size=1, max_size=3).map(lambda c: "(@{})".format(",".join(map(str, c)))),
)
_UNITS = st.builds(
    Unit,
    st.one_of(
        st.lists(_MNEMONIC, min_size=1, max_size=5).map(tuple),
        st.from_regex(r"\*[A-Z]{3}", fullmatch=True).map(lambda h: (h,)),
    ),
    st.booleans(),
    st.lists(_ARGUMENT, max_size=3).map(tuple),
)


@given(st.lists(_UNITS, max_size=4))
def test_every_message_survives_its_text(units: list[Unit]) -> None:
    """Chaining units and taking the text apart gives the same units."""
    assert list(parse_program(format_program(units))) == units


@given(st.text())
def test_garbage_is_units_or_a_scpi_error(text: str) -> None:
    """No text makes the parser fail in another way."""
    with contextlib.suppress(ScpiError):
        units = list(parse_program(text))
        assert list(parse_program(format_program(units))) == units
