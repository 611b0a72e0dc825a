"""Proven sizes against brute force, on graphs of every kind."""

from __future__ import annotations

import itertools

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from neurorig_drivers.solvers import independence_proof
from neurorig_protocols.workloads.qubo import mis

Edges = list[tuple[int, int]]

graphs = st.integers(1, 12).flatmap(
    lambda n: st.tuples(
        st.just(n),
        st.lists(st.sampled_from([*itertools.combinations(range(n), 2)]), unique=True) if n > 1 else st.just([]),
    )
)


def by_trying(n: int, edges: Edges) -> int:
    """Return the size of a largest independent set, from all subsets."""
    every = (np.arange(2**n)[:, None] >> np.arange(n)) & 1
    fits = np.ones(len(every), bool)
    for u, v in edges:
        fits &= (every[:, u] & every[:, v]) == 0
    return int(every[fits].sum(axis=1).max())


def proven(n: int, edges: Edges, **limits: int) -> int | None:
    """Return the proven size."""
    pairs = np.array(edges, np.int64).reshape(-1, 2)
    return independence_proof.largest(n, pairs[:, 0], pairs[:, 1], **limits)


@settings(max_examples=60)
@given(graphs)
def test_the_proven_size_is_the_true_one(graph):
    """For every graph of up to twelve vertices the proof gives what trying all subsets gives."""
    assert proven(*graph) == by_trying(*graph)


@settings(max_examples=60)
@given(graphs)
def test_kernelisation_keeps_count(graph):
    """What is taken, plus a largest set of what is left, is a largest set of the whole."""
    n, edges = graph
    left = independence_proof.graph_of(n, edges)
    taken = independence_proof.reduce(left)
    place = {v: i for i, v in enumerate(sorted(left))}
    rest = [(place[u], place[v]) for u in left for v in left[u] if u < v]

    assert taken + (by_trying(len(left), rest) if left else 0) == by_trying(n, edges)


@settings(max_examples=15)
@given(st.integers(13, 18), st.integers(0, 10**6), st.floats(0.05, 0.9))
def test_the_search_alone_is_exact(n, seed, density):
    """Without kernelisation, from a start that is too small, the branch and bound finds the true size."""
    rng = np.random.default_rng(seed)
    edges = [pair for pair in itertools.combinations(range(n), 2) if rng.random() < density]
    pairs = np.array(edges, np.int64).reshape(-1, 2)
    adjacent = independence_proof._complement(n, pairs)

    assert independence_proof._search(adjacent, 0, 10**6) == by_trying(n, edges)


@pytest.mark.parametrize(("density", "size"), [(0.05, 44), (0.1, 30), (0.25, 17)])
def test_benchmark_instances_of_a_hundred_are_proven(density, size):
    """More than one word of bits, dense and sparse: the sizes are those that the local search finds."""
    graph = mis.instance(100, density, 0)

    assert independence_proof.largest(100, graph.rows, graph.cols) == size


def test_a_proof_that_takes_too_long_is_no_proof():
    """Out of nodes means unknown, never a guess; a graph beyond the method is not begun."""
    graph = mis.instance(200, 0.1, 0)
    big = mis.instance(1000, 0.25, 0)

    assert independence_proof.largest(200, graph.rows, graph.cols, nodes=1000) is None
    assert independence_proof.largest(1000, big.rows, big.cols) is None


def test_parts_are_proven_apart():
    """A graph of two rings of five has a largest set of four, two in each."""
    ring = [(i, (i + 1) % 5) for i in range(5)]
    graph = independence_proof.graph_of(10, [*ring, *((u + 5, v + 5) for u, v in ring)])

    assert sorted(map(len, independence_proof.components(graph))) == [5, 5]
    assert proven(10, [*ring, *((u + 5, v + 5) for u, v in ring)]) == 4
