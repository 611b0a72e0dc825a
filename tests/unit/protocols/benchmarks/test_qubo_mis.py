"""The rules of QUBO-MIS: instances, costs, gaps, targets."""

from __future__ import annotations

from fractions import Fraction

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from neurorig_protocols.errors import UserError
from neurorig_protocols.workloads.qubo import mis

SIZES = (10, 25, 50, 100, 250, 500, 1000, 2500, 5000)
DENSITIES = (0.01, 0.05, 0.1, 0.25)

small = st.tuples(st.integers(1, 40), st.floats(0, 1), st.integers(0, 2**32 - 1))


def dense(problem: mis.Instance) -> np.ndarray:
    """Return the full symmetric matrix, shape (n, n), int64."""
    q = np.diag(problem.diagonal)
    q[problem.rows, problem.cols] = problem.weights
    q[problem.cols, problem.rows] = problem.weights
    return q


@given(small)
def test_instance_is_a_simple_graph(args):
    """Edges are distinct, ordered pairs of different vertices, as many as the density says."""
    n, density, seed = args
    problem = mis.instance(n, density, seed)
    pairs = list(zip(problem.rows.tolist(), problem.cols.tolist(), strict=True))

    assert all(0 <= u < v < n for u, v in pairs)
    assert pairs == sorted(set(pairs))
    assert len(pairs) == min(int(0.5 * density * n**2), n * (n - 1) // 2)
    assert {a.dtype for a in (problem.rows, problem.cols, problem.weights, problem.diagonal)} == {np.dtype(np.int64)}


@given(small, st.data())
def test_cost_is_the_quadratic_form(args, data):
    """The cost equals xᵀQx with the dense matrix, for every x."""
    problem = mis.instance(*args)
    x = np.array(data.draw(st.lists(st.integers(0, 1), min_size=problem.n, max_size=problem.n)))

    assert int(x @ dense(problem) @ x) == problem.cost(x)
    assert problem.is_independent_set(x) == (problem.cost(x) == -int(x.sum()))


def test_an_edge_costs_eight():
    """Both vertices of one edge cost 8 − 2, which is NeuroBench's penalty for a violated edge."""
    problem = mis.instance(2, 0.5, 0)

    assert problem.rows.tolist() == [0]
    assert problem.cost(np.ones(2, np.uint8)) == 6
    assert not problem.is_independent_set(np.ones(2, np.uint8))


def test_instance_without_edges():
    """Ten vertices at 1 % have no edge: all ones is optimal and costs −10, which is the official target."""
    problem = mis.instance(10, 0.01, 0)

    assert problem.rows.size == 0
    assert problem.cost(np.ones(10, np.uint8)) == -10
    assert mis.official_target(10, 0.01, 0).cost == -10


@pytest.mark.parametrize(
    ("n", "density", "edges"),
    [(10, 0.05, 2), (10, 0.25, 12), (100, 0.05, 250), (250, 0.05, 1562), (1000, 0.01, 5000)],
)
def test_known_edge_counts(n, density, edges):
    """The edge counts are those of NeuroBench's own instances."""
    assert mis.instance(n, density, 0).rows.size == edges


@pytest.mark.parametrize("seed", range(5))
@pytest.mark.parametrize("density", DENSITIES)
def test_official_targets_of_small_problems_are_reachable(density, seed):
    """For n = 10 the official target is the exact optimum over all 1024 vectors."""
    problem = mis.instance(10, density, seed)
    every = (np.arange(1024)[:, None] >> np.arange(10)) & 1
    best = np.einsum("ki,ij,kj->k", every, dense(problem), every).min()

    assert best == mis.official_target(10, density, seed).cost


def test_registry_holds_the_whole_tuning_set():
    """Every size, density and tuning seed has an official target with its source; no other seed has."""
    found = [mis.official_target(n, d, s) for n in SIZES for d in DENSITIES for s in range(5)]

    assert len(found) == 180
    assert all(t is not None and t.kind == "official" and t.version == "f9c0b4f" for t in found)
    assert mis.official_target(250, 0.05, 5) is None
    assert mis.official_target(251, 0.05, 0) is None


@pytest.mark.parametrize(
    ("n", "density", "mean"),
    [(250, 0.05, 67.4), (1000, 0.01, 305.2), (1000, 0.25, 28.0), (5000, 0.25, 34.2), (100, 0.1, 30.0)],
)
def test_registry_agrees_with_the_published_means(n, density, mean):
    """The mean of the five targets is the one derived from the benchmark's table."""
    costs = [mis.official_target(n, density, seed).cost for seed in range(5)]

    assert pytest.approx(-mean) == sum(costs) / 5


def test_density_noise_finds_the_same_target():
    """A density that draws the same graph finds its target; one that draws another graph does not."""
    assert mis.official_target(250, 0.05000001, 0) == mis.official_target(250, 0.05, 0)
    assert mis.official_target(1000, 0.0499999, 0) is None


@given(st.integers(-10_000, 10_000).filter(bool), st.decimals(0, 1, places=3))
def test_target_cost_is_the_last_cost_within_the_gap(target, wanted):
    """The target cost lies within the gap and the next integer does not, in exact decimals and in floats."""
    limit = mis.target_cost(target, float(wanted))
    exact = Fraction(wanted)

    assert Fraction(limit - target, abs(target)) <= exact < Fraction(limit + 1 - target, abs(target))
    assert mis.gap(limit, target) <= float(wanted) < mis.gap(limit + 1, target)


@pytest.mark.parametrize(
    ("target", "gap", "cost"),
    [(-70, 0.1, -63), (-60, 0.05, -57), (-300, 0.01, -297), (-10, 0.01, -10), (-67, 0.1, -61), (-67, 0, -67)],
)
def test_gaps_behave_as_decimals(target, gap, cost):
    """A tenth of 70 is 7, whatever binary fractions say."""
    assert cost == mis.target_cost(target, gap)


def test_gap_is_positive_when_worse():
    """Worse than the target is a positive gap, better a negative one: the corrected formula."""
    assert mis.gap(-63, -70) == pytest.approx(0.1)
    assert mis.gap(-77, -70) == pytest.approx(-0.1)


def test_gap_to_zero_is_refused():
    """A target of 0 has no gap."""
    with pytest.raises(ValueError, match="not defined"):
        mis.gap(-1, 0)
    with pytest.raises(ValueError, match="not defined"):
        mis.target_cost(0, 0.1)


@pytest.mark.parametrize("gap", [float("nan"), float("inf")])
def test_gap_must_be_finite(gap):
    """A gap that is not a number is refused."""
    with pytest.raises(ValueError, match="finite"):
        mis.target_cost(-70, gap)


@pytest.mark.parametrize(("n", "density"), [(0, 0.5), (10, -0.1), (10, 1.1), (10, float("nan"))])
def test_arguments_out_of_range_are_refused(n, density):
    """No vertices, or a density outside 0…1, is not a problem."""
    with pytest.raises(ValueError, match="at least 1"):
        mis.instance(n, density, 0)


def test_a_huge_graph_is_refused_before_it_is_drawn():
    """Five thousand million edges are refused at once."""
    with pytest.raises(UserError, match="the limit is"):
        mis.instance(100_000, 1.0, 0)


@pytest.mark.parametrize("x", [np.zeros(9), np.zeros((1, 10)), np.full(10, 2), np.full(10, 0.5)])
def test_only_bit_vectors_have_a_cost(x):
    """Another shape or another value than 0 and 1 is refused."""
    with pytest.raises(ValueError, match="solution"):
        mis.instance(10, 0.25, 0).cost(x)


def test_cached_instances_cannot_be_changed():
    """The arrays of an instance are read-only, so one caller cannot spoil the next one's problem."""
    problem = mis.instance(10, 0.25, 0)

    with pytest.raises(ValueError, match="read-only"):
        problem.rows[0] = 5


@pytest.mark.parametrize(("n", "edges"), [(820, 3362), (1640, 13448), (3280, 53792), (3380, 57122)])
def test_edges_are_counted_in_the_official_order(n, edges):
    """Where squaring n first gives one edge more than multiplying from left to right, the instance has it."""
    assert mis.edge_count(n, 0.01) == edges
    assert int(0.5 * 0.01 * n * n) == edges - 1
    assert len(mis.instance(n, 0.01, 0).rows) == edges


@pytest.mark.parametrize("n", SIZES)
@pytest.mark.parametrize("density", DENSITIES)
def test_official_instances_do_not_depend_on_the_order(n, density):
    """Both orders of the products give the edge counts of the official set, so its 180 instances are the same."""
    assert mis.edge_count(n, density) == int(0.5 * density * n * n)
    assert all(mis.official_target(n, density, seed) is not None for seed in range(5))
