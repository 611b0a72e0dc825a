"""graph6 and sparse6, one graph in a file: printable characters of six bits each.

Source: the formats' own definition by B. McKay, formats.txt of nauty. Several graphs in one file are refused.
"""

from __future__ import annotations

import networkx as nx
import numpy as np

from neurorig_protocols.workloads.qubo.coefficients import Decimals, require_size
from neurorig_protocols.workloads.qubo.formats.text_source import Entries, refuse, require_count
from neurorig_protocols.workloads.qubo.graph_problems import Graph
from neurorig_protocols.workloads.qubo.graphs.edges import graph_of
from neurorig_protocols.workloads.qubo.problem import MAX_ENTRIES, Ints

GRAPH6, SPARSE6 = "graph6", "sparse6"
HEADERS = {GRAPH6: ">>graph6<<", SPARSE6: ">>sparse6<<"}


def read_graph6(text: str) -> Graph:
    """Return the graph of a file; vertices are called 0…n−1, as programs do."""
    codes = _codes(text, GRAPH6)
    n, rest = _size(codes)
    pairs = n * (n - 1) // 2
    require_count(len(rest), -(-pairs // 6), 1, f"characters of a graph of {n} vertices")
    bits = np.unpackbits((rest[:, None] << 2).astype(np.uint8), axis=1, count=6).ravel()[:pairs]
    at = np.flatnonzero(bits)
    if len(at) > MAX_ENTRIES:
        refuse(None, f"the graph has {len(at)} edges, the limit is {MAX_ENTRIES}", "too_large")
    # The pairs come column by column: (0, 1), (0, 2), (1, 2), …
    starts = np.arange(n, dtype=np.int64) * (np.arange(n, dtype=np.int64) - 1) // 2
    column = np.searchsorted(starts, at, side="right") - 1
    return _graph(n, at - starts[column], column)


def read_sparse6(text: str) -> Graph:
    """Return the graph of a file; vertices are called 0…n−1. An edge given twice counts once, a loop is refused."""
    codes = _codes(text, SPARSE6)
    n, _ = _size(codes)
    written = b":" + (codes + 63).astype(np.uint8).tobytes()
    edges = np.array([edge[:2] for edge in nx.from_sparse6_bytes(written).edges], np.int64).reshape(-1, 2)
    if len(edges) > MAX_ENTRIES:
        refuse(None, f"the graph has {len(edges)} edges, the limit is {MAX_ENTRIES}", "too_large")
    return _graph(n, edges[:, 0], edges[:, 1])


def _graph(n: int, u: Ints, v: Ints) -> Graph:
    ones, zeros = np.ones(len(u), np.int64), np.zeros(len(u), np.int64)
    return graph_of(n, Entries(u, v, Decimals(ones, zeros), zeros + 1), [str(k) for k in range(n)])


def _codes(text: str, form: str) -> np.ndarray[tuple[int], np.dtype[np.uint8]]:
    """Return the six-bit values of the one graph in a file, without header and colon."""
    words = text.split()
    if len(words) != 1:
        refuse(2, f"the file holds {len(words)} graphs", "header", next_step="Cut one graph out.")
    body = words[0].removeprefix(HEADERS[form])
    if form == SPARSE6:
        if not body.startswith(":"):
            refuse(1, "sparse6 begins with ':'", "header")
        body = body[1:]
    if not body or not all("?" <= letter <= "~" for letter in body):
        refuse(1, f"this is no {form}: its characters are '?' to '~'", "syntax")
    return np.frombuffer(body.encode("ascii"), np.uint8) - np.uint8(63)


def _size(codes: np.ndarray[tuple[int], np.dtype[np.uint8]]) -> tuple[int, np.ndarray[tuple[int], np.dtype[np.uint8]]]:
    """Return the number of vertices and the values behind it: 1, 4 or 8 characters."""
    longs = 2 if codes[:2].tolist() == [63, 63] else int(codes[0] == 63)
    head, length = ((0, 1), (1, 4), (2, 8))[longs]
    if len(codes) < length:
        refuse(1, "the file ends within the number of vertices", "truncated")
    n = 0
    for code in codes[head:length].tolist():
        n = n << 6 | code
    require_size(n)
    return n, codes[length:]
