"""Makes a graph smaller without changing by how much its largest independent set is known. Pure Python sets.

Rules: a vertex whose neighbours all know each other is taken (degrees 0 and 1 among them); a vertex that has a
neighbour with no further neighbours than its own is left out; a vertex of degree 2 with strangers as neighbours is
folded into one new vertex (Chen, Kanj and Jia 2001). Not for finding the set itself: only its size is followed.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping

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
