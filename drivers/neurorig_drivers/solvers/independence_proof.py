"""The exact size of a largest independent set, proven: kernelisation, then clique search with a colouring bound."""

from __future__ import annotations

import functools
from collections.abc import Iterable, Mapping
from typing import Any

import numpy as np
import numpy.typing as npt

from neurorig_drivers.solvers.machine_code import compile_parts
from neurorig_drivers.solvers.mis_search import MisSearch

Graph = dict[int, set[int]]


def graph_of(n: int, edges: Iterable[tuple[int, int]]) -> Graph:
    """Return the neighbours of each of n vertices."""
    found: Graph = {v: set() for v in range(n)}
    for u, v in edges:
        found[u].add(v)
        found[v].add(u)
    return found


def reduce(graph: Graph) -> int:
    """Shrink a graph in place; return how much larger its largest independent set was before."""
    taken, fresh = 0, max(graph, default=-1) + 1
    waiting = set(graph)
    while waiting:
        v = waiting.pop()
        if v not in graph:
            continue
        near = graph[v]
        if _is_clique(graph, near):
            waiting |= _remove(graph, {v} | near)
            taken += 1
        elif any(graph[u] - {v} <= near for u in near):
            waiting |= _remove(graph, {v})
        elif len(near) == 2:
            waiting |= _fold(graph, v, fresh)
            fresh += 1
            taken += 1
    return taken


def components(graph: Mapping[int, set[int]]) -> list[list[int]]:
    """Return the vertices of each connected part."""
    unseen, found = set(graph), []
    while unseen:
        part, edge = set(), {unseen.pop()}
        while edge:
            v = edge.pop()
            part.add(v)
            edge |= graph[v] - part
        unseen -= part
        found.append(sorted(part))
    return found


def _is_clique(graph: Graph, vertices: set[int]) -> bool:
    return all(vertices - {v} <= graph[v] for v in vertices)


def _remove(graph: Graph, gone: set[int]) -> set[int]:
    """Take vertices out; return those whose neighbourhood, or whose neighbours', changed."""
    touched = {u for v in gone for u in graph[v]} - gone
    for v in gone:
        for u in graph.pop(v):
            if u in graph:
                graph[u].discard(v)
    return touched | {w for u in touched for w in graph[u]}


def _fold(graph: Graph, v: int, fresh: int) -> set[int]:
    one, other = graph[v]
    near = (graph[one] | graph[other]) - {v, one, other}
    touched = _remove(graph, {v, one, other})
    graph[fresh] = near
    for u in near:
        graph[u].add(fresh)
    return touched | {fresh} | {w for u in near for w in graph[u]}


_ONE, _ALL = np.uint64(1), np.uint64(0xFFFFFFFFFFFFFFFF)
_M1, _M2, _M4 = np.uint64(0x5555555555555555), np.uint64(0x3333333333333333), np.uint64(0x0F0F0F0F0F0F0F0F)
_H01 = np.uint64(0x0101010101010101)
_S1, _S2, _S4, _S56 = np.uint64(1), np.uint64(2), np.uint64(4), np.uint64(56)


def count_bits(word: Any) -> Any:
    """Return the number of ones of a uint64."""
    word = word - ((word >> _S1) & _M1)
    word = (word & _M2) + ((word >> _S2) & _M2)
    return np.int64((((word + (word >> _S4)) & _M4) * _H01) >> _S56)


def lowest(word: Any) -> Any:
    """Return the position of the lowest one of a uint64 that is not 0."""
    return count_bits((word & (~word + _ONE)) - _ONE)


def only_common(one: Any, other: Any) -> Any:
    """Return the only vertex of both sets, -1 when they share none, -2 when they share several."""
    found = -1
    for w in range(one.size):
        common = one[w] & other[w]
        if common:
            if found != -1 or common & (common - _ONE):
                return -2
            found = w * 64 + lowest(common)
    return found


def recolour(adjacent: Any, classes: Any, v: int, colour: int, least: int) -> bool:
    """Move v out of its colour into one of the first `least` by moving one neighbour; say whether it worked."""
    for k in range(least - 1):
        w = only_common(adjacent[v], classes[k])
        if w < 0:
            continue
        for other in range(k + 1, least):
            if only_common(adjacent[w], classes[other]) == -1:
                classes[colour][v // 64] &= ~(_ONE << np.uint64(v % 64))
                classes[k][w // 64] &= ~(_ONE << np.uint64(w % 64))
                classes[k][v // 64] |= _ONE << np.uint64(v % 64)
                classes[other][w // 64] |= _ONE << np.uint64(w % 64)
                return True
    return False


def colour_sort(adjacent: Any, candidates: Any, least: int, room: Any, level: int) -> int:
    """Colour the candidates and list those whose colour is above `least`, lowest colour first; return their number.

    The others cannot be part of a better clique, so nothing branches on them. The list goes to room's row `level`.
    """
    classes, rest, order, colours = room[0], room[1], room[2][level], room[3][level]
    listed, colour = 0, 0
    rest[:] = candidates
    left = True
    while left:
        classes[colour][:] = 0
        free = classes[-1]
        free[:] = rest
        left = False
        for w in range(free.size):
            while free[w]:
                v = w * 64 + lowest(free[w])
                bit = free[w] & (~free[w] + _ONE)
                free[w] &= ~bit
                rest[w] &= ~bit
                classes[colour][w] |= bit
                for u in range(w, free.size):
                    free[u] &= ~adjacent[v][u]
                if colour >= least and not recolour(adjacent, classes, v, colour, least):
                    order[listed] = v
                    colours[listed] = colour + 1
                    listed += 1
        for w in range(free.size):
            left |= rest[w] != 0
        # A class that gave all its members away is used again.
        empty = True
        for w in range(free.size):
            empty &= classes[colour][w] == 0
        if not empty:
            colour += 1
    return listed


def search(adjacent: Any, size: int, limit: int, depth: Any, room: Any) -> int:
    """Return the size of a largest clique, `size` when none is larger than that, -1 after `limit` nodes.

    adjacent uint64 (n, words). depth uint64 (n + 1, words): candidates of each level, level 0 is given. room:
    (classes uint64 (n + 2, words), rest uint64 (words,), orders int64 (n + 1, n), colours int64 (n + 1, n)).
    """
    orders, colours = room[2], room[3]
    places = np.zeros(len(depth), np.int64)
    nodes, level = 1, 0
    places[0] = colour_sort(adjacent, depth[0], size, room, 0) - 1
    while level >= 0:
        i = places[level]
        if i < 0 or level + colours[level][i] <= size:
            level -= 1
            continue
        v = orders[level][i]
        places[level] = i - 1
        depth[level][v // 64] &= ~(_ONE << np.uint64(v % 64))
        some = False
        for w in range(depth.shape[1]):
            depth[level + 1][w] = depth[level][w] & adjacent[v][w]
            some |= depth[level + 1][w] != 0
        nodes += 1
        if nodes > limit:
            return -1
        if some:
            level += 1
            places[level] = colour_sort(adjacent, depth[level], max(size - level, 0), room, level) - 1
        elif level + 1 > size:
            size = level + 1
    return size


@functools.cache
def compiled() -> Any:
    """Return `search` as machine code."""
    return compile_parts(globals(), (count_bits, lowest, only_common, recolour, colour_sort, search))


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
    graph = graph_of(n, zip(rows.tolist(), cols.tolist(), strict=True))
    size = reduce(graph)
    for part in components(graph):
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
    return int(compiled()(adjacent, size, nodes, depth, room))
