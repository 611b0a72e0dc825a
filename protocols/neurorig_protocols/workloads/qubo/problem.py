"""Any QUBO as exact integers times a scale: minimise xᵀQx over binary x, Q symmetric.

    value in the user's unit = scale · xᵀqx + offset        q int64, scale and offset exact decimals

Boards, agents and reports see the integers q only. A negative scale means that the user maximises.
Pure. Not for reading files: that is `qubo_formats`; nor for one benchmark's own problems: `qubo_mis`.
"""

from __future__ import annotations

from dataclasses import dataclass
from decimal import MAX_EMAX, MAX_PREC, MIN_EMIN, Context, Decimal
from fractions import Fraction
from typing import Any

import numpy as np
import numpy.typing as npt

from neurorig_protocols.board import as_bits

MAX_N = 100_000
"""Most variables."""

MAX_ENTRIES = 20_000_000
"""Most couplings; larger problems are refused before memory is spent."""

MAX_SUM = 2**62
"""Σ|q| over the whole matrix stays below, so that no sum of an int64 overflows."""

Bits = npt.NDArray[Any]
Ints = npt.NDArray[np.int64]


@dataclass(frozen=True, eq=False)
class Problem:
    """One problem. All arrays are int64 and read-only.

    rows, cols (m,): the coupled pairs, rows < cols, in lexicographic order, each once.
    weights (m,): q[row, col] = q[col, row], never 0. diagonal (n,): q[i, i].
    scale, offset: exact decimals as text. rounding_bound: how far a value may be off, in the user's unit, because
    the given coefficients are no integers times the scale.
    """

    n: int
    rows: Ints
    cols: Ints
    weights: Ints
    diagonal: Ints
    scale: str = "1"
    offset: str = "0"
    rounding_bound: float = 0.0
    name: str = ""

    def cost(self, x: Bits) -> int:
        """Return xᵀqx, exactly, of a 0/1 vector of shape (n,); ValueError on another shape or value."""
        bits = self._bits(x)
        inside = bits[self.rows] & bits[self.cols]
        return int(self.diagonal @ bits.astype(np.int64) + 2 * (self.weights @ inside.astype(np.int64)))

    def value(self, cost: int) -> Fraction:
        """Return a cost in the user's unit, exactly."""
        return Fraction(self.scale) * cost + Fraction(self.offset)

    @property
    def density(self) -> float:
        """Share of the pairs that are coupled, 0…1."""
        pairs = self.n * (self.n - 1) // 2
        return len(self.rows) / pairs if pairs else 0.0

    @property
    def unused(self) -> int:
        """How many variables have neither a coefficient nor a coupling: their value changes nothing."""
        used = self.diagonal != 0
        used[self.rows] = used[self.cols] = True
        return int(self.n - np.count_nonzero(used))

    @property
    def magnitude(self) -> int:
        """Σ|q| over the whole matrix: no cost is further from 0."""
        return int(np.abs(self.diagonal).sum() + 2 * np.abs(self.weights).sum())

    def _bits(self, x: Bits) -> npt.NDArray[np.uint8]:
        bits = as_bits(x)
        if bits.shape != (self.n,):
            raise ValueError(f"a solution of this problem has shape ({self.n},), this one {bits.shape}")
        return bits


def target_cost(problem: Problem, value: Fraction) -> int:
    """Return the largest integer cost that is at least as good as a value in the user's unit."""
    exact = (value - Fraction(problem.offset)) / Fraction(problem.scale)
    return exact.numerator // exact.denominator


def decimal_text(value: Fraction) -> str:
    """Write an exact decimal as short text; ValueError for a number that is none, such as 1/3."""
    digits = _fraction_digits(value.denominator)
    whole = value.numerator * 10**digits // value.denominator
    while whole and whole % 10 == 0:
        whole, digits = whole // 10, digits - 1
    if -LONGEST_ZEROS <= digits < 0:
        whole, digits = whole * 10**-digits, 0
    return str(Decimal(whole).scaleb(-digits, EXACT))


LONGEST_ZEROS = 18
"""Whole numbers are written out up to so many zeros at the end."""

EXACT = Context(prec=MAX_PREC, Emin=MIN_EMIN, Emax=MAX_EMAX)
"""Decimal arithmetic that rounds nothing."""


def _fraction_digits(denominator: int) -> int:
    """Return how many digits after the point a fraction in lowest terms needs."""
    counts = []
    for factor in (2, 5):
        count = 0
        while denominator % factor == 0:
            denominator, count = denominator // factor, count + 1
        counts.append(count)
    if denominator != 1:
        raise ValueError(f"a fraction of {denominator} is not a finite decimal")
    return max(counts)


def frozen(values: Ints) -> Ints:
    """Return the values contiguous and read-only."""
    owned = np.ascontiguousarray(values)
    owned.setflags(write=False)
    return owned
