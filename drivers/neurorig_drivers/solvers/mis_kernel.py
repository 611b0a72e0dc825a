"""The inner loop of the independent-set search: one call for a whole search. `mis` wraps this.

A set S of vertices without an edge between them is kept at all times. For each vertex outside, `held` packs how many
neighbours it has in S (its tightness) above the sum of their numbers, so that a vertex of tightness 1 knows its one
neighbour. Vertices of tightness 0, 1 and 2 are kept in lists. A step takes the first that it finds of

1. add       a vertex of tightness 0;
2. exchange  one vertex of S for two of tightness 1 that share it and have no edge between them: looked for only where
             a vertex has just come to tightness 1, since every other such pair has been looked for before;
3. swap      one vertex of S for one of tightness 1, the one that has rested longest;
4. give way  two vertices of S for one of tightness 2, or all the neighbours of any vertex.

A vertex that leaves S in a swap may not come back for a while, unless by 1 or 2. When nothing better was found for
long, some vertices are forced in.
"""

# ruff: noqa: PLR0917 - numba takes plain arguments by position; its arrays are Any because one code serves both.

from __future__ import annotations

import functools
from collections.abc import Callable
from typing import Any

from neurorig_drivers.solvers.machine_code import compile_parts, draw, now_ns

# Scalars of the search, in an int64 array.
SIZE, STEP, WORK, FRESH, BEST, BEST_STEP, LOCAL, LOCAL_STEP, IMPROVED, COPIED, END_NS = range(11)
SCALARS = 16
# Constants, in an int64 array.
BEGIN_NS, LIMIT_NS, STOP_SIZE, TENURE, SAMPLE, PATIENCE, FORCED = range(7)
CONSTANTS = 16

ONE = 1 << 40
"""One neighbour in S, as counted in `held`; below it is room for the sum of the neighbours' numbers."""
BELOW_ONE = ONE - 1
LISTED = 3
"""Vertices outside S with a tightness below this stand in a list."""
WORK_PER_LOOK = 4000
"""Entries of adjacency walked between two looks at the clock: a few microseconds."""


def _list(lists: Any, place: Any, sizes: Any, tight: int, v: int) -> None:
    lists[tight, sizes[tight]] = v
    place[v] = sizes[tight]
    sizes[tight] += 1


def _unlist(lists: Any, place: Any, sizes: Any, tight: int, v: int) -> None:
    sizes[tight] -= 1
    last = lists[tight, sizes[tight]]
    lists[tight, place[v]] = last
    place[last] = place[v]


def _enter(graph: Any, sets: Any, s: Any, v: int) -> None:
    """Put a vertex without neighbours in S into S."""
    start, target = graph
    inside, held, lists, place, sizes, changed, _ = sets
    _unlist(lists, place, sizes, 0, v)
    inside[v] = 1
    changed[v] = s[STEP]
    s[SIZE] += 1
    s[WORK] += start[v + 1] - start[v]
    for at in range(start[v], start[v + 1]):
        w = target[at]
        before = held[w]
        held[w] = before + ONE + v
        if before < LISTED * ONE:
            tight = before >> 40
            _unlist(lists, place, sizes, tight, w)
            if tight + 1 < LISTED:
                _list(lists, place, sizes, tight + 1, w)


def _leave(graph: Any, sets: Any, s: Any, u: int) -> None:
    """Take a vertex out of S; list who came to tightness 1 by that."""
    start, target = graph
    inside, held, lists, place, sizes, changed, fresh = sets
    inside[u] = 0
    changed[u] = s[STEP]
    s[SIZE] -= 1
    _list(lists, place, sizes, 0, u)
    s[WORK] += start[u + 1] - start[u]
    for at in range(start[u], start[u + 1]):
        w = target[at]
        after = held[w] - ONE - u
        held[w] = after
        if after < LISTED * ONE:
            tight = after >> 40
            if tight + 1 < LISTED:
                _unlist(lists, place, sizes, tight + 1, w)
            _list(lists, place, sizes, tight, w)
            if tight == 1 and s[FRESH] < len(fresh):
                fresh[s[FRESH]] = w
                s[FRESH] += 1


def _joined(graph: Any, v: int, w: int) -> bool:
    """Say whether an edge joins two vertices; the rows of the graph are sorted."""
    start, target = graph
    low, high = start[v], start[v + 1]
    while low < high:
        middle = (low + high) >> 1
        if target[middle] < w:
            low = middle + 1
        else:
            high = middle
    return bool(low < start[v + 1] and target[low] == w)


def _partner(graph: Any, sets: Any, s: Any, w: int) -> Any:
    """Return a vertex of tightness 1 that shares w's neighbour in S and has no edge to w, or -1."""
    start, target = graph
    _, held, lists, _, sizes, _, _ = sets
    same = held[w]
    u = same & BELOW_ONE
    if sizes[1] <= start[u + 1] - start[u]:
        s[WORK] += sizes[1]
        for k in range(sizes[1]):
            z = lists[1, k]
            if held[z] == same and z != w and not _joined(graph, w, z):
                return z
        return -1
    s[WORK] += start[u + 1] - start[u]
    for at in range(start[u], start[u + 1]):
        z = target[at]
        if held[z] == same and z != w and not _joined(graph, w, z):
            return z
    return -1


