"""Numbers as people read them: SI prefixes, and as many digits as the uncertainty allows. Not for machines."""

from __future__ import annotations

import math
import sys
from decimal import ROUND_CEILING, ROUND_HALF_EVEN, Decimal

from neurorig_protocols.quantities import Absent, Measured, Quantity

NBSP = "\u00a0"
THIN = "\u202f"
MINUS = "\u2212"
PREFIXES = {-15: "f", -12: "p", -9: "n", -6: "µ", -3: "m", 0: "", 3: "k", 6: "M", 9: "G", 12: "T"}

SINGLE = "n = 1, spread unknown"
"""What stands beside a number that comes from one value alone."""

FLOAT_DIGITS = sys.float_info.dig
"""Significant decimal digits that every float64 keeps."""

EXACT_DIGITS = 5
"""Significant digits of a number without an uncertainty; a pure count keeps all of its own."""


def quantity_text(quantity: Quantity) -> str:
    """Return "value ± expanded uncertainty unit", such as "12.345 ± 0.012 mJ"; no ± where u is 0 or not known."""
    if quantity.expanded is None:
        return f"{uncertain_text(quantity.value, 0.0, quantity.unit)} ({SINGLE})"
    return uncertain_text(quantity.value, quantity.expanded, quantity.unit)


def graded_text(found: Measured | None) -> str:
    """Return a quantity with its grade, or "not measured" with the reason."""
    if found is None:
        return "not reported"
    if isinstance(found, Absent):
        return f"not measured: {found.reason}"
    return f"{quantity_text(found)}, {found.grade.replace('_', ' ')}"


def latency_text(latency_s: float | None) -> str:
    """Return the time to a gap, or "not reached"."""
    return "not reached" if latency_s is None else measured_text(latency_s, "s")


def uncertain_text(value: float, expanded: float, unit: str) -> str:
    """Round the uncertainty to two significant digits and the value to the same place.

    A value never has more digits than a float64 holds; an uncertainty below its last one is rounded up to that place.
    """
    if expanded == 0:
        is_count = unit in ("1", "") and float(value).is_integer()
        return count_text(int(value)) if is_count else plain_text(value, unit, EXACT_DIGITS)
    place = _place(expanded, 2)
    last = _place(value, FLOAT_DIGITS) if value else place
    x, u = _round(value, max(place, last)), _round(expanded, place)
    if last > place:
        u, place = u.quantize(Decimal(1).scaleb(last), rounding=ROUND_CEILING), last
    exponent = _prefix_exponent(max(abs(x), u), unit)
    digits = max(0, exponent - place)
    return f"{_scaled(x, exponent, digits)} ± {_scaled(u, exponent, digits)}{_unit(exponent, unit)}"


def plain_text(value: float, unit: str, digits: int = 4) -> str:
    """Return a value that was set, such as "50 ms": at most so many significant digits, trailing zeros dropped."""
    number, space, prefixed = measured_text(value, unit, digits).partition(NBSP)
    return (number.rstrip("0").rstrip(".") if "." in number else number) + space + prefixed


def measured_text(value: float, unit: str, digits: int = 4) -> str:
    """Return a value that was measured without a stated uncertainty, such as "18.00 ms"."""
    if value == 0:
        return f"0{_unit(0, unit)}"
    x = _round(value, _place(value, digits))
    exponent = _prefix_exponent(abs(x), unit)
    return _scaled(x, exponent, max(0, exponent - _place(float(x), digits))) + _unit(exponent, unit)


def percent_text(share: float, digits: int = 3) -> str:
    """Return a share as a percentage, such as "4.76 %"; whole digits are never cut."""
    percent = share * 100
    decimals = max(0, digits - 1 - math.floor(math.log10(abs(percent)))) if percent else 0
    text = f"{percent:,.{decimals}f}".replace(",", THIN)
    return f"{_signed(text.rstrip('0').rstrip('.') if '.' in text else text)}{NBSP}%"


def count_text(number: int) -> str:
    """Return an integer with thin spaces between thousands and a real minus sign."""
    return _signed(f"{number:,}").replace(",", THIN)


def counted_text(number: int, one: str, several: str = "") -> str:
    """Return a number of things, such as "1 job" or "5 jobs"; `several` is the plural where it is not one with s."""
    return f"{count_text(number)} {one if number == 1 else several or f'{one}s'}"


def duration_text(seconds: float) -> str:
    """Return a length of time in its largest whole unit, such as "3 min"; for ages, not for measurements."""
    for name, length in (("d", 86400), ("h", 3600), ("min", 60)):
        if seconds >= length:
            return f"{int(seconds // length)}{NBSP}{name}"
    return f"{max(0, int(seconds))}{NBSP}s"


def axis_scale(largest: float, unit: str) -> tuple[float, str]:
    """Return the factor and the prefixed unit in which an axis up to `largest` has handy numbers."""
    exponent = _prefix_exponent(Decimal(repr(abs(largest))), unit)
    return 10.0**-exponent, _unit(exponent, unit).strip()


def _place(value: float, digits: int) -> int:
    """Power of ten of the last of so many significant digits, after rounding (0.0996 has its second at -2)."""
    place = math.floor(math.log10(abs(value))) - digits + 1
    return place + 1 if abs(_round(value, place)) >= Decimal(10) ** (place + digits) else place


def _round(value: float, place: int) -> Decimal:
    return Decimal(repr(value)).quantize(Decimal(1).scaleb(place), rounding=ROUND_HALF_EVEN)


def _prefix_exponent(magnitude: Decimal, unit: str) -> int:
    if unit in ("1", "") or magnitude == 0:
        return 0
    exponent = 3 * math.floor(magnitude.adjusted() / 3)
    # Nobody says kiloseconds.
    largest = 0 if unit == "s" else max(PREFIXES)
    return min(max(exponent, min(PREFIXES)), largest)


def _scaled(value: Decimal, exponent: int, digits: int) -> str:
    # Adding zero takes the sign from a zero.
    return _signed(f"{value.scaleb(-exponent) + 0:.{digits}f}")


def _signed(text: str) -> str:
    return text.replace("-", MINUS)


def _unit(exponent: int, unit: str) -> str:
    return "" if unit in ("1", "") else f"{NBSP}{PREFIXES[exponent]}{unit}"
