"""Parameters and answers as text, in both directions: numbers with units, channel lists, quoted strings."""

from __future__ import annotations

import math
import re
from collections.abc import Iterable

from neurorig_protocols.wire.scpi.status import ScpiError

_NUMBER = re.compile(r"([+-]?(?:\d+(?:\.\d*)?|\.\d+)(?:E[+-]?\d+)?)\s*([A-Z]*)", re.ASCII)
_CHANNELS = re.compile(r"\(\s*@\s*([\d\s,:]*)\)", re.ASCII)
_SPAN = re.compile(r"\s*(\d{1,9})\s*(?::\s*(\d{1,9})\s*)?", re.ASCII)

# IEEE 488.2, table 7-2: M is milli, MA is mega.
_MULTIPLIERS = {
    "EX": 1e18, "PE": 1e15, "T": 1e12, "G": 1e9, "MA": 1e6, "K": 1e3, "": 1.0,
    "M": 1e-3, "U": 1e-6, "N": 1e-9, "P": 1e-12, "F": 1e-15, "A": 1e-18,
}  # fmt: skip


def parse_number(text: str, unit: str = "") -> float:
    """Read a decimal number with an optional unit ("1E-6", "1 us", "300mW").

    `unit` is the upper-case unit that may follow, with or without a multiplier. Raises ScpiError: -104 when it is no
    number, -131 when the suffix is none of the unit, -222 when it is too large for a float.
    """
    if (match := _NUMBER.fullmatch(text.strip().upper())) is None:
        raise ScpiError(-104, text[:40])
    value = float(match[1]) * _multiplier(match[2], unit)
    if not math.isfinite(value):
        raise ScpiError(-222, text[:40])
    return value


def _multiplier(suffix: str, unit: str) -> float:
    if not suffix:
        return 1.0
    if not unit or not suffix.endswith(unit) or (prefix := suffix.removesuffix(unit)) not in _MULTIPLIERS:
        raise ScpiError(-131, suffix[:40])
    return _MULTIPLIERS[prefix]


def parse_limited(text: str, minimum: float, maximum: float, default: float, unit: str = "") -> float:
    """Read a number that may also be MINimum, MAXimum or DEFault; -222 when it lies outside the limits."""
    words = {"MIN": minimum, "MINIMUM": minimum, "MAX": maximum, "MAXIMUM": maximum}
    words |= {"DEF": default, "DEFAULT": default}
    word = text.strip().upper()
    value = words[word] if word in words else parse_number(text, unit)
    if not minimum <= value <= maximum:
        raise ScpiError(-222, f"{text[:40]} is not in {format_number(minimum)}...{format_number(maximum)}")
    return value


def parse_whole(text: str, minimum: int, maximum: int) -> int:
    """Read a number that must be whole; -222 when it lies outside the limits."""
    value = parse_number(text)
    if value != round(value):
        raise ScpiError(-104, text[:40])
    if not minimum <= value <= maximum:
        raise ScpiError(-222, f"{text[:40]} is not in {minimum}...{maximum}")
    return int(value)


def format_number(value: float) -> str:
    """Write a finite number so that `parse_number` gives exactly the same one."""
    if not math.isfinite(value):
        raise ValueError(f"{value} cannot be written as a decimal number")
    return repr(float(value)).upper()


def parse_channels(text: str, highest: int) -> tuple[int, ...]:
    """Read a channel list such as "(@1,3:5)", in its order; -104 when it is none, -222 beyond 1...`highest`."""
    if (match := _CHANNELS.fullmatch(text.strip())) is None:
        raise ScpiError(-104, text[:40])
    channels: list[int] = []
    for part in match[1].split(","):
        if (span := _SPAN.fullmatch(part)) is None:
            raise ScpiError(-104, text[:40])
        first, last = int(span[1]), int(span[2] or span[1])
        # Checked before the span is unfolded: a list may name a thousand million channels.
        if not (1 <= first <= highest and 1 <= last <= highest) or len(channels) > 4 * highest:
            raise ScpiError(-222, f"{text[:40]}: channels are 1...{highest}")
        step = 1 if last >= first else -1
        channels += range(first, last + step, step)
    return tuple(channels)


def format_channels(channels: Iterable[int]) -> str:
    """Write a channel list: (1, 3) gives "(@1,3)"."""
    return "(@{})".format(",".join(str(channel) for channel in channels))


def quote(text: str) -> str:
    """Write a string answer in double quotes."""
    return '"{}"'.format(text.replace('"', '""'))
