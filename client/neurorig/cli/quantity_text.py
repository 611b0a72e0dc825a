"""Numbers as people read them: a value with its expanded uncertainty, one unit prefix, no digit too many."""

from __future__ import annotations

import math
import sys

from neurorig_protocols.quantities import Absent, Measured

_PREFIXES = {-15: "f", -12: "p", -9: "n", -6: "µ", -3: "m", 0: "", 3: "k", 6: "M", 9: "G", 12: "T"}


FLOAT_DIGITS = sys.float_info.dig
"""Significant decimal digits that every float64 keeps."""

SINGLE = "n = 1, spread unknown"
"""What stands beside a number that comes from one value alone."""


def quantity(value: float, u: float | None, unit: str, k: float = 2.0) -> str:
    """Return "value ± expanded uncertainty prefix-unit"; the uncertainty has two significant digits.

    value and u (standard uncertainty) in `unit`; without uncertainty the value has four significant digits. A single
    value without one (u None) says so.
    """
    if u is None:
        return f"{plain(value, unit)} ({SINGLE})"
    expanded = abs(k * u)
    exponent = _exponent(max(abs(value), expanded))
    scale, symbol = 10.0**exponent, f"{_PREFIXES[exponent]}{unit}"
    if expanded == 0:
        return f"{value / scale:.4g} {symbol}".rstrip()
    digits, shown = fitting(value / scale, expanded / scale)
    return f"{value / scale:.{digits}f} ± {shown:.{digits}f} {symbol}".rstrip()


def fitting(value: float, expanded: float) -> tuple[int, float]:
    """Return how many decimals a value and its expanded uncertainty are shown with, and the uncertainty to show.

    Two significant digits of the uncertainty, but no more of the value than a float64 holds; the uncertainty is then
    rounded up to what can be shown.
    """
    digits = max(0, 1 - math.floor(math.log10(expanded)))
    held = FLOAT_DIGITS - 1 - math.floor(math.log10(abs(value))) if value else digits
    if digits <= max(0, held):
        return digits, expanded
    digits = max(0, held)
    return digits, math.ceil(expanded * 10.0**digits) / 10.0**digits


def plain(value: float, unit: str) -> str:
    """Return a value without uncertainty, with four significant digits and a unit prefix."""
    return quantity(value, 0.0, unit)


def measured(found: Measured | None) -> str:
    """Return a quantity with its grade, or "absent: reason"."""
    if found is None:
        return "absent: not reported"
    if isinstance(found, Absent):
        return f"absent: {found.reason}"
    if found.u is None:
        return f"{plain(found.value, found.unit)} ({found.grade}; {SINGLE})"
    return f"{quantity(found.value, found.u, found.unit, found.k)} ({found.grade})"


def latency(seconds: float | None) -> str:
    """Return a latency, or "not reached"."""
    return "not reached" if seconds is None else plain(seconds, "s")


def percent(fraction: float) -> str:
    """Return a signed fraction as percent."""
    return f"{100 * fraction:+.1f} %"


def _exponent(size: float) -> int:
    if size == 0:
        return 0
    # Rounding first: 999.96 with four digits prints as 1.000 of the next prefix.
    rounded = float(f"{size:.4g}")
    exponent = 3 * math.floor(math.log10(rounded) / 3 + 1e-12)
    return min(max(exponent, min(_PREFIXES)), max(_PREFIXES))
