"""Coefficients of problem files: exact decimals, and from those integers times a scale."""

from __future__ import annotations

import math
import re
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from fractions import Fraction
from typing import Literal

import numpy as np
import numpy.typing as npt

from neurorig_protocols.errors import InvalidProblem
from neurorig_protocols.workloads.qubo.problem import MAX_ENTRIES, MAX_N, MAX_SUM, Ints, Problem, decimal_text, frozen

MantissaArray = npt.NDArray[np.int64]

MAX_DIGITS = 18
MAX_EXPONENT = 60
"""Numbers beyond 10^60 are refused; below 10^-60 a number counts as 0, and the difference is counted."""

_NUMBER = re.compile(r"([+-]?)(\d*)(?:\.(\d*))?(?:[eE]([+-]?\d{1,4}))?", re.ASCII)
_NOT_FINITE = re.compile(r"[+-]?(nan|inf(inity)?)", re.ASCII | re.IGNORECASE)
_LONGEST = 400


Fault = Literal["syntax", "not_finite", "overflow"]


class BadNumber(ValueError):
    """A word is not a number that can be held; `reason` is a stable word, `index` says which of the words it was."""

    def __init__(self, reason: Fault, message: str, index: int = 0) -> None:
        super().__init__(message)
        self.reason = reason
        self.index = index


@dataclass(frozen=True)
class Decimals:
    """Numbers mantissa · 10^exponent, both int64 of one shape; `error` is the sum of what was rounded away."""

    mantissa: MantissaArray
    exponent: MantissaArray
    error: float = 0.0

    def take(self, at: MantissaArray) -> Decimals:
        """Return the numbers at these places; the error stays that of all."""
        return Decimals(self.mantissa[at], self.exponent[at], self.error)

    def joined(self, others: Decimals) -> Decimals:
        """Return these numbers and the others behind them."""
        return Decimals(
            np.concatenate([self.mantissa, others.mantissa]),
            np.concatenate([self.exponent, others.exponent]),
            self.error + others.error,
        )


def read_numbers(words: Sequence[str]) -> Decimals:
    """Read words such as `-3`, `0.25`, `1e-3`; BadNumber for the first that is none."""
    if _all_short_integers(words):
        return Decimals(np.array([int(word) for word in words], np.int64), np.zeros(len(words), np.int64))
    mantissa, exponent, error = np.zeros(len(words), np.int64), np.zeros(len(words), np.int64), 0.0
    for k, word in enumerate(words):
        try:
            mantissa[k], exponent[k], missed = read_number(word)
        except BadNumber as bad:
            raise BadNumber(bad.reason, str(bad), k) from bad
        error += missed
    return Decimals(mantissa, exponent, error)


def read_number(word: str) -> tuple[int, int, float]:
    """Return mantissa, exponent and what was rounded away; a mantissa ends in no zero."""
    match = _NUMBER.fullmatch(word) if len(word) <= _LONGEST else None
    if match is None or not (match[2] or match[3]):
        if _NOT_FINITE.fullmatch(word):
            raise BadNumber("not_finite", f"'{word}' is not a finite number")
        raise BadNumber("syntax", f"'{word[:40]}' is not a number")
    fraction = match[3] or ""
    digits = (match[2] + fraction).lstrip("0")
    kept = digits.rstrip("0")
    if not kept:
        return 0, 0, 0.0
    exponent = int(match[4] or 0) - len(fraction) + len(digits) - len(kept)
    sign = -1 if match[1] == "-" else 1
    if exponent + len(kept) < -MAX_EXPONENT:
        return 0, 0, 2 * abs(float(word)) + sys.float_info.min
    if exponent + len(kept) > MAX_EXPONENT:
        raise BadNumber("overflow", f"'{word[:40]}' is beyond 1e{MAX_EXPONENT}")
    if len(kept) > MAX_DIGITS:
        return _nearest_double(word, sign * int(kept), exponent)
    return sign * int(kept), exponent, 0.0


def from_floats(values: npt.NDArray[np.floating]) -> Decimals:
    """Take binary numbers as the shortest decimals that stand for them; BadNumber for infinities and NaN."""
    return read_numbers([str(value) for value in values])


