"""Random graphs with n vertices and m edges, edge for edge those of networkx's `gnm_random_graph(n, m, seed)`.

That function draws two vertices at a time until m different pairs are there: ten seconds for the largest official
instance. Here the same stream of random numbers is read in blocks. A test holds both against each other.
Not for other kinds of graphs.
"""

from __future__ import annotations

import random

import numpy as np
import numpy.typing as npt

Codes = npt.NDArray[np.int64]

MOST_PAIRS = 1 << 21
"""Pairs drawn at a time, which bounds the memory of one step."""


def edge_codes(n: int, m: int, seed: int) -> Codes:
    """Return the edges as sorted codes u·n + v with u < v, shape (m,).

    n vertices (1…2^31), 0 <= m <= n(n − 1)/2, any integer seed. ValueError for other arguments.
    """
    possible = n * (n - 1) // 2
    if not 1 <= n < 2**31 or not 0 <= m <= possible:
        raise ValueError(f"a graph of {n} vertices cannot have {m} edges")
    if m == possible:
        # networkx draws nothing for a complete graph.
        u, v = np.triu_indices(n, 1)
        return u.astype(np.int64) * n + v
    stream = _Vertices(n, seed)
    found = np.zeros(0, np.int64)
    while found.size < m:
        missing = m - found.size
        # As many pairs as edges are missing can never be too many, and then their order does not matter.
        codes = stream.codes(min(max(missing, m // 4), MOST_PAIRS))
        fresh = codes if codes.size <= missing else _first_seen(codes, found)[:missing]
        found = _distinct(np.concatenate([found, fresh]))
    return found


def _distinct(codes: Codes) -> Codes:
    """Return the different codes, sorted; numpy's own `unique` hashes, which is a hundred times slower here."""
    ordered = np.sort(codes)
    return ordered[np.append(True, ordered[1:] != ordered[:-1])] if ordered.size else ordered


def _first_seen(codes: Codes, known: Codes) -> Codes:
    """Return the codes that are not among the known ones, each once, in order of drawing."""
    values, first = np.unique(codes, return_index=True)
    return codes[np.sort(first[~np.isin(values, known, assume_unique=True)])]


class _Vertices:
    """Vertices as `random.Random(seed).choice(range(n))` draws them, one after the other."""

    def __init__(self, n: int, seed: int) -> None:
        self._n = n
        self._shift = np.uint64(32 - n.bit_length())
        _, state, _ = random.Random(seed).getstate()  # noqa: S311 - the benchmark's own graphs, no secret
        self._words = np.random.MT19937()
        key = np.array(state[:-1], np.uint32)
        self._words.state = {"bit_generator": "MT19937", "state": {"key": key, "pos": state[-1]}}
        self._left = np.zeros(0, np.int64)

    def codes(self, count: int) -> Codes:
        """Return the codes of the next `count` pairs, less those of a vertex with itself."""
        while self._left.size < 2 * count:
            # At least half of all words are in range; the others are skipped, as `choice` does.
            drawn = (self._words.random_raw(3 * count + 8) >> self._shift).astype(np.int64)
            self._left = np.concatenate([self._left, drawn[drawn < self._n]])
        one, other = self._left[: 2 * count].reshape(-1, 2).T
        self._left = self._left[2 * count :]
        low, high = np.minimum(one, other), np.maximum(one, other)
        codes: Codes = (low * self._n + high)[low != high]
        return codes
