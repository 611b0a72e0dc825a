"""Decimal numbers of problem files, exactly: mantissa · 10^exponent in two integer arrays.

A number with more than 18 significant digits, as programs print that write binary numbers out to the last bit, is
taken as the double nearest to it, and the difference is counted. Not for QUBOs: `qubo_terms` builds those.
"""

from __future__ import annotations

import re
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from fractions import Fraction
from typing import Literal

import numpy as np
import numpy.typing as npt

Ints = npt.NDArray[np.int64]

MAX_DIGITS = 18
MAX_EXPONENT = 60
"""Numbers beyond 10^60 are refused; below 10^-60 a number counts as 0, and the difference is counted."""

_NUMBER = re.compile(r"([+-]?)(\d*)(?:\.(\d*))?(?:[eE]([+-]?\d{1,4}))?", re.ASCII)
_NOT_FINITE = re.compile(r"[+-]?(nan|inf(inity)?)", re.ASCII | re.IGNORECASE)
_LONGEST = 400


Fault = Literal["syntax", "not_finite", "overflow"]


class BadNumber(ValueError):
    """A word is no number that can be held; `reason` is a stable word, `index` says which of the words it was."""

    def __init__(self, reason: Fault, message: str, index: int = 0) -> None:
        super().__init__(message)
        self.reason = reason
        self.index = index


@dataclass(frozen=True)
class Decimals:
    """Numbers mantissa · 10^exponent, both int64 of one shape; `error` is the sum of what was rounded away."""

    mantissa: Ints
    exponent: Ints
    error: float = 0.0

    def take(self, at: Ints) -> Decimals:
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
            raise BadNumber("not_finite", f"'{word}' is no finite number")
        raise BadNumber("syntax", f"'{word[:40]}' is no number")
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