def _add_free(graph: Any, sets: Any, s: Any, rng: Any) -> None:
    _, _, lists, _, sizes, _, _ = sets
    while sizes[0] > 0:
        _enter(graph, sets, s, lists[0, draw(rng, sizes[0])])


def _exchange(graph: Any, sets: Any, s: Any, rng: Any) -> None:
    """Make every exchange of one for two, until none is left."""
    _, held, _, _, _, _, fresh = sets
    while s[FRESH] > 0:
        s[FRESH] -= 1
        w = fresh[s[FRESH]]
        if held[w] >> 40 != 1:
            continue
        z = _partner(graph, sets, s, w)
        if z >= 0:
            u = held[w] & BELOW_ONE
            _leave(graph, sets, s, u)
            _enter(graph, sets, s, w)
            _enter(graph, sets, s, z)
            _add_free(graph, sets, s, rng)


def _rested(sets: Any, until: Any, s: Any, tight: int, most: int, rng: Any) -> Any:
    """Return, of up to `most` vertices of a list, the one allowed that has rested longest, or -1."""
    _, _, lists, _, sizes, changed, _ = sets
    size = sizes[tight]
    if size == 0:
        return -1
    at = draw(rng, size)
    looks = min(size, most)
    s[WORK] += looks
    best = -1
    oldest = s[STEP] + 1
    for _ in range(looks):
        v = lists[tight, at]
        if until[v] <= s[STEP] and changed[v] < oldest:
            best = v
            oldest = changed[v]
        at += 1
        if at == size:
            at = 0
    return best


def _force(graph: Any, sets: Any, until: Any, s: Any, v: int, tenure: int) -> None:
    """Put v into S and all its neighbours out, which may not come back for `tenure` steps."""
    start, target = graph
    inside, held, _, _, _, _, _ = sets
    if held[v] >> 40 == 1:
        u = held[v] & BELOW_ONE
        until[u] = s[STEP] + tenure
        _leave(graph, sets, s, u)
    elif held[v] > 0:
        s[WORK] += start[v + 1] - start[v]
        for at in range(start[v], start[v + 1]):
            u = target[at]
            if inside[u]:
                until[u] = s[STEP] + tenure
                _leave(graph, sets, s, u)
    _enter(graph, sets, s, v)


def _shake(graph: Any, sets: Any, until: Any, s: Any, c: Any, rng: Any) -> None:
    """Force some vertices in, wherever they are."""
    inside = sets[0]
    for _ in range(1 + draw(rng, c[FORCED])):
        v = draw(rng, len(inside))
        if not inside[v]:
            _force(graph, sets, until, s, v, c[TENURE] + draw(rng, 10))


def _move(graph: Any, sets: Any, until: Any, s: Any, c: Any, rng: Any) -> None:
    """Make one swap, or give way."""
    sizes = sets[4]
    v = _rested(sets, until, s, 1, c[SAMPLE], rng)
    if v >= 0:
        _force(graph, sets, until, s, v, c[TENURE] + draw(rng, sizes[1] + 1))
        return
    v = _rested(sets, until, s, 2, c[SAMPLE], rng)
    if v >= 0:
        _force(graph, sets, until, s, v, c[TENURE])
        return
    _shake(graph, sets, until, s, c, rng)


def _keep(sets: Any, s: Any, best: Any, out: Any, c: Any, stamp: Any) -> None:
    """Keep S as the best so far and note when; the last row is written over when there is no room."""
    best[:] = sets[0]
    s[BEST] = s[SIZE]
    row = min(s[IMPROVED], len(out) - 1)
    out[row, 0] = now_ns(stamp) - c[BEGIN_NS]
    out[row, 1] = s[SIZE]
    s[IMPROVED] = row + 1


def _search(graph: Any, sets: Any, until: Any, s: Any, c: Any, rng: Any, best: Any, out: Any, stamp: Any) -> None:
    """Search until the set is large enough or the time is over."""
    _add_free(graph, sets, s, rng)
    s[LOCAL] = s[LOCAL_STEP] = 0
    while True:
        _exchange(graph, sets, s, rng)
        if s[SIZE] > s[BEST]:
            _keep(sets, s, best, out, c, stamp)
        if s[SIZE] > s[LOCAL]:
            s[LOCAL] = s[SIZE]
            s[LOCAL_STEP] = s[STEP]
        if s[WORK] >= WORK_PER_LOOK or s[BEST] >= c[STOP_SIZE]:
            s[WORK] = 0
            s[END_NS] = now_ns(stamp) - c[BEGIN_NS]
            if s[END_NS] >= c[LIMIT_NS] or s[BEST] >= c[STOP_SIZE]:
                return
        s[STEP] += 1
        s[WORK] += 20
        if s[STEP] - s[LOCAL_STEP] > c[PATIENCE]:
            _shake(graph, sets, until, s, c, rng)
            s[LOCAL] = s[SIZE]
            s[LOCAL_STEP] = s[STEP]
        else:
            _move(graph, sets, until, s, c, rng)
        _add_free(graph, sets, s, rng)


_PARTS = (
    _list, _unlist, _enter, _leave, _joined, _partner, _add_free, _exchange, _rested, _force, _shake, _move, _keep,
    _search,
)  # fmt: skip


@functools.cache
def compiled() -> Callable[..., None]:
    """Return `_search` as machine code, compiled once and cached on disk by numba."""
    return compile_parts(globals(), _PARTS)  # type: ignore[no-any-return]  # numba ships no types