def total(numbers: Decimals) -> Fraction:
    """Return the exact sum."""
    found = Fraction(0)
    for exponent in np.unique(numbers.exponent).tolist():
        part = numbers.mantissa[numbers.exponent == exponent]
        # In two halves: the sum of mantissas themselves can overflow.
        high, low = int((part >> 32).sum()), int((part & 0xFFFFFFFF).sum())
        found += ((high << 32) + low) * Fraction(10) ** exponent
    return found


def _nearest_double(word: str, digits: int, exponent: int) -> tuple[int, int, float]:
    if exponent >= 0:
        raise BadNumber("overflow", f"the whole number '{word[:40]}' has more than {MAX_DIGITS} digits")
    mantissa, shift, _ = read_number(repr(float(word)))
    lowest = min(exponent, shift)
    missed = abs(digits * 10 ** (exponent - lowest) - mantissa * 10 ** (shift - lowest))
    return mantissa, shift, missed / 10**-lowest


def _all_short_integers(words: Sequence[str]) -> bool:
    joined = "".join(words)
    if not joined.isascii() or (words and max(map(len, words)) > MAX_DIGITS):
        return False
    return joined.isdigit() or all(re.fullmatch(r"[+-]?\d+", word) for word in words)


ROUNDED_SUM = 2**52
"""Coefficients are rounded to about this Σ|q|, below 2^53, so that costs are exact in double precision too."""

MOST_DECIMALS = 60
_PAD = 1 + 1e-9
"""Bounds are computed in floating point and widened by this factor."""


@dataclass(frozen=True)
class Terms:
    """A quadratic function Σ coefficient · x_i · x_j + offset, i = j for a linear term; pairs may repeat and are added.

    maximise: the user wants it large. error: how far a value may be off already, from reading. labels: what the file
    calls the variables, empty where it only numbers them.
    """

    n: int
    i: Ints
    j: Ints
    coefficients: Decimals
    offset: Fraction = Fraction(0)
    maximise: bool = False
    error: float = 0.0
    labels: tuple[str, ...] = ()


@dataclass(frozen=True)
class _Whole:
    """Coefficients as integers times 10^exponent, and what rounding to them may do to a value."""

    values: Ints
    exponent: int
    error: float = 0.0


