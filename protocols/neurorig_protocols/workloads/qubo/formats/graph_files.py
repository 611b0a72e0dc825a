"""Graphs whose question the format implies: DIMACS (maximum independent set) and rudy (maximum cut)."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from neurorig_protocols.workloads.qubo.coefficients import Terms, require_size
from neurorig_protocols.workloads.qubo.formats.statements import refuse_statements
from neurorig_protocols.workloads.qubo.formats.text_source import (
    Collector,
    Entries,
    Options,
    count,
    fixed,
    lines,
    refuse,
    refuse_loops,
    require_count,
    require_once,
)
from neurorig_protocols.workloads.qubo.graph_problems import independent_set, max_cut

DIMACS = "dimacs"


def read_dimacs(text: str, options: Options) -> Terms:
    """Return the terms of a file."""
    fixed(options, DIMACS)
    n, found = dimacs_edges(text)
    return independent_set(n, found.i, found.j)


def dimacs_edges(text: str) -> tuple[int, Entries]:
    """Return the number of vertices and the edges of a file, each once, with weight 1."""
    # Lines of other problems on the same graph are passed over as comments are.
    refuse_statements(text, "cdvx")
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
    if len(words) != 3:
        refuse(line, f"'n vertex weight' is expected, there are {len(words)} words", "syntax")
    if words[2] != "1":
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


RUDY = "gset"


def read_rudy(text: str, options: Options) -> Terms:
    """Return the terms of a file."""
    fixed(options, RUDY, sense="max")
    n, found = rudy_edges(text)
    return max_cut(n, found.i, found.j, found.values)


def rudy_edges(text: str) -> tuple[int, Entries]:
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
