"""DIMACS graphs (.col, .clq, .mis): the maximum independent set of the graph, as in NeuroBench's QUBO-MIS.

    c a comment
    p edge n m          also `p col n m`
    e u v               1 <= u, v <= n

Q has −1 on the diagonal and +4 on both entries of an edge. Many files list every edge in both directions: an edge
given again is the same edge, and m may count the lines or the edges. A loop is refused. A `.clq` file's own question,
the maximum clique, is the independent set of the complement; the complement is not taken here.
"""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from neurorig_protocols.benchmarks.qubo_decimals import Decimals
from neurorig_protocols.benchmarks.qubo_formats.entries import Collector, Entries, Ints, require_count
from neurorig_protocols.benchmarks.qubo_formats.options import Options, fixed
from neurorig_protocols.benchmarks.qubo_formats.source import count, lines, refuse
from neurorig_protocols.benchmarks.qubo_mis import EDGE_WEIGHT
from neurorig_protocols.benchmarks.qubo_terms import Terms, require_size

NAME = "dimacs"


def read(text: str, options: Options) -> Terms:
    """Return the terms of a file."""
    fixed(options, NAME)
    found = lines(text, ("c",))
    n, m = _header(found)
    entries = Collector(base=1, n=n)
    line = 1
    for line, words in found:
        if words[0] in ("n", "v", "x", "d"):
            continue  # node weights and coordinates of other problems on the same graph
        if len(words) != 3 or words[0] != "e":
            refuse(line, "'e u v' is due", "syntax")
        entries.add(line, words[1], words[2], "1")
    u, v = _edges(entries.done(), n)
    if len(u) != m:
        require_count(entries.count, m, line, "edges")
    vertices = np.arange(n, dtype=np.int64)
    values = np.concatenate([np.full(n, -1, np.int64), np.full(len(u), 2 * EDGE_WEIGHT, np.int64)])
    coefficients = Decimals(values, np.zeros(len(values), np.int64))
    return Terms(n, np.concatenate([vertices, u]), np.concatenate([vertices, v]), coefficients)


def _header(found: Iterator[tuple[int, list[str]]]) -> tuple[int, int]:
    line, words = next(found, (1, []))
    if len(words) != 4 or words[0] != "p" or words[1] not in ("edge", "col"):
        refuse(line, "the first line must be 'p edge n m'", "header")
    n, m = count(words[2], line, "vertices"), count(words[3], line, "edges")
    require_size(n, m)
    return n, m


def _edges(listed: Entries, n: int) -> tuple[Ints, Ints]:
    loops = np.flatnonzero(listed.i == listed.j)
    if len(loops):
        refuse(int(listed.line[loops[0]]), "a vertex has an edge to itself", "loop")
    u, v = np.divmod(np.unique(np.minimum(listed.i, listed.j) * n + np.maximum(listed.i, listed.j)), n)
    return u, v
