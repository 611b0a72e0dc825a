"""METIS and Chaco graph files: line k lists the neighbours of vertex k.

    % a comment
    n m [fmt]              fmt 0, or 1 where every neighbour is followed by the weight of its edge
    v v v …                n lines, 1 <= v <= n; a blank line is a vertex without neighbours

Every edge stands on the lines of both its ends, with one weight. Weights of vertices (fmt 10, 11, 100) are refused.
"""

from __future__ import annotations

import io
from collections.abc import Iterator

import numpy as np

from neurorig_protocols.benchmarks.graph_formats.edges import graph_of
from neurorig_protocols.benchmarks.graph_problems import Graph
from neurorig_protocols.benchmarks.qubo_formats.entries import Collector, Entries, require_count, require_once
from neurorig_protocols.benchmarks.qubo_formats.source import count, refuse
from neurorig_protocols.benchmarks.qubo_terms import require_size

NAME = "metis"


def read(text: str) -> Graph:
    """Return the graph of a file."""
    found = _lines(text)
    n, m, step = _header(found)
    entries = Collector(base=1, n=n)
    line = vertex = 0
    for line, words in found:
        vertex += 1
        if vertex > n:
            if words:
                refuse(line, f"{n} vertices are announced, there are more lines", "count_mismatch")
            continue
        if len(words) % step:
            refuse(line, "a neighbour has no weight", "syntax")
        for neighbour, weight in zip(words[::step], words[1::2] if step == 2 else ["1"] * len(words), strict=True):
            entries.add(line, str(vertex), neighbour, weight)
    require_count(min(vertex, n), n, max(line, 1), "vertices")
    listed = entries.done()
    _require_both(listed, n)
    graph = graph_of(n, listed)
    require_count(len(graph.u), m, max(line, 1), "edges")
    return graph


def _lines(text: str) -> Iterator[tuple[int, list[str]]]:
    for number, line in enumerate(io.StringIO(text, newline=None), 1):
        if not line.startswith("%"):
            yield number, line.split()


def _header(found: Iterator[tuple[int, list[str]]]) -> tuple[int, int, int]:
    """Return n, m and how many words a neighbour has."""
    line, words = next(((line, words) for line, words in found if words), (1, []))
    if len(words) not in (2, 3):
        refuse(line, "the first line must be 'n m' or 'n m fmt'", "header")
    n, m = count(words[0], line, "vertices"), count(words[1], line, "edges")
    require_size(n, m)
    kind = words[2].lstrip("0") if len(words) == 3 else ""
    if kind not in ("", "1"):
        refuse(
            line,
            f"the kind '{words[2][:20]}' is not read: weights of vertices have no meaning here",
            "header",
            next_step="Write the graph without weights of vertices, fmt 0 or 1.",
        )
    return n, m, 2 if kind else 1


def _require_both(listed: Entries, n: int) -> None:
    require_once(listed, n, ordered=True)
    alone = np.flatnonzero(~np.isin(listed.i * n + listed.j, listed.j * n + listed.i))
    if len(alone):
        k = int(alone[0])
        u, v = int(listed.i[k]) + 1, int(listed.j[k]) + 1
        refuse(int(listed.line[k]), f"{v} is a neighbour of {u}, but {u} is none of {v}", "asymmetric")
