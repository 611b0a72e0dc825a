"""Matrix Market files: the symmetric matrix Q of "minimise xᵀQx", or maximise where the caller says so.

    %%MatrixMarket matrix coordinate real|integer|pattern general|symmetric
    % a comment
    n n entries
    i j value      1 <= i, j <= n; no value with pattern, which stands for 1

    %%MatrixMarket matrix array real|integer general|symmetric
    n n
    value          column by column; symmetric: from the diagonal downwards

symmetric: only one triangle is given. general: the whole matrix is given, and both triangles must agree.
"""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from neurorig_protocols.workloads.qubo.coefficients import Terms, require_size
from neurorig_protocols.workloads.qubo.formats.statements import refuse_statements, stated_offset
from neurorig_protocols.workloads.qubo.formats.text_source import (
    Collector,
    Entries,
    Options,
    count,
    fixed,
    lines,
    matrix_terms,
    refuse,
    require_count,
    require_once,
    symmetric,
)

NAME = "matrix-market"
BANNER = "%%MatrixMarket"

Lines = Iterator[tuple[int, list[str]]]


def read(text: str, options: Options) -> Terms:
    """Return the terms of a file."""
    fixed(Options(vartype=options.vartype), NAME)
    n, upper = _matrix(text)
    offset = stated_offset(text, "%", sense=options.sense or "min")
    return matrix_terms(n, upper, maximise=options.sense == "max", offset=offset)


def edges(text: str) -> tuple[int, Entries]:
    """Return the vertices and edges of an adjacency matrix; a 0 is no edge."""
    refuse_statements(text, "%")
    n, upper = _matrix(text)
    return n, upper.take(np.flatnonzero(upper.values.mantissa))


def _matrix(text: str) -> tuple[int, Entries]:
    """Return the size and the upper triangle."""
    layout, field, symmetry = _banner(next(iter(text[:400].splitlines()), ""))
    found = lines(text, ("%",))
    if layout == "array":
        n, listed = _array(found, symmetry)
    else:
        n, listed = _coordinates(found, field)
    if symmetry == "symmetric":
        # Both triangles would say a pair twice.
        require_once(listed, n)
    return n, symmetric(listed, n, one_triangle=symmetry == "symmetric")


def _coordinates(found: Lines, field: str) -> tuple[int, Entries]:
    line, (n, m) = _sizes(found, 3)
    width, value = (2, ["1"]) if field == "pattern" else (3, [])
    entries = Collector(base=1, n=n)
    for line, words in found:
        if len(words) != width:
            refuse(line, f"{width} words are due, there are {len(words)}", "syntax")
        i, j, number = (*words, *value)
        entries.add(line, i, j, number)
    require_count(entries.count, m, line, "entries")
    return n, entries.done()


def _array(found: Lines, symmetry: str) -> tuple[int, Entries]:
    line, (n, m) = _sizes(found, 2)
    places = ((i, j) for j in range(n) for i in range(j if symmetry == "symmetric" else 0, n))
    if symmetry == "symmetric":
        m = n * (n + 1) // 2
    require_size(n, m)
    entries = Collector(base=0, n=n)
    for line, words in found:
        if len(words) != 1:
            refuse(line, f"one number is due, there are {len(words)} words", "syntax")
        place = next(places, None)
        if place is None:
            require_count(m + 1, m, line, "entries")
        else:
            entries.add(line, str(place[0]), str(place[1]), words[0])
    require_count(entries.count, m, line, "entries")
    return n, entries.done()


def _sizes(found: Lines, width: int) -> tuple[int, tuple[int, int]]:
    """Return the line, n and how many entries are announced; of an array, all of them."""
    line, words = next(found, (1, []))
    if len(words) != width:
        refuse(line, "the line 'rows columns entries' is missing" if width == 3 else "'rows columns' is due", "header")
    n, columns, *rest = (count(word, line, "rows") for word in words)
    if n != columns:
        refuse(line, f"Q must be square, this matrix has {n} rows and {columns} columns", "header")
    m = rest[0] if rest else n * n
    require_size(n, m if rest else 0)
    return line, (n, m)


def _banner(line: str) -> tuple[str, str, str]:
    words = line.lower().split()
    if len(words) != 5 or words[0] != BANNER.lower() or words[1] != "matrix":
        refuse(1, "the first line must be '%%MatrixMarket matrix coordinate|array FIELD SYMMETRY'", "header")
    if words[2] not in ("coordinate", "array"):
        refuse(1, f"the layout '{words[2][:40]}' is not 'coordinate' or 'array'", "header")
    if words[3] not in ("real", "double", "integer", "pattern") or words[2:4] == ["array", "pattern"]:
        refuse(1, f"entries of the kind '{words[3][:40]}' are no real numbers", "header")
    if words[4] not in ("general", "symmetric"):
        refuse(1, f"the symmetry '{words[4][:40]}' is not 'general' or 'symmetric'", "header")
    return words[2], words[3], words[4]
