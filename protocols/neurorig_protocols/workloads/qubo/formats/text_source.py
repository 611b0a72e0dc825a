"""Text of a problem file: the caller's options, numbered lines, entries in blocks, spins as binary variables."""

from __future__ import annotations

import io
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, replace
from fractions import Fraction
from typing import Literal, NoReturn

import numpy as np
import numpy.typing as npt

from neurorig_protocols.errors import InvalidProblem
from neurorig_protocols.workloads.qubo.coefficients import BadNumber, Decimals, Terms, read_numbers, total
from neurorig_protocols.workloads.qubo.problem import MAX_ENTRIES

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
    """A file format: its name, what it is, its reader, and the number of the first variable in its files."""

    name: str
    title: str
    read: Reader
    first: int = 0


def fixed(options: Options, format_name: str, *, sense: Sense = "min", vartype: Vartype = "binary") -> None:
    """Refuse a statement that contradicts what the format itself says; reason: option."""
    for name, given, own in (("sense", options.sense, sense), ("vartype", options.vartype, vartype)):
        if given not in (None, own):
            refuse(None, f"the format {format_name} has {name} '{own}', '{given}' cannot be stated", "option")


def matrix_terms(n: int, upper: Entries, *, maximise: bool, offset: Fraction = Fraction(0)) -> Terms:
    """Return xᵀQx + offset of a symmetric matrix given by its upper triangle."""
    twice = (upper.i != upper.j) + 1
    values = Decimals(upper.values.mantissa * twice, upper.values.exponent)
    return Terms(n, upper.i, upper.j, values, offset=offset, maximise=maximise, error=2 * upper.values.error)


def _whole(text: str | None) -> int | None:
    if text is None:
        return None
    digits = text.removeprefix("-")
    if not (digits.isascii() and digits.isdigit() and len(digits) <= 3):
        refuse(None, f"decimals is a whole number, not '{text}'", "option")
    return int(text)


_OTHER_MARKS = (b"\xff\xfe", b"\xfe\xff")
_SHOWN = 60


Reason = Literal[
    "ambiguous",
    "asymmetric",
    "count_mismatch",
    "decimals",
    "duplicate",
    "empty",
    "encoding",
    "format",
    "header",
    "index_out_of_range",
    "loop",
    "not_finite",
    "option",
    "overflow",
    "rounds_to_nothing",
    "sense",
    "statement",
    "syntax",
    "too_large",
    "truncated",
    "vartype",
]
"""Why a file is refused: stable words, explained in docs/reference/qubo-formats.md."""


def decode(data: bytes) -> str:
    """Return the text of a file; a byte order mark of UTF-8 is dropped. Reasons: empty, encoding."""
    if data.startswith(_OTHER_MARKS):
        raise InvalidProblem("the file is UTF-16, it must be UTF-8", reason="encoding")
    try:
        text = data.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        line = data.count(b"\n", 0, error.start) + 1
        raise InvalidProblem("this is not UTF-8 text", where=f"line {line}", reason="encoding") from error
    if not text.strip():
        raise InvalidProblem("the file is empty", reason="empty")
    return text


def lines(text: str, comments: tuple[str, ...] = ()) -> Iterator[tuple[int, list[str]]]:
    """Yield number and words of every line that is neither blank nor a comment; any line ending counts."""
    for number, line in enumerate(io.StringIO(text, newline=None), 1):
        words = line.split()
        if words and not words[0].startswith(comments):
            yield number, words


def refuse(line: int | None, message: str, reason: Reason, *, next_step: str | None = None) -> NoReturn:
    """Raise InvalidProblem at a line."""
    where = None if line is None else f"line {line}"
    raise InvalidProblem(message, where=where, next_step=next_step, reason=reason)


def listed(names: Iterable[str]) -> str:
    """Return names as people read them in a message."""
    return ", ".join(f"'{name}'" for name in names)


def count(word: str, line: int, what: str) -> int:
    """Return a number of things, at most nine digits; reasons: syntax, too_large."""
    if not (word.isascii() and word.isdigit()):
        refuse(line, f"'{word[:_SHOWN]}' is not a number of {what}", "syntax")
    if len(word.lstrip("0")) > 9:
        refuse(line, f"{word[:_SHOWN]} {what} are too many", "too_large")
    return int(word)