def build(terms: Terms, *, decimals: int | None = None, name: str = "") -> Problem:
    """Return the problem "minimise", exact where int64 allows; `decimals` rounds to so many, whatever is possible.

    Raises InvalidProblem with the reasons too_large, overflow, rounds_to_nothing, decimals.
    """
    require_size(terms.n)
    if decimals is not None and abs(decimals) > MOST_DECIMALS:
        raise InvalidProblem(f"decimals must be within ±{MOST_DECIMALS}", reason="decimals")
    whole = _whole(terms, decimals)
    low, high = np.minimum(terms.i, terms.j), np.maximum(terms.i, terms.j)
    values = -whole.values if terms.maximise else whole.values
    diagonal = np.zeros(terms.n, np.int64)
    linear = low == high
    np.add.at(diagonal, low[linear], values[linear])
    rows, cols, products = _added(terms.n, low[~linear], high[~linear], values[~linear])
    require_size(terms.n, len(rows))
    unit = Fraction(10) ** whole.exponent
    if (products & 1).any():
        _require_sum(2 * float(np.abs(diagonal).sum() + np.abs(products).sum()))
        diagonal, weights, unit = 2 * diagonal, products, unit / 2
    else:
        weights = products >> 1
    divisor, scale = _scale(diagonal, weights, unit)
    return Problem(
        n=terms.n,
        rows=frozen(rows),
        cols=frozen(cols),
        weights=frozen(weights // divisor),
        diagonal=frozen(diagonal // divisor),
        scale=decimal_text(-scale if terms.maximise else scale),
        offset=decimal_text(terms.offset),
        rounding_bound=_PAD * (whole.error + terms.error),
        name=name,
    )


def require_size(n: int, entries: int = 0) -> None:
    """Raise InvalidProblem for a problem larger than any that is accepted; before memory is spent."""
    if n < 1:
        raise InvalidProblem("the problem has no variable", reason="empty")
    if n > MAX_N:
        raise InvalidProblem(f"the problem has {n} variables, the limit is {MAX_N}", reason="too_large")
    if entries > MAX_ENTRIES:
        raise InvalidProblem(f"the problem has {entries} entries, the limit is {MAX_ENTRIES}", reason="too_large")


def _whole(terms: Terms, decimals: int | None) -> _Whole:
    m, e = terms.coefficients.mantissa, terms.coefficients.exponent
    used = m != 0
    lowest = min(0, int(e[used].min())) if used.any() else 0
    e = np.where(used, e, 0)
    if decimals is not None and -decimals > lowest:
        return _rounded(m, e, -decimals)
    size = _size(m, e)
    # Boards and targets compute costs in double precision: decimals are not worth more digits than that.
    limit = ROUNDED_SUM if lowest < 0 and decimals is None else MAX_SUM
    if size * 10.0**-lowest < limit * 0.999:
        return _Whole(m * _powers(e - lowest), lowest)
    if lowest == 0 or decimals is not None:
        _require_sum(size * 10.0**-lowest)
    return _rounded(m, e, math.ceil(math.log10(2 * size / ROUNDED_SUM)))


def _require_sum(size: float) -> None:
    if size >= MAX_SUM * 0.999:
        raise InvalidProblem(
            f"the coefficients add up to {size:.3g} units, integers of 64 bits hold Σ|q| below 2^62",
            reason="overflow",
            next_step="State to how many decimals the coefficients may be rounded.",
        )


def _rounded(m: Ints, e: Ints, exponent: int) -> _Whole:
    """Round to multiples of 10^exponent, halves to even."""
    size = _size(m, e)
    _require_sum(size * 10.0**-exponent + len(m))
    finer = e < exponent
    values = np.where(finer, 0, m * _powers(np.where(finer, 0, e - exponent)))
    digits = np.where(finer, exponent - e, 0)
    power = _powers(np.minimum(digits, 18))
    quotient, rest = np.divmod(m, power)
    up = (rest > power - rest) | ((power - rest == rest) & (quotient & 1 == 1))
    missed = np.where(digits > 18, np.abs(m), np.where(up, power - rest, rest))
    values = np.where(finer & (digits <= 18), quotient + up, values)
    if m.any() and not values.any():
        raise InvalidProblem(f"every coefficient rounds to 0 at 1e{exponent}", reason="rounds_to_nothing")
    error = float((np.where(finer, missed, 0) * 10.0 ** e.astype(float)).sum())
    return _Whole(values, exponent, error)


def _size(m: Ints, e: Ints) -> float:
    return float((np.abs(m.astype(float)) * 10.0 ** e.astype(float)).sum())


def _powers(exponents: Ints) -> Ints:
    table = np.array([10**k for k in range(19)], np.int64)
    # Larger powers belong to zeros only: the caller has bounded the sum of the products.
    return table[np.minimum(exponents, 18)]


def _added(n: int, low: Ints, high: Ints, values: Ints) -> tuple[Ints, Ints, Ints]:
    keys = low * n + high
    order = np.argsort(keys, kind="stable")
    keys, values = keys[order], values[order]
    starts = np.flatnonzero(np.r_[True, keys[1:] != keys[:-1]]) if len(keys) else np.zeros(0, np.int64)
    sums = np.add.reduceat(values, starts) if len(starts) else values
    kept = sums != 0
    rows, cols = np.divmod(keys[starts][kept], n)
    return rows, cols, sums[kept]


def _scale(diagonal: Ints, weights: Ints, unit: Fraction) -> tuple[int, Fraction]:
    """Return by what to divide the integers, and their scale then."""
    divisor = math.gcd(int(np.gcd.reduce(diagonal)), int(np.gcd.reduce(weights)) if len(weights) else 0)
    scale = unit * divisor
    if divisor == 0:
        return 1, Fraction(1)
    if scale.denominator == 1 and unit <= 1:
        return int(1 / unit), Fraction(1)
    return divisor, scale
