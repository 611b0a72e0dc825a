"""Matrix Market coordinate files: the symmetric matrix Q of "minimise xᵀQx", or maximise where the caller says so.

    %%MatrixMarket matrix coordinate real|integer|pattern general|symmetric
    % a comment
    n n entries
    i j value      1 <= i, j <= n; no value with pattern, which stands for 1

symmetric: only one triangle is given. general: the whole matrix is given, and both triangles must agree.
"""

from __future__ import annotations

from neurorig_protocols.benchmarks.qubo_formats.entries import Collector, require_count, require_once, symmetric
from neurorig_protocols.benchmarks.qubo_formats.options import Options, fixed, matrix_terms
from neurorig_protocols.benchmarks.qubo_formats.source import count, lines, refuse
from neurorig_protocols.benchmarks.qubo_terms import Terms, require_size

NAME = "matrix-market"
BANNER = "%%MatrixMarket"


def read(text: str, options: Options) -> Terms:
    """Return the terms of a file."""
    fixed(Options(vartype=options.vartype), NAME)
    field, symmetry = _banner(text.split("\n", 1)[0])
    found = lines(text, ("%",))
    line, words = next(found, (1, []))
    if len(words) != 3:
        refuse(line, "the line 'rows columns entries' is missing", "header")
    n, columns, m = (count(word, line, "rows") for word in words)
    if n != columns:
        refuse(line, f"Q must be square, this matrix has {n} rows and {columns} columns", "header")
    require_size(n, m)
    width, value = (2, ["1"]) if field == "pattern" else (3, [])
    entries = Collector(base=1, n=n)
    for line, words in found:
        if len(words) != width:
            refuse(line, f"{width} words are due, there are {len(words)}", "syntax")
        i, j, number = (*words, *value)
        entries.add(line, i, j, number)
    require_count(entries.count, m, line, "entries")
    listed = entries.done()
    if symmetry == "symmetric":
        # Both triangles would say a pair twice.
        require_once(listed, n)
    upper = symmetric(listed, n, one_triangle=symmetry == "symmetric")
    return matrix_terms(n, upper, maximise=options.sense == "max")


def _banner(line: str) -> tuple[str, str]:
    words = line.lower().split()
    if len(words) != 5 or words[0] != BANNER.lower() or words[1] != "matrix":
        refuse(1, "the first line must be '%%MatrixMarket matrix coordinate FIELD SYMMETRY'", "header")
    if words[2] != "coordinate":
        refuse(1, f"'{words[2][:40]}' matrices are not read, only 'coordinate'", "header")
    if words[3] not in ("real", "double", "integer", "pattern"):
        refuse(1, f"entries of the kind '{words[3][:40]}' are no real numbers", "header")
    if words[4] not in ("general", "symmetric"):
        refuse(1, f"the symmetry '{words[4][:40]}' is not 'general' or 'symmetric'", "header")
    return words[3], words[4]