Ints = npt.NDArray[np.int64]

BLOCK_LINES = 1 << 16
_DIGITS = 9


@dataclass(frozen=True)
class Entries:
    """Entries in the order of the file; i, j (m,) count from 0; `line` is where each stands."""

    i: Ints
    j: Ints
    values: Decimals
    line: Ints

    def take(self, at: Ints) -> Entries:
        """Return the entries at these places."""
        return Entries(self.i[at], self.j[at], self.values.take(at), self.line[at])

    def joined(self, others: Entries) -> Entries:
        """Return these entries and the others behind them."""
        i, j = np.concatenate([self.i, others.i]), np.concatenate([self.j, others.j])
        return Entries(i, j, self.values.joined(others.values), np.concatenate([self.line, others.line]))


class Collector:
    """Takes entries line by line. base: number of the first index; n: how many there are, None when not known."""

    def __init__(self, *, base: int, n: int | None) -> None:
        self._base = base
        self._n = n
        self._lines: list[int] = []
        self._words: tuple[list[str], list[str], list[str]] = ([], [], [])
        self._blocks: list[Entries] = []
        self._error = 0.0
        self.count = 0

    def add(self, line: int, i: str, j: str, value: str) -> None:
        """Take one entry; the words are read when a block is full."""
        self.count += 1
        if self.count > MAX_ENTRIES:
            refuse(line, f"there are more than {MAX_ENTRIES} entries", "too_large")
        self._lines.append(line)
        for words, word in zip(self._words, (i, j, value), strict=True):
            words.append(word)
        if len(self._lines) == BLOCK_LINES:
            self._read()

    def done(self) -> Entries:
        """Return all entries. Reasons: syntax, index_out_of_range, not_finite, overflow."""
        if self._lines or not self._blocks:
            self._read()
        blocks = self._blocks
        values = Decimals(
            np.concatenate([b.values.mantissa for b in blocks]),
            np.concatenate([b.values.exponent for b in blocks]),
            self._error,
        )
        return Entries(
            np.concatenate([b.i for b in blocks]),
            np.concatenate([b.j for b in blocks]),
            values,
            np.concatenate([b.line for b in blocks]),
        )

    def _read(self) -> None:
        i, j = (self._indices(words) for words in self._words[:2])
        try:
            values = read_numbers(self._words[2])
        except BadNumber as bad:
            refuse(self._lines[bad.index], str(bad), bad.reason)
        self._error += values.error
        self._blocks.append(Entries(i, j, values, np.array(self._lines, np.int64)))
        for gathered in (self._lines, *self._words):
            gathered.clear()

    def _indices(self, words: list[str]) -> Ints:
        joined = "".join(words)
        plain = joined.isascii() and (joined.isdigit() or not words) and all(len(word) <= _DIGITS for word in words)
        if not plain:
            self._refuse_index(words)
        found = np.array([int(word) for word in words], np.int64) - self._base
        outside = np.flatnonzero((found < 0) | (found >= (self._n if self._n is not None else 10**_DIGITS)))
        if len(outside):
            k = int(outside[0])
            end = "" if self._n is None else f"…{self._n - 1 + self._base}"
            refuse(self._lines[k], f"the index {words[k]} is outside {self._base}{end}", "index_out_of_range")
        return found

    def _refuse_index(self, words: list[str]) -> None:
        for line, word in zip(self._lines, words, strict=True):
            digits = word.removeprefix("-")
            if not (digits.isascii() and digits.isdigit()):
                refuse(line, f"'{word[:60]}' is not an index", "syntax")
            if digits != word or len(word) > _DIGITS:
                refuse(line, f"the index {word[:60]} is out of range", "index_out_of_range")


def require_count(found: int, wanted: int, last_line: int, what: str) -> None:
    """Refuse a list that is shorter or longer than announced: a file cut off must not pass as a smaller problem."""
    if found < wanted:
        refuse(last_line, f"{wanted} {what} are announced, the file ends after {found}", "truncated")
    if found > wanted:
        refuse(last_line, f"{wanted} {what} are announced, there are more", "count_mismatch")


