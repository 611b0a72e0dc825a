"""A dense matrix as rows of numbers, as numpy's `savetxt` writes it: the symmetric Q of "minimise xᵀQx".

    # a comment
    q q q …        n lines of n numbers; commas may stand for blanks

Both triangles must agree. The caller may say that xᵀQx is maximised.
"""

from __future__ import annotations

from neurorig_protocols.benchmarks.qubo_formats.entries import Collector, require_count, symmetric
from neurorig_protocols.benchmarks.qubo_formats.options import Options, fixed, matrix_terms
from neurorig_protocols.benchmarks.qubo_formats.source import lines, refuse
from neurorig_protocols.benchmarks.qubo_terms import Terms, require_size

NAME = "dense"


def read(text: str, options: Options) -> Terms:
    """Return the terms of a file."""
    fixed(Options(vartype=options.vartype), NAME)
    columns: list[str] = []
    entries = Collector(base=0, n=None)
    row, line = 0, 1
    for row, (line, words) in enumerate(lines(text.replace(",", " "), ("#",)), 1):
        if not columns:
            require_size(len(words), len(words) ** 2)
            columns = [str(k) for k in range(len(words))]
        if row > len(columns):
            require_count(row, len(columns), line, "rows")
        if len(words) != len(columns):
            refuse(line, f"the first row has {len(columns)} numbers, this one {len(words)}: Q must be square", "syntax")
        for column, word in zip(columns, words, strict=True):
            entries.add(line, columns[row - 1], column, word)
    n = len(columns)
    require_size(n)
    require_count(row, n, line, "rows")
    return matrix_terms(n, symmetric(entries.done(), n, one_triangle=False), maximise=options.sense == "max")
