"""The general problem: exact costs, units, and the form in which it is kept."""

from __future__ import annotations

from fractions import Fraction

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from neurorig_protocols.errors import InvalidProblem
from neurorig_protocols.workloads.qubo.formats import read
from neurorig_protocols.workloads.qubo.problem import Problem, decimal_text, frozen, target_cost
from neurorig_protocols.workloads.qubo.problem_file import MAGIC, digest_of, from_bytes, to_bytes

Q = np.array([[-3, 2, 0], [2, 5, -4], [0, -4, 1]])


def problem(scale: str = "1", offset: str = "0", *, factor: int = 1) -> Problem:
    """The problem of Q times a factor."""
    rows, cols = np.triu_indices(3, 1)
    kept = Q[rows, cols] != 0
    return Problem(
        n=3,
        rows=frozen(rows[kept].astype(np.int64)),
        cols=frozen(cols[kept].astype(np.int64)),
        weights=frozen(factor * Q[rows, cols][kept].astype(np.int64)),
        diagonal=frozen(factor * np.diag(Q).astype(np.int64)),
        scale=scale,
        offset=offset,
    )


@given(st.lists(st.integers(0, 1), min_size=3, max_size=3))
def test_the_cost_is_the_quadratic_form(bits: list[int]) -> None:
    """xᵀQx by the sparse arrays is the matrix product."""
    x = np.array(bits)

    assert problem().cost(x) == int(x @ Q @ x)


@pytest.mark.parametrize("x", [np.zeros(4), np.zeros((3, 1)), np.array([0, 1, 2])])
def test_a_solution_of_another_shape_or_value_is_refused(x: np.ndarray) -> None:
    """A cost is told of 0/1 vectors of the right length only."""
    with pytest.raises(ValueError, match=r"shape|0 and 1"):
        problem().cost(x)


def test_costs_near_the_limit_do_not_overflow() -> None:
    """Σ|q| just below 2^62 is summed exactly."""
    large = 2**61 // 21

    assert problem(factor=large).cost(np.ones(3)) == large * int(Q.sum())
    assert problem(factor=large).magnitude == large * int(np.abs(Q).sum())


def test_density_is_the_share_of_coupled_pairs() -> None:
    """Two of three pairs; a single variable has no pair."""
    assert problem().density == pytest.approx(2 / 3)
    alone = np.zeros(1, np.int64)
    assert Problem(1, alone[:0], alone[:0], alone[:0], alone).density == 0


@pytest.mark.parametrize(
    ("scale", "offset", "value", "cost"),
    [("1", "0", "-3", -3), ("0.5", "1", "-2", -6), ("0.5", "1", "-2.1", -7), ("-1", "10", "17", -7)],
)
def test_a_target_in_the_users_unit_is_the_largest_cost_as_good(scale: str, offset: str, value: str, cost: int) -> None:
    """The cost is at least as good as the value, and the next integer is not."""
    found = target_cost(problem(scale, offset), Fraction(value))

    assert found == cost
    assert problem("0.5", "1").value(-6) == -2


@given(st.integers(-(10**20), 10**20), st.integers(-40, 40), st.integers(0, 3))
def test_decimals_are_written_exactly(digits: int, exponent: int, halvings: int) -> None:
    """The text of a decimal reads back as the same number."""
    value = digits * Fraction(10) ** exponent / 2**halvings

    assert Fraction(decimal_text(value)) == value


def test_a_third_is_no_decimal() -> None:
    """What has no finite decimal is refused rather than rounded."""
    with pytest.raises(ValueError, match="not a finite decimal"):
        decimal_text(Fraction(1, 3))


@given(
    st.integers(1, 6).flatmap(
        lambda n: st.tuples(
            st.lists(st.integers(-(2**40), 2**40), min_size=n, max_size=n),
            st.dictionaries(
                st.tuples(st.integers(0, n - 1), st.integers(0, n - 1)).filter(lambda p: p[0] < p[1]),
                st.integers(-300, 300).filter(bool),
            ),
        )
    ),
    st.sampled_from(["1", "0.5", "-1", "5E-19"]),
)
def test_a_kept_problem_reads_back_as_itself(content: tuple[list[int], dict[tuple[int, int], int]], scale: str) -> None:
    """Bytes out, problem in, the same bytes again; the name is no part of them."""
    diagonal, pairs = content
    listed = sorted(pairs.items())
    made = Problem(
        n=len(diagonal),
        rows=np.array([i for (i, _), _ in listed], np.int64),
        cols=np.array([j for (_, j), _ in listed], np.int64),
        weights=np.array([w for _, w in listed], np.int64),
        diagonal=np.array(diagonal, np.int64),
        scale=scale,
        offset="2.5",
        rounding_bound=0.25,
        name="one",
    )

    again = from_bytes(to_bytes(made), name="another")

    assert to_bytes(again) == to_bytes(made)
    assert digest_of(again) == digest_of(made)
    assert (again.scale, again.offset, again.rounding_bound) == (scale, "2.5", 0.25)
    x = np.ones(len(diagonal))
    assert again.cost(x) == made.cost(x)


def kept() -> bytes:
    """A problem as it is kept."""
    return to_bytes(problem())


@pytest.mark.parametrize(
    "damage",
    [
        lambda data: data[:-1],
        lambda data: data + b"\0",
        lambda data: data.replace(MAGIC, b"neurorig-qubo 2\n"),
        lambda data: data.replace(b'"n":3', b'"n":4'),
        lambda data: data.replace(b'"n":3', b'"n": 3'),
        lambda data: data.replace(b'"scale":"1"', b'"scale":"0"'),
        lambda data: data.replace(b'"scale":"1"', b'"scale":"1/3"'),
        lambda data: data.replace(b'"offset":"0"', b'"offset":"00"'),
        lambda data: data.replace(b'"width":1', b'"width":3'),
        lambda data: data.replace(b'"rounding_bound":0.0', b'"rounding_bound":NaN'),
        lambda data: data.replace(b'"rounding_bound":0.0', b'"rounding_bound":-1.0'),
        lambda data: data[: len(MAGIC)],
        lambda data: data[: len(MAGIC)] + b"[" * 900 + b"\n",
        lambda data: data[:-18] + data[-14:-10] + data[-18:-14] + data[-10:],
        lambda data: data[:-1] + b"\0",
    ],
)
def test_damaged_bytes_are_refused(damage: object) -> None:
    """Nothing but what neurorig writes is taken for a problem."""
    assert callable(damage)
    with pytest.raises(InvalidProblem):
        from_bytes(damage(kept()))


def test_a_giant_header_costs_no_memory() -> None:
    """Sizes are checked before an array is made."""
    header = b'{"entries":99999999999,"n":3,"offset":"0","rounding_bound":0.0,"scale":"1","width":8}\n'

    with pytest.raises(InvalidProblem, match="limit"):
        from_bytes(MAGIC + header)


@given(st.binary(max_size=200))
def test_arbitrary_bytes_behind_the_first_line_are_refused(tail: bytes) -> None:
    """Whatever follows the magic line raises our own error."""
    with pytest.raises(InvalidProblem):
        from_bytes(MAGIC + tail)


def test_variables_in_no_term_are_counted() -> None:
    """A list that counts from 1 in a format that counts from 0 shows by one of them."""
    problem = read(b"# vartype=BINARY\n1 1 2\n2 3 1\n4 4 0\n").problem

    assert (problem.n, problem.unused) == (5, 2)
