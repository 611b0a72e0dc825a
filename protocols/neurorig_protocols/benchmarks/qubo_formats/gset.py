"""Max-Cut graphs in rudy's layout, as the Gset: maximise Σ w over the edges whose ends are on different sides.

    n m
    u v w          m lines, 1 <= u, v <= n; no w at all stands for 1 on every line

As a QUBO: minimise Σ w (2 x_u x_v − x_u − x_v), which is −cut; the scale is −1, so that values are cuts. An edge given
twice is refused, a loop too.
"""

from __future__ import annotations

from neurorig_protocols.benchmarks.graph_problems import max_cut
from neurorig_protocols.benchmarks.qubo_formats.entries import (
    Collector,
    Entries,
    refuse_loops,
    require_count,
    require_once,
)
from neurorig_protocols.benchmarks.qubo_formats.options import Options, fixed
from neurorig_protocols.benchmarks.qubo_formats.source import count, lines, refuse
from neurorig_protocols.benchmarks.qubo_terms import Terms, require_size

NAME = "gset"


def read(text: str, options: Options) -> Terms:
    """Return the terms of a file."""
    fixed(options, NAME, sense="max")
    n, found = edges(text)
    return max_cut(n, found.i, found.j, found.values)


def edges(text: str) -> tuple[int, Entries]:
    """Return the number of vertices and the edges of a file, each once."""
    found = lines(text)
    line, words = next(found)
    if len(words) != 2:
        refuse(line, "the first line must be 'n m'", "header")
    n, m = count(words[0], line, "vertices"), count(words[1], line, "edges")
    require_size(n, m)
    entries = Collector(base=1, n=n)
    width = 0
    for line, words in found:
        if len(words) not in (2, 3):
            refuse(line, f"'u v weight' is due, there are {len(words)} words", "syntax")
        if width and len(words) != width:
            refuse(line, "some edges have a weight and some have none", "syntax")
        width = len(words)
        u, v, weight = (*words, "1")[:3]
        entries.add(line, u, v, weight)
    require_count(entries.count, m, line, "edges")
    listed = entries.done()
    refuse_loops(listed)
    require_once(listed, n)
    return n, listed
