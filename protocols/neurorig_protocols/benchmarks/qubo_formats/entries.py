"""Lists of "index index value" gathered in blocks, so that millions of lines stay small in memory."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from neurorig_protocols.benchmarks.qubo import MAX_ENTRIES
from neurorig_protocols.benchmarks.qubo_decimals import BadNumber, Decimals, read_numbers
from neurorig_protocols.benchmarks.qubo_formats.source import refuse

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
                refuse(line, f"'{word[:60]}' is no index", "syntax")
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
