"""NeuroBench QUBO-MIS: instances, costs, gaps and official targets.

Pure rules of the benchmark, for agent and server alike. Not for solving: that is the board drivers' work.

A maximum-independent-set problem is the QUBO "minimise xᵀQx over binary x" with Q symmetric, −1 on the
diagonal and +4 on both entries of an edge, so an edge inside the set costs 8 and a vertex gains 1.
Source: NeuroBench system_benchmarks, QUBO.md; graphs those of networkx `gnm_random_graph` (see gnm.py).
"""

from __future__ import annotations

import math
import tomllib
from dataclasses import dataclass
from fractions import Fraction
from functools import cache, lru_cache
from importlib.resources import files
from typing import Literal

import numpy as np

from neurorig_protocols.benchmarks.gnm import edge_codes
from neurorig_protocols.benchmarks.qubo import Bits, Problem, frozen
from neurorig_protocols.errors import UserError
from neurorig_protocols.records import Record

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
    # The order of the products is the benchmark's: another one can round to another integer.
    return min(int(0.5 * density * n * n), n * (n - 1) // 2)


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
    text = files("neurorig_protocols.benchmarks").joinpath("data/qubo_mis_targets.toml").read_text("utf-8")
    table = tomllib.loads(text)
    return {
        (int(n), edge_count(int(n), float(density)), seed): Target(
            cost=cost, source=table["source"], version=table["version"]
        )
        for n, rows in table["costs"].items()
        for density, costs in rows.items()
        for seed, cost in enumerate(costs)
    }
