"""The sparse list of Beasley's OR-Library problems "bqp": xᵀQx, one problem in a file.

    n m
    i j q          m lines, 1 <= i, j <= n; q = Q[i, j] = Q[j, i]

A pair may be given on one side or on both; both must agree. The library maximises, other people minimise with the
same layout, and nothing in the file says which: the caller states `sense`. A file of several problems is refused.
"""

from __future__ import annotations

from neurorig_protocols.benchmarks.qubo_formats.entries import Collector, require_count, symmetric
from neurorig_protocols.benchmarks.qubo_formats.options import Options, fixed, matrix_terms
from neurorig_protocols.benchmarks.qubo_formats.source import count, lines, refuse
from neurorig_protocols.benchmarks.qubo_terms import Terms, require_size

NAME = "bqp"


def read(text: str, options: Options) -> Terms:
    """Return the terms of a file."""
    if options.sense is None:
        refuse(
            None,
            "the format bqp does not say whether xᵀQx is minimised or maximised",
            "sense",
            next_step="State the sense: max for the OR-Library's own files.",
        )
    fixed(Options(vartype=options.vartype), NAME)
    found = lines(text)
    line, words = next(found)
    if len(words) == 1:
        refuse(line, "the file holds several problems", "header", next_step="Cut one problem out: 'n m' and m lines.")
    if len(words) != 2:
        refuse(line, "the first line must be 'n m'", "header")
    n, m = count(words[0], line, "variables"), count(words[1], line, "entries")
    require_size(n, m)
    entries = Collector(base=1, n=n)
    for line, words in found:
        if len(words) != 3:
            refuse(line, f"'i j value' is due, there are {len(words)} words", "syntax")
        entries.add(line, *words)
    require_count(entries.count, m, line, "entries")
    return matrix_terms(n, symmetric(entries.done(), n, one_triangle=True), maximise=options.sense == "max")
