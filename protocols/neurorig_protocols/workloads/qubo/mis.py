"""NeuroBench QUBO-MIS: random graphs as the official generator draws them, instances, costs, gaps, official targets."""

from __future__ import annotations

import math
import random
import tomllib
from dataclasses import dataclass
from fractions import Fraction
from functools import cache, lru_cache
from importlib.resources import files
from typing import Literal

import numpy as np
import numpy.typing as npt

from neurorig_protocols.errors import UserError
from neurorig_protocols.records import Record
from neurorig_protocols.workloads.qubo.problem import Bits, Problem, frozen

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


EDGE_WEIGHT = 4
"""Q[u, v] = Q[v, u] of an edge."""

MAX_EDGES = 20_000_000
"""Larger graphs are refused before memory is spent; the official set ends at 3 125 000 edges."""


MANY_EDGES = 4_000_000
"""Problems above this are large: a process keeps few of them."""


@dataclass(frozen=True, eq=False)
class Instance(Problem):
    """One problem: an edge between each of the pairs rows, cols (m,), weights +4, diagonal −1."""

    def is_independent_set(self, x: Bits) -> bool:
        """Say whether no edge has both its vertices in the set; ValueError as for `cost`."""
        bits = self._bits(x)
        return not bool((bits[self.rows] & bits[self.cols]).any())


class Target(Record):
    """The best-known cost of a problem and where it stands."""

    cost: int
    source: str
    version: str
    kind: Literal["official"] = "official"


def edge_count(n: int, density: float) -> int:
    """Return the number of edges that the benchmark draws for n vertices at a density of 0…1."""
    if n < 1 or not 0 <= density <= 1:
        raise ValueError(f"n must be at least 1 and density within 0…1, these are {n} and {density}")
    # The benchmark squares n first; multiplying from left to right can round to another integer, another graph.
    return min(int(0.5 * density * n**2), n * (n - 1) // 2)


def instance(n: int, density: float, seed: int) -> Instance:
    """Draw the problem of n vertices, edge density 0…1 and graph seed; equal arguments, equal problem.

    Raises ValueError for arguments out of range and UserError for more than `MAX_EDGES` edges.
    """
    edges = edge_count(n, density)
    if edges > MAX_EDGES:
        raise UserError(
            f"a graph of {n} vertices at density {density:g} has {edges} edges, the limit is {MAX_EDGES}",
            where="workload",
            next_step="ask for fewer vertices or a lower density",
        )
    return (_large if edges > MANY_EDGES else _small)(n, edges, seed)


def _drawn(n: int, edges: int, seed: int) -> Instance:
    rows, cols = np.divmod(edge_codes(n, edges, seed), n)
    return Instance(
        n=n,
        rows=frozen(rows),
        cols=frozen(cols),
        weights=frozen(np.full(edges, EDGE_WEIGHT, np.int64)),
        diagonal=frozen(np.full(n, -1, np.int64)),
    )


# The largest problem takes half a gigabyte: of those, a process keeps the last one only.
_small = lru_cache(maxsize=8)(_drawn)
_large = lru_cache(maxsize=1)(_drawn)


def official_target(n: int, density: float, seed: int) -> Target | None:
    """Return the benchmark's own best-known cost of this problem, or None where it gives none."""
    return _targets().get((n, edge_count(n, density), seed))


def gap(cost: int, target: int) -> float:
    """Return (cost − target) / |target|: 0 at the target, positive when worse, negative when better.

    The published formula divides by the negative target itself, which turns the sign round; not here.
    Raises ValueError for a target of 0, where no gap is defined.
    """
    return (cost - target) / _size(target)


def target_cost(target: int, gap: float) -> int:
    """Return the largest integer cost whose gap to `target` is at most `gap`.

    `gap` counts as the decimal that it prints as: 0.1 is one tenth, not the binary number nearest to it.
    Raises ValueError for a target of 0 or a gap that is not finite.
    """
    if not math.isfinite(gap):
        raise ValueError(f"a gap must be finite, this one is {gap}")
    return math.floor(target + Fraction(repr(float(gap))) * _size(target))


def _size(target: int) -> int:
    if target == 0:
        raise ValueError("a gap to a target of 0 is not defined")
    return abs(target)


@cache
def _targets() -> dict[tuple[int, int, int], Target]:
    # Keyed by edge count, because that and the seed make the graph: densities that differ by rounding noise
    # only name the same problem, and a density that draws one edge less names another.
    text = files("neurorig_protocols.workloads.qubo").joinpath("data/qubo_mis_targets.toml").read_text("utf-8")
    table = tomllib.loads(text)
    return {
        (int(n), edge_count(int(n), float(density)), seed): Target(
            cost=cost, source=table["source"], version=table["version"]
        )
        for n, rows in table["costs"].items()
        for density, costs in rows.items()
        for seed, cost in enumerate(costs)
    }
