"""Our graphs against networkx's: the same edges, whatever the size, the density and the seed."""

from __future__ import annotations

import networkx as nx
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from neurorig_protocols.workloads.qubo import mis
from neurorig_protocols.workloads.qubo.mis import edge_codes


def by_networkx(n: int, m: int, seed: int) -> list[int]:
    """Return the sorted codes of networkx's own graph."""
    return sorted(min(u, v) * n + max(u, v) for u, v in nx.gnm_random_graph(n, m, seed=seed).edges)


@given(st.integers(1, 70), st.floats(0, 1), st.integers(0, 2**32 - 1))
def test_graph_is_networkx_s(n, share, seed):
    """Any number of edges, from none to all, gives networkx's graph."""
    m = round(share * n * (n - 1) / 2)

    assert edge_codes(n, m, seed).tolist() == by_networkx(n, m, seed)


@pytest.mark.parametrize(("n", "density", "seed"), [(1000, 0.25, 3), (2500, 0.05, 1), (300, 0.999, 2)])
def test_larger_graph_is_networkx_s(n, density, seed):
    """Graphs that take several blocks of random numbers are networkx's too."""
    m = mis.edge_count(n, density)

    assert edge_codes(n, m, seed).tolist() == by_networkx(n, m, seed)


def test_small_blocks_give_the_same_graph(monkeypatch):
    """How many pairs are drawn at a time changes nothing."""
    whole = edge_codes(200, 5000, 7)
    monkeypatch.setattr(mis, "MOST_PAIRS", 37)

    assert np.array_equal(edge_codes(200, 5000, 7), whole)


@pytest.mark.parametrize(("n", "m"), [(0, 0), (-1, 0), (5, 11), (5, -1), (2**31, 1)])
def test_impossible_graphs_are_refused(n, m):
    """No vertices, too many edges, or fewer than none: there is no such graph."""
    with pytest.raises(ValueError, match="cannot have"):
        edge_codes(n, m, 0)
