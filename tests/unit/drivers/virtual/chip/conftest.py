"""Problems for the virtual chip's tests."""

from __future__ import annotations

from collections.abc import Callable

import networkx as nx
import numpy as np
import pytest

from neurorig_drivers.process.framing import Arrays

MakeMis = Callable[[int, float, int], Arrays]
MakeQubo = Callable[[np.ndarray], Arrays]


@pytest.fixture
def mis() -> MakeMis:
    """Return the arrays of NeuroBench's maximum-independent-set problem of (n, density, seed)."""

    def make(n: int, density: float, seed: int) -> Arrays:
        graph = nx.gnm_random_graph(n, int(0.5 * density * n**2), seed)
        edges = np.array([sorted(edge) for edge in graph.edges()], np.int64).reshape(-1, 2)
        return {
            "diagonal": np.full(n, -1, np.int64),
            "rows": edges[:, 0],
            "cols": edges[:, 1],
            "weights": np.full(len(edges), 4, np.int64),
        }

    return make


@pytest.fixture
def qubo() -> MakeQubo:
    """Return the arrays of a dense symmetric integer matrix."""

    def make(matrix: np.ndarray) -> Arrays:
        rows, cols = np.nonzero(np.triu(matrix, 1))
        return {"diagonal": np.diag(matrix).copy(), "rows": rows, "cols": cols, "weights": matrix[rows, cols]}

    return make
