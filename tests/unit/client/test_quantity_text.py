"""Numbers as people read them."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from neurorig.cli import quantity_text as text
from neurorig_protocols.quantities import Absent, Quantity

FACTORS = {"f": 1e-15, "p": 1e-12, "n": 1e-9, "µ": 1e-6, "m": 1e-3, "k": 1e3, "M": 1e6, "G": 1e9, "T": 1e12}

values = st.floats(1e-13, 1e12) | st.floats(-1e12, -1e-13)


def read_back(shown: str, unit: str) -> tuple[float, float]:
    """Return value and expanded uncertainty of a shown quantity, in the plain unit."""
    number, _, rest = shown.partition(" ± ")
    spread, _, symbol = rest.partition(" ")
    factor = FACTORS.get(symbol.removesuffix(unit), 1.0)
    return float(number) * factor, float(spread) * factor


@given(values, st.floats(1e-4, 10))
def test_what_is_shown_is_what_was_measured(value, relative):
    """Reading a shown quantity back gives value and uncertainty to the digits of the uncertainty."""
    u = abs(value) * relative
    shown_value, shown_spread = read_back(text.quantity(value, u, "J"), "J")

    assert shown_spread == pytest.approx(2 * u, rel=0.1)
    assert abs(shown_value - value) <= 0.06 * 2 * u


@given(values)
def test_plain_values_keep_four_digits(value):
    """Without uncertainty a value keeps four significant digits and a mantissa below a thousand."""
    number, _, symbol = text.plain(value, "s").partition(" ")

    assert float(number) * FACTORS.get(symbol.removesuffix("s"), 1.0) == pytest.approx(value, rel=6e-4)
    assert abs(float(number)) < 1000


@pytest.mark.parametrize(
    ("value", "u", "unit", "shown"),
    [
        (0.0123, 0.0001, "J", "12.30 ± 0.20 mJ"),
        (-0.0061, 0.002, "W", "-6.1 ± 4.0 mW"),
        (0.0, 0.0, "J", "0 J"),
        (0.0, 1e-6, "J", "0.0 ± 2.0 µJ"),
        (1.5, 0.0, "s", "1.5 s"),
        (0.99996, 0.0, "s", "1 s"),
        (1234.0, 30.0, "J", "1.234 ± 0.060 kJ"),
        (0.10000045929999998, 0.7e-17, "s", "100.000459300000 ± 0.000000000001 ms"),
        (3.0, 1e-30, "J", "3.00000000000000 ± 0.00000000000001 J"),
    ],
)
def test_examples(value, u, unit, shown):
    """Typical quantities, a negative dynamic power and zeros look as a person would write them."""
    assert shown == text.quantity(value, u, unit)


def test_measured_states_the_grade_or_the_reason():
    """A quantity carries its grade; what was not measured says why; what was not sent says so."""
    found = Quantity(value=0.0123, unit="J", u=0.0001, grade="metered")

    assert text.measured(found) == "12.30 ± 0.20 mJ (metered)"
    assert text.measured(Absent(reason_code="x", reason="no monitor")) == "absent: no monitor"
    assert text.measured(None) == "absent: not reported"


def test_a_single_value_says_that_its_spread_is_unknown():
    """No uncertainty is another thing than an exact number, which has none to tell."""
    found = Quantity(value=0.0123, unit="s", u=None, grade="derived")

    assert text.measured(found) == "12.3 ms (derived; n = 1, spread unknown)"
    assert text.quantity(0.0123, None, "s") == "12.3 ms (n = 1, spread unknown)"


def test_latency_and_percent():
    """A latency that is None was not reached; percents are signed."""
    assert text.latency(None) == "not reached"
    assert text.latency(0.0112) == "11.2 ms"
    assert text.percent(-0.015) == "-1.5 %"
