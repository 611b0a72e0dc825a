"""Maximum clique by branch and bound on bit sets, as functions that `compiled` turns into machine code.

A greedy colouring of the candidates bounds what they can add (Tomita and Seki 2003), on bit sets (San Segundo, 2011),
with one exchange of colours before a vertex is branched on (Tomita et al. 2010, MCS). Written anew.

Bit sets are uint64 (words,), vertex v is bit v % 64 of word v // 64. Not for choosing the vertex order, which decides
how long it takes: that is `independent_set`.
"""

from __future__ import annotations

import functools
from typing import Any

import numpy as np

from neurorig_drivers.solvers.machine_code import compile_parts

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
