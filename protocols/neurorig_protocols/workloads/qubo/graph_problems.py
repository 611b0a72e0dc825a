"""Questions about a graph as QUBOs: maximum independent set, minimum vertex cover, maximum clique, maximum cut.

Each edge that breaks a set costs 8, as in NeuroBench's QUBO-MIS, where a vertex gains 1: an optimum breaks none.

    mis           minimise −Σ x_v + 8 Σ x_u x_v                      over the edges; value = −size of the set
    vertex-cover  minimise  Σ x_v + 8 Σ (1 − x_u)(1 − x_v)           over the edges; value = size of the cover
    clique        as mis, over the pairs that are no edge            value = −size of the clique
    maxcut        maximise Σ w (x_u + x_v − 2 x_u x_v)               over the edges; value = weight of the cut

Pure. Not for reading files: that is `graph_formats`.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from fractions import Fraction

import numpy as np

from neurorig_protocols.errors import InvalidProblem
from neurorig_protocols.workloads.qubo.coefficients import Decimals, Terms, require_size
from neurorig_protocols.workloads.qubo.mis import EDGE_WEIGHT
from neurorig_protocols.workloads.qubo.problem import MAX_ENTRIES, Ints

PENALTY = 2 * EDGE_WEIGHT
"""What one broken edge costs: both entries of the matrix."""


@dataclass(frozen=True, eq=False)
class Graph:
    """An undirected graph of n vertices.

    u, v (m,): the edges, u < v, each once, in lexicographic order. weights (m,), all 1 where the file gives none.
    labels: what the file calls the vertices, in their order.
    """

    n: int
    u: Ints
    v: Ints
    weights: Decimals
    labels: tuple[str, ...]

    @property
    def weighted(self) -> bool:
        """Whether any edge has another weight than 1."""
        return bool((self.weights.mantissa != 1).any() or self.weights.exponent.any())


def independent_set(n: int, u: Ints, v: Ints) -> Terms:
    """Return the terms of the maximum independent set; edges u, v (m,), each once."""
    return _per_vertex(n, u, v, np.full(n, -1, np.int64))


def vertex_cover(n: int, u: Ints, v: Ints) -> Terms:
    """Return the terms of the minimum vertex cover; edges u, v (m,), each once."""
    degrees = np.bincount(np.concatenate([u, v]), minlength=n)
    return _per_vertex(n, u, v, 1 - PENALTY * degrees, Fraction(PENALTY * len(u)))


def clique(n: int, u: Ints, v: Ints) -> Terms:
    """Return the terms of the maximum clique, which is the independent set of the complement; edges as above."""
    missing = n * (n - 1) // 2 - len(u)
    if missing > MAX_ENTRIES:
        raise InvalidProblem(
            f"the complement of this graph has {missing} edges, the limit is {MAX_ENTRIES}", reason="too_large"
        )
    # Neither the edges nor the pairs without one exceed the limit, so that n stays below 9000 here.
    absent = np.triu(np.ones((n, n), bool), 1)
    absent[u, v] = False
    rows, cols = (side.astype(np.int64) for side in np.nonzero(absent))
    return independent_set(n, rows, cols)


def max_cut(n: int, u: Ints, v: Ints, weights: Decimals) -> Terms:
    """Return the terms of the maximum cut; edges u, v (m,) with their weights."""
    w, e = weights.mantissa, weights.exponent
    gains = Decimals(np.concatenate([w, w, -2 * w]), np.concatenate([e, e, e]))
    i, j = np.concatenate([u, v, u]), np.concatenate([u, v, v])
    return Terms(n, i, j, gains, maximise=True, error=weights.error)


PROBLEMS: dict[str, Callable[[Graph], Terms]] = {
    "mis": lambda graph: independent_set(graph.n, graph.u, graph.v),
    "vertex-cover": lambda graph: vertex_cover(graph.n, graph.u, graph.v),
    "clique": lambda graph: clique(graph.n, graph.u, graph.v),
    "maxcut": lambda graph: max_cut(graph.n, graph.u, graph.v, graph.weights),
}
"""What can be asked of a graph; only `maxcut` looks at weights."""


def _per_vertex(n: int, u: Ints, v: Ints, linear: Ints, offset: Fraction = Fraction(0)) -> Terms:
    require_size(n, len(u))
    vertices = np.arange(n, dtype=np.int64)
    values = np.concatenate([linear.astype(np.int64), np.full(len(u), PENALTY, np.int64)])
    coefficients = Decimals(values, np.zeros(len(values), np.int64))
    return Terms(n, np.concatenate([vertices, u]), np.concatenate([vertices, v]), coefficients, offset=offset)
