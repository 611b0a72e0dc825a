"""QPLIB's own format, of problems of the kinds QBN and QBB and their like: ½ xᵀQx + bᵀx + c over binary x.

    name
    QBN                       or QBB, CBN, …: quadratic, binary, without constraints
    minimize                  or maximize
    n
    k                         then k lines `i j value` of the lower triangle, 1 <= j <= i <= n
    default                   of the linear coefficients; then k, and k lines `i value` of those that differ
    c                         the constant

`#`, `!` and `%` begin a comment, and so does whatever stands behind a line's own numbers. What follows, starting points
and names, is no part of the problem. An entry off the diagonal stands for both its sides, as in the example of the
source; some programs halve it.
Source: Furini et al., QPLIB: a library of quadratic programming instances, 2018, appendix B.
"""

from __future__ import annotations

import itertools
import re
from collections.abc import Iterator
from fractions import Fraction
from typing import NoReturn

import numpy as np

from neurorig_protocols.workloads.qubo.coefficients import BadNumber, Decimals, Terms, read_number, require_size
from neurorig_protocols.workloads.qubo.formats.statements import stated_offset
from neurorig_protocols.workloads.qubo.formats.text_source import (
    Collector,
    Entries,
    Options,
    Reason,
    count,
    fixed,
    lines,
    refuse,
    require_count,
    require_once,
)

NAME = "qplib"

_KIND = re.compile(r"[LDCQ][A-Z]{2}", re.ASCII)
_READ = re.compile(r"[LDCQ]B[NB]", re.ASCII)
_SENSES = {"minimize": False, "maximize": True}


def read(text: str, options: Options) -> Terms:
    """Return the terms of a file."""
    fixed(Options(vartype=options.vartype), NAME)
    found = _Lines(text)
    found.words("the name")
    kind = found.word("the type")
    if not _READ.fullmatch(kind.upper()):
        found.refuse(f"the type '{kind[:10]}' is not one of binary problems without constraints, such as QBN", "header")
    sense = found.word("the sense").lower()
    if sense not in _SENSES:
        found.refuse(f"'{sense[:20]}' is not minimize or maximize", "header")
    if options.sense is not None and options.sense != sense[:3]:
        found.refuse(f"the file says {sense}, '{options.sense}' cannot be stated", "option")
    n = count(found.word("n"), found.line, "variables")
    require_size(n)
    quadratic = _list(found, n, 0 if kind.upper().startswith("L") else None)
    linear = _linear(found, n)
    offset = found.number("the constant")
    stated_offset(text, "#!%", sense="max" if _SENSES[sense] else "min", own=offset, inline=True)
    return _terms(n, quadratic, linear, offset, maximise=_SENSES[sense])


def is_qplib(text: str) -> bool:
    """Say whether the first lines are those of this format."""
    words = [words for _, words in itertools.islice(_uncommented(text[:4096]), 3)]
    return (
        len(words) == 3
        and all(words)
        and _KIND.fullmatch(words[1][0].upper()) is not None
        and words[2][0].lower() in _SENSES
    )


class _Lines:
    """The lines one after another; each must be there."""

    def __init__(self, text: str) -> None:
        self._found = _uncommented(text)
        self.line = 1

    def words(self, what: str, width: int = 1) -> list[str]:
        """Return the first words of the next line; what follows them is for people."""
        line, words = next(self._found, (None, []))
        if line is None:
            self.refuse(f"{what} is due, the file ends here", "truncated")
        self.line = line
        if len(words) < width:
            self.refuse(f"{what} is due, there are {len(words)} words", "syntax")
        return words[:width]

    def word(self, what: str) -> str:
        """Return the first word of the next line."""
        return self.words(what)[0]

    def number(self, what: str) -> Fraction:
        """Return the number on the next line, exactly."""
        try:
            mantissa, exponent, _ = read_number(self.word(what))
        except BadNumber as bad:
            self.refuse(str(bad), bad.reason)
        return mantissa * Fraction(10) ** exponent

    def refuse(self, message: str, reason: Reason) -> NoReturn:
        """Refuse the present line."""
        refuse(self.line, message, reason)


def _uncommented(text: str) -> Iterator[tuple[int, list[str]]]:
    for line, words in lines(text, ("#", "!", "%")):
        end = next((k for k, word in enumerate(words) if word[0] in "#!%"), len(words))
        yield line, words[:end]


def _list(found: _Lines, n: int, length: int | None) -> Entries:
    """Read how many, then so many lines `i j value`."""
    if length is None:
        length = count(found.word("the number of quadratic terms"), found.line, "terms")
    require_size(n, length)
    entries = Collector(base=1, n=n)
    for _ in range(length):
        i, j, value = found.words("'i j value'", 3)
        entries.add(found.line, i, j, value)
    listed = entries.done()
    require_once(listed, n)
    return listed


def _linear(found: _Lines, n: int) -> Entries:
    """Read the default, how many differ, and those."""
    default = found.word("the default of the linear coefficients")
    at = found.line
    length = count(found.word("the number of linear coefficients"), found.line, "coefficients")
    if length > n:
        require_count(length, n, found.line, "linear coefficients")
    given = Collector(base=1, n=n)
    for _ in range(length):
        i, value = found.words("'i value'", 2)
        given.add(found.line, i, i, value)
    listed = given.done()
    require_once(listed, n)
    others = Collector(base=0, n=n)
    for k in np.setdiff1d(np.arange(n), listed.i).tolist():
        others.add(at, str(k), str(k), default)
    return listed.joined(others.done())


def _terms(n: int, quadratic: Entries, linear: Entries, offset: Fraction, *, maximise: bool) -> Terms:
    # One half of a pair's two entries is the entry; one half of the diagonal is 5 · 10^-1 of it.
    square = quadratic.i == quadratic.j
    values = quadratic.values
    halved = Decimals(values.mantissa * np.where(square, 5, 1), values.exponent - square, values.error)
    both = Entries(quadratic.i, quadratic.j, halved, quadratic.line).joined(linear)
    return Terms(n, both.i, both.j, both.values, offset=offset, maximise=maximise, error=both.values.error)
