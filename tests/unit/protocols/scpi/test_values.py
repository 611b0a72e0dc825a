"""Parameters and answers read what they write, and refuse the rest with the right number."""

from __future__ import annotations

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from neurorig_protocols.wire.scpi.status import ScpiError
from neurorig_protocols.wire.scpi.values import (
    format_channels,
    format_number,
    parse_channels,
    parse_limited,
    parse_number,
    parse_whole,
    quote,
)

NUMBERS = [(0.0, "0.0"), (1.0, "1.0"), (-2.5, "-2.5"), (1e-06, "1E-06"), (3e20, "3E+20"), (0.1, "0.1")]
CHANNELS = [((1,), "(@1)"), ((1, 3), "(@1,3)"), ((8, 1), "(@8,1)")]
STRINGS = [("", '""'), ("mcu", '"mcu"'), ('say "a"', '"say ""a"""'), ("a;b,c", '"a;b,c"')]


@pytest.mark.parametrize(("value", "text"), NUMBERS)
def test_a_number_and_its_text_belong_together(value: float, text: str) -> None:
    """Each case holds from number to text and back."""
    assert format_number(value) == text
    assert parse_number(text) == value


@pytest.mark.parametrize(("channels", "text"), CHANNELS)
def test_a_channel_list_and_its_text_belong_together(channels: tuple[int, ...], text: str) -> None:
    """Each case holds from channels to text and back."""
    assert format_channels(channels) == text
    assert parse_channels(text, 8) == channels


@pytest.mark.parametrize(("string", "text"), STRINGS)
def test_a_string_is_quoted(string: str, text: str) -> None:
    """A quote inside is doubled."""
    assert quote(string) == text


@pytest.mark.parametrize(
    ("text", "unit", "value"),
    [
        ("1", "S", 1.0), (" +.5 ", "", 0.5), ("5.", "", 5.0), ("1e3", "", 1000.0), ("1 us", "S", 1e-6),
        ("20US", "S", 20e-6), ("300mW", "W", 0.3), ("2 MAW", "W", 2e6), ("7W", "W", 7.0), ("1E-4 S", "S", 1e-4),
    ],
)  # fmt: skip
def test_a_number_may_carry_its_unit(text: str, unit: str, value: float) -> None:
    """IEEE 488.2 units and multipliers are read, in any case."""
    assert parse_number(text, unit) == pytest.approx(value, rel=1e-15)


@pytest.mark.parametrize(
    ("text", "number"),
    [("", -104), ("abc", -104), ("1,2", -104), ("nan", -104), ("INF", -104), ("1 V", -131), ("1 QW", -131),
     ("1E999", -222), ("9" * 400, -222), ("--1", -104), ("1e", -131)],
)  # fmt: skip
def test_what_is_no_number_is_refused(text: str, number: int) -> None:
    """The standard number says what was wrong."""
    with pytest.raises(ScpiError) as raised:
        parse_number(text, "W")

    assert raised.value.number == number


@pytest.mark.parametrize(
    ("text", "value"), [("MIN", 1.0), ("minimum", 1.0), ("Max", 9.0), ("DEF", 5.0), ("2", 2.0), ("9", 9.0)]
)
def test_a_limited_number_knows_its_words(text: str, value: float) -> None:
    """MINimum, MAXimum and DEFault stand for numbers."""
    assert parse_limited(text, 1.0, 9.0, 5.0) == value


@pytest.mark.parametrize("text", ["0.99", "9.01", "-1"])
def test_a_number_outside_its_limits_is_refused(text: str) -> None:
    """Data out of range, never the nearest limit instead."""
    with pytest.raises(ScpiError, match=r"not in 1\.0\.\.\.9\.0") as raised:
        parse_limited(text, 1.0, 9.0, 5.0)

    assert raised.value.number == -222


@pytest.mark.parametrize(("text", "number"), [("1.5", -104), ("0", -222), ("256", -222), ("x", -104)])
def test_a_whole_number_must_be_one(text: str, number: int) -> None:
    """Fractions are of the wrong type, others out of range."""
    with pytest.raises(ScpiError) as raised:
        parse_whole(text, 1, 255)

    assert raised.value.number == number


def test_a_span_of_channels_unfolds_in_its_direction() -> None:
    """(@1,3:5) and (@5:3) name the channels between."""
    assert parse_channels("(@1,3:5)", 8) == (1, 3, 4, 5)
    assert parse_channels("( @ 5 : 3 )", 8) == (5, 4, 3)


@pytest.mark.parametrize(
    ("text", "number"),
    [("1", -104), ("(@)", -104), ("(@1,)", -104), ("(@a)", -104), ("(@0)", -222), ("(@9)", -222),
     ("(@1:999999999)", -222), ("(@" + "1:8," * 1000 + "1)", -222), ("(@-1)", -104)],
)  # fmt: skip
def test_what_is_no_channel_list_is_refused(text: str, number: int) -> None:
    """Unknown channels are out of range, before a huge span is unfolded."""
    with pytest.raises(ScpiError) as raised:
        parse_channels(text, 8)

    assert raised.value.number == number


def test_no_number_no_text() -> None:
    """Infinity and not-a-number have no decimal form."""
    with pytest.raises(ValueError, match="decimal"):
        format_number(math.inf)


@given(st.floats(allow_nan=False, allow_infinity=False))
def test_every_number_survives_its_text(value: float) -> None:
    """Writing and reading gives exactly the same float."""
    assert parse_number(format_number(value)) == value


@given(st.lists(st.integers(1, 8), min_size=1, max_size=8))
def test_every_channel_list_survives_its_text(channels: list[int]) -> None:
    """Writing and reading gives the same channels in the same order."""
    assert parse_channels(format_channels(channels), 8) == tuple(channels)


@given(st.text())
def test_every_string_is_quoted(string: str) -> None:
    """The quotes enclose the string, and every quote inside is doubled: none is alone."""
    inner = quote(string)[1:-1]

    assert inner.replace('""', '"') == string
    assert '"' not in inner.replace('""', "")
