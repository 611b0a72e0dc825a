"""The search for independent sets: independence, optima of small graphs, targets, limits."""

from __future__ import annotations

import subprocess
import sys
from contextlib import contextmanager

import networkx as nx
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from neurorig_drivers.solvers.mis_search import MisParams, MisSearch, default_params
from neurorig_protocols.workloads.qubo import mis


def search_of(graph, params=None) -> MisSearch:
    """Return the search of a networkx graph."""
    edges = np.array(graph.edges, np.int64).reshape(-1, 2)
    return MisSearch(graph.number_of_nodes(), edges[:, 0], edges[:, 1], params)


def largest(graph) -> int:
    """Return the size of the largest independent set."""
    return max(len(clique) for clique in nx.find_cliques(nx.complement(graph)))


@settings(max_examples=80)
@given(n=st.integers(1, 14), density=st.floats(0, 1), seed=st.integers(0, 2**32 - 1))
def test_small_graphs_are_solved_to_the_optimum(n, density, seed):
    """The search stops at the size of the largest independent set, and its bits are such a set."""
    graph = nx.gnp_random_graph(n, density, seed=seed % 1000)
    found = search_of(graph).run(limit_s=20, seed=seed, stop_at=-largest(graph))

    chosen = np.flatnonzero(found.bits)
    assert found.cost == -len(chosen) == -largest(graph)
    assert graph.subgraph(chosen.tolist()).number_of_edges() == 0


@pytest.mark.parametrize(("n", "density"), [(250, 0.01), (250, 0.25), (1000, 0.05)])
def test_answers_are_independent_and_their_cost_is_exact(n, density):
    """On benchmark graphs the answer is an independent set, its cost minus its size, its curve falls."""
    problem = mis.instance(n, density, 1)
    found = MisSearch(n, problem.rows, problem.cols).run(limit_s=0.05, seed=4)
    times, costs = zip(*found.improvements, strict=True)

    assert problem.is_independent_set(found.bits)
    assert problem.cost(found.bits) == found.cost == costs[-1]
    assert (np.diff(costs) < 0).all()
    assert 0 < times[0] <= times[-1] <= found.elapsed_s
    assert found.steps > 0


@pytest.mark.parametrize("density", [0.01, 0.25])
def test_official_targets_are_reached(density):
    """The search reaches the official target of a benchmark graph and stops there by itself."""
    target = mis.official_target(500, density, 0).cost
    problem = mis.instance(500, density, 0)
    found = MisSearch(500, problem.rows, problem.cols).run(limit_s=60, seed=0, stop_at=target)

    assert found.cost <= target
    assert found.elapsed_s < 60


def test_the_limit_ends_a_search_and_may_be_nothing():
    """Without a target the limit is used up; a limit of nothing still gives a maximal set."""
    graph = nx.cycle_graph(9)
    ready = search_of(graph)

    assert ready.run(limit_s=0.02, seed=0, stop_at=-5).elapsed_s >= 0.02
    found = ready.run(limit_s=0.0, seed=0)
    assert nx.is_dominating_set(graph, np.flatnonzero(found.bits).tolist())


def test_equal_seeds_go_equal_ways_to_a_target():
    """What stops at a target depends on the seed alone: bits and steps are equal; the time may differ."""
    problem = mis.instance(250, 0.05, 0)
    ready = MisSearch(250, problem.rows, problem.cols)
    first, again, other = (ready.run(limit_s=60, seed=seed, stop_at=-66) for seed in (5, 5, 6))

    assert (first.steps, first.bits.tobytes()) == (again.steps, again.bits.tobytes())
    assert first.bits.tobytes() != other.bits.tobytes()


def test_a_window_holds_the_search():
    """The window opens before the search and is closed when its answer is there."""
    edges = []

    @contextmanager
    def window():
        edges.append("begin")
        yield
        edges.append("end")

    found = search_of(nx.path_graph(3)).run(limit_s=1, seed=0, stop_at=-2, window=window())

    assert edges == ["begin", "end"]
    assert found.bits.tolist() == [1, 0, 1]


def test_graphs_without_edges_and_complete_ones():
    """All vertices are taken where there is no edge, one where there are all."""
    assert search_of(nx.empty_graph(6)).run(limit_s=1, seed=0, stop_at=-6).cost == -6
    assert search_of(nx.complete_graph(6)).run(limit_s=0.01, seed=0).cost == -1


def test_other_parameters_solve_too():
    """A tenure beyond the graph, a sample of one and constant shaking still find the optimum of a small graph."""
    graph = nx.gnp_random_graph(14, 0.4, seed=1)
    search = search_of(graph, MisParams(tenure=100, sample=1, patience=1, forced=5))

    assert search.run(limit_s=20, seed=0, stop_at=-largest(graph)).cost == -largest(graph)


def test_parameters_follow_size_and_density_alone():
    """Two graphs of one size and density have one set of parameters; a sparser one has others."""
    assert default_params(1000, 5000) == default_params(2000, 20_000)
    assert default_params(1000, 5000) != default_params(1000, 50_000)


@pytest.mark.parametrize(("rows", "cols"), [([1], [1]), ([0], [4]), ([-1], [1])], ids=["loop", "beyond", "below"])
def test_edges_out_of_range_are_refused(rows, cols):
    """A loop and a vertex out of range never reach the kernel."""
    with pytest.raises(ValueError, match="every pair"):
        MisSearch(4, np.array(rows), np.array(cols))


def test_import_needs_no_numba():
    """All modules of the package import without numba; only a search loads it."""
    program = (
        "import sys; from neurorig_drivers.solvers import mis_search, sa_search, tabu_search;"
        "sys.exit(any(name.split('.')[0] == 'numba' for name in sys.modules))"
    )

    assert subprocess.run([sys.executable, "-c", program], check=False, timeout=60).returncode == 0
