"""The exact size of a largest independent set, proven: kernelisation, then clique search with a bound on the rest.

A maximum independent set is a maximum clique of the complement, where the clique search works best on dense graphs;
the rules of `kernel` take the sparse ones apart first. The work is bounded in nodes, not in seconds, so that a proof
that succeeds does so on every machine. Needs numba.
"""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
import numpy.typing as npt

from neurorig_drivers.proofs import clique_kernel, kernel
from neurorig_drivers.solvers.mis import MisSearch

METHOD = "kernelisation and clique search with a colouring bound (neurorig)"
"""What a proof of this module is called where it is shown."""

FIRST_S = 0.2
"""How long a local search looks for a good start; a better start cuts more."""

MOST_EDGES = 20_000
"""Larger graphs are beyond this method, and their kernelisation alone takes long."""

Ints = npt.NDArray[np.integer]
Words = npt.NDArray[np.uint64]


def largest(n: int, rows: Ints, cols: Ints, *, nodes: int = 20_000_000) -> int | None:
    """Return the size of a largest independent set of a graph with the edges (m,).

    None after so many nodes of one connected part, and for a graph of more than `MOST_EDGES` edges.
    """
    if len(rows) > MOST_EDGES:
        return None
    graph = kernel.graph_of(n, zip(rows.tolist(), cols.tolist(), strict=True))
    size = kernel.reduce(graph)
    for part in kernel.components(graph):
        found = _largest_of(graph, part, nodes)
        if found is None:
            return None
        size += found
    return size


def _largest_of(graph: Mapping[int, set[int]], part: list[int], nodes: int) -> int | None:
    edges = _edges(graph, part)
    if not edges.size:
        return len(part)
    start = -MisSearch(len(part), edges[:, 0], edges[:, 1]).run(limit_s=FIRST_S, seed=0).cost
    adjacent = _complement(len(part), edges)
    size = _search(adjacent, start, nodes)
    return None if size < 0 else size


def _edges(graph: Mapping[int, set[int]], part: list[int]) -> npt.NDArray[np.int64]:
    """Return the edges inside a part (k, 2), its vertices numbered so that the branching begins with the hardest.

    In the complement each vertex but the first ones has few neighbours before it: the smallest-last order.
    """
    place = {v: i for i, v in enumerate(_order(graph, part))}
    pairs = [(place[u], place[v]) for u in part for v in graph[u] if u < v]
    return np.array(pairs, np.int64).reshape(-1, 2)


def _order(graph: Mapping[int, set[int]], part: list[int]) -> list[int]:
    left = set(part)
    inside = {v: len(graph[v] & left) for v in part}
    order = []
    while left:
        # The most edges here are the fewest in the complement.
        v = max(left, key=lambda u: (inside[u], u))
        left.remove(v)
        order.append(v)
        for u in graph[v] & left:
            inside[u] -= 1
    return order[::-1]


def _complement(n: int, edges: npt.NDArray[np.int64]) -> Words:
    near = ~np.eye(n, dtype=bool)
    near[edges[:, 0], edges[:, 1]] = near[edges[:, 1], edges[:, 0]] = False
    words = (n + 63) // 64
    padded = np.zeros((n, words * 64), np.uint8)
    padded[:, :n] = near
    return np.packbits(padded, axis=1, bitorder="little").view("<u8").astype(np.uint64)


def _search(adjacent: Words, size: int, nodes: int) -> int:
    n, words = adjacent.shape
    depth = np.zeros((n + 1, words), np.uint64)
    depth[0] = np.packbits(np.arange(words * 64) < n, bitorder="little").view("<u8")
    room = (
        np.zeros((n + 2, words), np.uint64),
        np.zeros(words, np.uint64),
        np.zeros((n + 1, n), np.int64),
        np.zeros((n + 1, n), np.int64),
    )
    return int(clique_kernel.compiled()(adjacent, size, nodes, depth, room))
