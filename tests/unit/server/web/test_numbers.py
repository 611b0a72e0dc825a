"""Numbers on pages: prefixes, digits from the uncertainty, signs."""

from __future__ import annotations

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from neurorig_protocols.number_text import (
    PREFIXES,
    axis_scale,
    count_text,
    duration_text,
    measured_text,
    percent_text,
    plain_text,
    quantity_text,
    uncertain_text,
)
from neurorig_protocols.quantities import Quantity


@pytest.mark.parametrize(
    ("value", "expanded", "unit", "text"),
    [
        (0.012345, 0.0000123, "J", "12.345 ± 0.012 mJ"),
        (0.9999996, 0.00012, "J", "1.00000 ± 0.00012 J"),
        (0.99996, 0.0001, "J", "999.96 ± 0.10 mJ"),
        (0.5, 0.0099999, "J", "500 ± 10 mJ"),
        (300, 250, "J", "300 ± 250 J"),
        (5e-7, 2e-3, "J", "0.0 ± 2.0 mJ"),
        (-3.158e-7, 1.6e-5, "J", "0 ± 16 µJ"),
        (-3.2e-5, 4e-6, "J", "−32.0 ± 4.0 µJ"),
        (0.0, 1e-3, "W", "0.0 ± 1.0 mW"),
        (5.39e-4, 1.2e-5, "J·s", "539 ± 12 µJ·s"),
        (0.985, 0.0, "1", "0.985"),
        (0.985, 0.02, "1", "0.985 ± 0.020"),
        (12345.0, 0.4, "s", "12345.00 ± 0.40 s"),
        (0.0412, 0.0, "s", "41.2 ms"),
        (123456, 0.0, "1", "123\u202f456"),
        (0.10000045929999998, 1.4e-17, "s", "100.000459300000 ± 0.000000000001 ms"),
        (3.0, 1e-30, "J", "3.00000000000000 ± 0.00000000000001 J"),
    ],
)
def test_value_has_the_digits_that_its_uncertainty_allows(value: float, expanded: float, unit: str, text: str) -> None:
    """The uncertainty has two significant digits, the value ends at the same place, one prefix serves both."""
    assert uncertain_text(value, expanded, unit).replace("\u00a0", " ") == text


def test_single_value_says_that_its_spread_is_unknown() -> None:
    """It has no ± and is told apart from an exact number."""
    latency = Quantity(value=0.0125, unit="s", u=None, grade="derived")

    assert quantity_text(latency) == "12.5\u00a0ms (n = 1, spread unknown)"
    assert quantity_text(latency.model_copy(update={"u": 0.0})) == "12.5\u00a0ms"


def test_quantity_shows_its_expanded_uncertainty() -> None:
    """The number after ± is k times u."""
    quantity = Quantity(value=2.0, unit="W", u=0.05, k=2, grade="metered")

    assert quantity_text(quantity) == "2.00 ± 0.10\u00a0W"


POWERS = {prefix: exponent for exponent, prefix in PREFIXES.items()}


@given(value=st.floats(-1e11, 1e11), relative=st.floats(1e-6, 10))
def test_text_reads_back_as_value_and_uncertainty(value: float, relative: float) -> None:
    """What is printed lies within a rounding step of the number and its uncertainty, sign and prefix included."""
    expanded = max(abs(value), 1e-9) * relative

    text = uncertain_text(value, expanded, "J").replace("−", "-")

    found = re.fullmatch(r"(-?[\d.]+) ± ([\d.]+)\u00a0([fpnµmkMGT]?)J", text)
    assert found is not None, text
    scale = 10.0 ** POWERS[found[3]]
    assert float(found[2]) * scale == pytest.approx(expanded, rel=0.051)
    assert float(found[1]) * scale == pytest.approx(value, abs=0.051 * expanded + 1e-9 * abs(value))


@pytest.mark.parametrize(
    ("value", "unit", "plain", "measured"),
    [
        (0.05, "s", "50 ms", "50.00 ms"),
        (0.0999996, "s", "100 ms", "100.0 ms"),
        (5000, "s", "5000 s", "5000 s"),
        (131072, "B", "131.1 kB", "131.1 kB"),
        (12.3456e6, "Sa/s", "12.35 MSa/s", "12.35 MSa/s"),
        (0, "J", "0 J", "0 J"),
        (40, "1", "40", "40.00"),
    ],
)
def test_set_values_drop_zeros_and_measured_ones_keep_them(value: float, unit: str, plain: str, measured: str) -> None:
    """A value that was set is short; one that was measured shows its digits."""
    assert plain_text(value, unit).replace("\u00a0", " ") == plain
    assert measured_text(value, unit).replace("\u00a0", " ") == measured


def test_counts_shares_and_ages_read_naturally() -> None:
    """Thousands are set apart, minus is a minus, ages stop at their largest unit."""
    assert count_text(-1234567) == "−1\u202f234\u202f567"
    assert [percent_text(s) for s in (-0.0123, 0.96, 32.738, 0.0)] == [
        "−1.23\u00a0%", "96\u00a0%", "3\u202f274\u00a0%", "0\u00a0%",
    ]  # fmt: skip
    assert [duration_text(s) for s in (0.2, 59, 61, 7300, 200_000)] == [
        "0\u00a0s", "59\u00a0s", "1\u00a0min", "2\u00a0h", "2\u00a0d",
    ]  # fmt: skip


@pytest.mark.parametrize(("largest", "scale", "unit"), [(0.012, 1e3, "mJ"), (3.0, 1.0, "J"), (0.0, 1.0, "J")])
def test_axis_gets_a_handy_unit(largest: float, scale: float, unit: str) -> None:
    """The largest number on an axis lies between 1 and 1000 in its unit; an empty axis has the plain unit."""
    assert axis_scale(largest, "J") == (pytest.approx(scale), unit)