def refuse_loops(edges: Entries) -> None:
    """Refuse an edge of a vertex to itself; reason: loop."""
    loops = np.flatnonzero(edges.i == edges.j)
    if len(loops):
        refuse(int(edges.line[loops[0]]), "a vertex has an edge to itself", "loop")


def require_once(entries: Entries, n: int, *, ordered: bool = False) -> None:
    """Refuse a pair that is given twice; `ordered`: (i, j) and (j, i) are two pairs. Reason: duplicate."""
    low, high = (entries.i, entries.j) if ordered else _sorted(entries)
    keys = low * n + high
    order = np.argsort(keys, kind="stable")
    again = np.flatnonzero(keys[order][1:] == keys[order][:-1])
    if len(again):
        first, second = order[again[0]], order[again[0] + 1]
        pair = f"{int(entries.i[second])}, {int(entries.j[second])} (counted from 0)"
        earlier = int(entries.line[first])
        refuse(int(entries.line[second]), f"the pair {pair} is given before, in line {earlier}", "duplicate")


def symmetric(entries: Entries, n: int, *, one_triangle: bool) -> Entries:
    """Return the upper triangle of a matrix, diagonal included, and refuse one that is not symmetric.

    one_triangle: a pair that is given on one side only holds for both; otherwise the other side is 0.
    Reasons: duplicate, asymmetric.
    """
    require_once(entries, n, ordered=True)
    low, high = _sorted(entries)
    keys = low * n + high
    order = np.lexsort((entries.i > entries.j, keys))
    first = np.r_[True, keys[order][1:] != keys[order][:-1]] if len(order) else np.zeros(0, bool)
    has_twin = np.r_[~first[1:], False] if len(order) else first
    mantissa, exponent = normal(entries.values)
    firsts = order[first]
    twins = np.where(has_twin, np.r_[order[1:], 0], order)[first] if len(order) else firsts
    equal = (mantissa[firsts] == mantissa[twins]) & (exponent[firsts] == exponent[twins])
    if not one_triangle:
        alone = (twins == firsts) & (low[firsts] != high[firsts]) & (mantissa[firsts] != 0)
        equal &= ~alone
    if not equal.all():
        worst = firsts[int(np.flatnonzero(~equal)[0])]
        i, j = int(entries.i[worst]), int(entries.j[worst])
        refuse(
            int(entries.line[worst]),
            f"the matrix is not symmetric: the entries ({i}, {j}) and ({j}, {i}), counted from 0, differ",
            "asymmetric",
            next_step="Give (Q + Qᵀ)/2, which has the same costs.",
        )
    kept = Decimals(entries.values.mantissa[firsts], entries.values.exponent[firsts], entries.values.error)
    return Entries(low[firsts], high[firsts], kept, entries.line[firsts])


def _sorted(entries: Entries) -> tuple[Ints, Ints]:
    return np.minimum(entries.i, entries.j), np.maximum(entries.i, entries.j)


def normal(values: Decimals) -> tuple[Ints, Ints]:
    """Return mantissas that end in no zero, so that equal numbers look equal."""
    mantissa, exponent = values.mantissa.copy(), values.exponent.copy()
    while (even := (mantissa != 0) & (mantissa % 10 == 0)).any():
        mantissa[even] //= 10
        exponent[even] += 1
    return mantissa, np.where(mantissa == 0, 0, exponent)


def to_binary(spins: Terms) -> Terms:
    """Return the same function of binary variables.

    h s = 2h x − h and J s t = 4J x y − 2J x − 2J y + J; a pair of one index is linear.
    """
    m, e = spins.coefficients.mantissa, spins.coefficients.exponent
    linear = spins.i == spins.j
    pairs = ~linear
    i = np.concatenate([spins.i, spins.i[pairs], spins.j[pairs]])
    j = np.concatenate([spins.j, spins.i[pairs], spins.j[pairs]])
    mantissa = np.concatenate([np.where(linear, 2, 4) * m, -2 * m[pairs], -2 * m[pairs]])
    exponent = np.concatenate([e, e[pairs], e[pairs]])
    offset = spins.offset + total(Decimals(np.where(linear, -m, m), e))
    coefficients = Decimals(mantissa, exponent)
    return replace(spins, i=i, j=j, coefficients=coefficients, offset=offset)
