"""What can go wrong with the virtual analyser, by option of its program. All of it has happened to real instruments.

die:SECONDS          the process ends, without a word, after so many seconds of acquisition
drop:SECONDS:COUNT   COUNT samples are lost, SECONDS after the start of the acquisition
idn:TEXT             another instrument's answer to *IDN?
late:SECONDS         the first fetched block comes so much later, and everything behind it
mute                 connections are taken, nothing is ever answered
"""

from __future__ import annotations

import math
from collections.abc import Iterable
from dataclasses import dataclass, replace


class Died(Exception):
    """The analyser's process must end now, as if its mains plug had been pulled."""


@dataclass(frozen=True)
class Faults:
    """Faults to show; the default is a healthy instrument. Times in seconds of the instrument's own clock."""

    die_after_s: float = math.inf
    drops: tuple[tuple[float, int], ...] = ()
    identity: str | None = None
    late_s: float = 0.0
    mute: bool = False


def parse_faults(texts: Iterable[str]) -> Faults:
    """Read faults as the module's docstring writes them; ValueError says which one is wrong."""
    faults = Faults()
    for text in texts:
        try:
            faults = _with(faults, text)
        except ValueError as error:
            raise ValueError(f"'{text}' is no fault: {error}") from error
    return faults


def _with(faults: Faults, text: str) -> Faults:
    kind, _, value = text.partition(":")
    match kind:
        case "die":
            return replace(faults, die_after_s=_seconds(value))
        case "drop":
            after, _, count = value.partition(":")
            if int(count) < 1:
                raise ValueError("at least one sample must be lost")
            return replace(faults, drops=(*faults.drops, (_seconds(after), int(count))))
        case "idn" if value.isascii() and value.isprintable() and value:
            return replace(faults, identity=value)
        case "late":
            return replace(faults, late_s=_seconds(value))
        case "mute" if not value:
            return replace(faults, mute=True)
    raise ValueError("expected die:SECONDS, drop:SECONDS:COUNT, idn:TEXT, late:SECONDS or mute")


def _seconds(text: str) -> float:
    seconds = float(text)
    if not (math.isfinite(seconds) and seconds >= 0):
        raise ValueError(f"{text} is no length of time")
    return seconds
