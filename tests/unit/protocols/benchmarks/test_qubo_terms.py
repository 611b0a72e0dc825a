"""From decimals to integers times a scale: exact where possible, else with a bound that holds."""

from __future__ import annotations

from fractions import Fraction
from itertools import product

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from neurorig_protocols.errors import InvalidProblem
from neurorig_protocols.workloads.qubo.coefficients import (
    BadNumber,
    Decimals,
    Terms,
    build,
    from_floats,
    read_number,
    read_numbers,
    total,
)

WORDS = st.one_of(
    st.integers(-(10**6), 10**6).map(str),
    st.decimals(-1000, 1000, places=4).map(str),
    st.floats(-1e3, 1e3, allow_nan=False).map(repr),
    st.sampled_from(["1e-3", "-2.5E2", "+.5", "3.", "0", "-0.0", "1e2"]),
)
ENTRIES = st.lists(st.tuples(st.integers(0, 3), st.integers(0, 3), WORDS), min_size=1, max_size=12)


def terms(entries: list[tuple[int, int, str]], *, n: int = 4, maximise: bool = False) -> Terms:
    """The terms of a list of entries."""
    values = read_numbers([word for _, _, word in entries])
    return Terms(
        n,
        np.array([i for i, _, _ in entries], np.int64),
        np.array([j for _, j, _ in entries], np.int64),
        values,
        maximise=maximise,
        error=values.error,
    )


def value(entries: list[tuple[int, int, str]], x: tuple[int, ...]) -> Fraction:
    """The function itself, in exact arithmetic."""
    return sum((Fraction(word) * x[i] * x[j] for i, j, word in entries), Fraction(0))


@given(ENTRIES, st.booleans(), st.sampled_from([None, 0, 2, 20]))
def test_values_are_right_within_the_stated_bound(
    entries: list[tuple[int, int, str]], maximise: bool, decimals: int | None
) -> None:
    """The scale · xᵀqx + offset is the function for every solution, up to the rounding bound."""
    try:
        problem = build(terms(entries, maximise=maximise), decimals=decimals)
    except InvalidProblem as error:
        if error.detail["reason"] not in ("rounds_to_nothing", "overflow"):
            raise
        return

    for x in product((0, 1), repeat=4):
        found = problem.value(problem.cost(np.array(x)))
        assert abs(found - value(entries, x)) <= problem.rounding_bound
    assert (Fraction(problem.scale) < 0) == maximise


@pytest.mark.parametrize(
    ("words", "scale", "diagonal"),
    [
        (["2", "4"], "1", [2, 4]),
        (["1.5", "2.5"], "0.5", [3, 5]),
        (["1.5", "3"], "1.5", [1, 2]),
        (["0.001", "1e3"], "0.001", [1, 1_000_000]),
        (["1e20", "0"], None, None),
        (["0", "0"], "1", [0, 0]),
    ],
)
def test_the_scale_is_one_for_whole_numbers_and_else_the_greatest_divisor(
    words: list[str], scale: str | None, diagonal: list[int] | None
) -> None:
    """Whole numbers stay as they are; others become the smallest integers; too large ones are refused."""
    given_terms = terms([(k, k, word) for k, word in enumerate(words)], n=2)
    if scale is None:
        with pytest.raises(InvalidProblem, match="64 bits") as refused:
            build(given_terms)
        assert refused.value.detail["reason"] == "overflow"
        return

    problem = build(given_terms)

    assert (problem.scale, problem.diagonal.tolist(), problem.rounding_bound) == (scale, diagonal, 0.0)


def test_an_odd_pair_halves_the_scale() -> None:
    """A coefficient of a pair is shared by both entries of the symmetric matrix."""
    problem = build(terms([(0, 1, "3"), (0, 0, "1")], n=2))

    assert (problem.scale, problem.weights.tolist(), problem.diagonal.tolist()) == ("0.5", [3], [2, 0])


def test_repeated_pairs_are_added_and_zeros_vanish() -> None:
    """(i, j) and (j, i) are one pair; what adds up to 0 is no coupling."""
    problem = build(terms([(0, 1, "1"), (1, 0, "3"), (1, 2, "2"), (2, 1, "-2")]))

    assert (problem.rows.tolist(), problem.cols.tolist(), problem.weights.tolist()) == ([0], [1], [2])


