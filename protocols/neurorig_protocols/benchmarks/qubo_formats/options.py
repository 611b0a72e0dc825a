"""What a caller says of a problem file beside its content, and what a format's reader gives back."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Literal

from neurorig_protocols.benchmarks.qubo_decimals import Decimals
from neurorig_protocols.benchmarks.qubo_formats.entries import Entries
from neurorig_protocols.benchmarks.qubo_formats.source import refuse
from neurorig_protocols.benchmarks.qubo_terms import Terms

Sense = Literal["min", "max"]
Vartype = Literal["binary", "spin"]


@dataclass(frozen=True)
class Options:
    """What the caller states: None leaves it to the format. decimals: round coefficients to so many."""

    sense: Sense | None = None
    vartype: Vartype | None = None
    decimals: int | None = None

    @classmethod
    def of(cls, given: Mapping[str, str]) -> Options:
        """Read options given as text; reason: option."""
        sense, vartype = given.get("sense"), given.get("vartype")
        if sense not in (None, "min", "max"):
            refuse(None, f"sense is 'min' or 'max', not '{sense}'", "option")
        if vartype not in (None, "binary", "spin"):
            refuse(None, f"vartype is 'binary' or 'spin', not '{vartype}'", "option")
        return cls(sense, vartype, _whole(given.get("decimals")))  # type: ignore[arg-type]  # both are checked above


Reader = Callable[[str, Options], Terms]


@dataclass(frozen=True)
class Format:
    """A file format: its name, what it is, and its reader."""

    name: str
    title: str
    read: Reader


def fixed(options: Options, format_name: str, *, sense: Sense = "min", vartype: Vartype = "binary") -> None:
    """Refuse a statement that contradicts what the format itself says; reason: option."""
    for name, given, own in (("sense", options.sense, sense), ("vartype", options.vartype, vartype)):
        if given not in (None, own):
            refuse(None, f"the format {format_name} has {name} '{own}', '{given}' cannot be stated", "option")


def matrix_terms(n: int, upper: Entries, *, maximise: bool) -> Terms:
    """Return xᵀQx of a symmetric matrix given by its upper triangle."""
    twice = (upper.i != upper.j) + 1
    values = Decimals(upper.values.mantissa * twice, upper.values.exponent)
    return Terms(n, upper.i, upper.j, values, maximise=maximise, error=2 * upper.values.error)


def _whole(text: str | None) -> int | None:
    if text is None:
        return None
    digits = text.removeprefix("-")
    if not (digits.isascii() and digits.isdigit() and len(digits) <= 3):
        refuse(None, f"decimals is a whole number, not '{text}'", "option")
    return int(text)
