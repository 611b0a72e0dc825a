"""DIMACS graphs (.col, .clq, .mis): the maximum independent set of the graph, as in NeuroBench's QUBO-MIS.

    c a comment
    p edge n m          also `p col n m`
    e u v               1 <= u, v <= n

Q has −1 on the diagonal and +4 on both entries of an edge. Many files list every edge in both directions: an edge
given again is the same edge, and m may count the lines or the edges. A loop is refused, and so is a vertex whose weight
is not 1. A `.clq` file's own question, the maximum clique, and other questions are asked by `graph_problems`.
"""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from neurorig_protocols.benchmarks.graph_problems import independent_set
from neurorig_protocols.benchmarks.qubo_formats.entries import Collector, Entries, refuse_loops, require_count
from neurorig_protocols.benchmarks.qubo_formats.options import Options, fixed
from neurorig_protocols.benchmarks.qubo_formats.source import count, lines, refuse
from neurorig_protocols.benchmarks.qubo_terms import Terms, require_size

NAME = "dimacs"


def read(text: str, options: Options) -> Terms:
    """Return the terms of a file."""
    fixed(options, NAME)
    n, found = edges(text)
    return independent_set(n, found.i, found.j)


def edges(text: str) -> tuple[int, Entries]:
    """Return the number of vertices and the edges of a file, each once, with weight 1."""
    found = lines(text, ("c",))
    n, m = _header(found)
    entries = Collector(base=1, n=n)
    line = 1
    for line, words in found:
        if words[0] == "n":
            _require_weight_one(line, words)
        if words[0] in ("n", "v", "x", "d"):
            continue  # coordinates and parameters of other problems on the same graph
        if len(words) != 3 or words[0] != "e":
            refuse(line, "'e u v' is due", "syntax")
        entries.add(line, words[1], words[2], "1")
    listed = entries.done()
    once = _once(listed, n)
    if len(once.i) != m:
        require_count(entries.count, m, line, "edges")
    return n, once


def _header(found: Iterator[tuple[int, list[str]]]) -> tuple[int, int]:
    line, words = next(found, (1, []))
    if len(words) != 4 or words[0] != "p" or words[1] not in ("edge", "col"):
        refuse(line, "the first line must be 'p edge n m'", "header")
    n, m = count(words[2], line, "vertices"), count(words[3], line, "edges")
    require_size(n, m)
    return n, m


def _require_weight_one(line: int, words: list[str]) -> None:
    if len(words) == 3 and words[2] != "1":
        refuse(
            line,
            f"vertex {words[1][:20]} has the weight {words[2][:20]}: weighted sets are not what this format is read as",
            "syntax",
            next_step="Give the weighted problem as a QUBO: −w on the diagonal, more than w as an edge's penalty.",
        )


def _once(listed: Entries, n: int) -> Entries:
    refuse_loops(listed)
    low, high = np.minimum(listed.i, listed.j), np.maximum(listed.i, listed.j)
    _, at = np.unique(low * n + high, return_index=True)
    once = listed.take(at)
    return Entries(low[at], high[at], once.values, once.line)