def test_decimals_that_would_pass_2_53_are_rounded_and_it_is_said() -> None:
    """Numbers of very different size keep about 15 digits of the largest, with the bound beside them."""
    problem = build(terms([(0, 0, "123456789.123456789"), (1, 1, "1e-12")], n=2))

    assert 0 < problem.rounding_bound < 1e-6
    assert problem.magnitude < 2**53


def test_whole_numbers_are_rounded_only_when_the_caller_says_so() -> None:
    """A sum of 2^62 or more is refused, and accepted once decimals are stated."""
    large = terms([(k % 2, k % 2, f"{900_000_000_000_000_000 + k}") for k in range(6)], n=2)

    with pytest.raises(InvalidProblem):
        build(large)

    rounded = build(large, decimals=-3)
    assert rounded.value(rounded.cost(np.array([0, 1]))) == 27 * 10**17
    assert 15 <= rounded.rounding_bound < 15.001


@pytest.mark.parametrize(("decimals", "reason"), [(61, "decimals"), (-10, "rounds_to_nothing")])
def test_decimals_that_make_no_sense_are_refused(decimals: int, reason: str) -> None:
    """Too many, or so few that nothing is left."""
    with pytest.raises(InvalidProblem) as refused:
        build(terms([(0, 0, "1.5")]), decimals=decimals)

    assert refused.value.detail["reason"] == reason


@pytest.mark.parametrize(("n", "reason"), [(0, "empty"), (100_001, "too_large")])
def test_sizes_out_of_range_are_refused(n: int, reason: str) -> None:
    """No variable, or too many."""
    with pytest.raises(InvalidProblem) as refused:
        build(terms([], n=n))

    assert refused.value.detail["reason"] == reason


@given(WORDS)
def test_a_number_is_read_exactly(word: str) -> None:
    """The mantissa · 10^exponent is the number, and the mantissa ends in no zero."""
    mantissa, exponent, error = read_number(word)

    assert abs(mantissa * Fraction(10) ** exponent - Fraction(word)) <= Fraction(error) * Fraction("1.000000001")
    assert mantissa == 0 or mantissa % 10


@pytest.mark.parametrize(
    ("word", "reason"),
    [
        ("nan", "not_finite"),
        ("-Infinity", "not_finite"),
        ("INF", "not_finite"),
        ("1_000", "syntax"),
        ("0x10", "syntax"),
        ("1,5", "syntax"),
        (".", "syntax"),
        ("e5", "syntax"),
        ("", "syntax"),
        ("٣", "syntax"),
        ("1" * 500, "syntax"),
        ("1234567890123456789", "overflow"),
        ("1e61", "overflow"),
    ],
)
def test_words_that_are_no_number_are_refused(word: str, reason: str) -> None:
    """Each with its reason."""
    with pytest.raises(BadNumber) as refused:
        read_number(word)

    assert refused.value.reason == reason


def test_long_decimals_become_the_nearest_double_and_the_error_is_counted() -> None:
    """What programs print that write binary numbers out is read as the number they meant."""
    mantissa, exponent, error = read_number("1.000000000000000056e-01")

    assert (mantissa, exponent) == (1, -1)
    assert 0 < error < 1e-17


def test_binary_numbers_are_the_shortest_decimals() -> None:
    """0.1 in single or double precision is one tenth."""
    for kind in (np.float32, np.float64):
        assert from_floats(np.array([0.1, -2.5], kind)).mantissa.tolist() == [1, -25]
    with pytest.raises(BadNumber):
        from_floats(np.array([np.inf]))


@given(st.lists(st.tuples(st.integers(-(4 * 10**18), 4 * 10**18), st.integers(-5, 5)), max_size=20))
def test_totals_are_exact(numbers: list[tuple[int, int]]) -> None:
    """Sums beyond 64 bits and of mixed size lose nothing."""
    found = Decimals(np.array([m for m, _ in numbers], np.int64), np.array([e for _, e in numbers], np.int64))

    assert total(found) == sum((m * Fraction(10) ** e for m, e in numbers), Fraction(0))
