"""The kernels for any QUBO: exact costs, optima of small problems, targets, limits."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from neurorig_drivers.solvers.qubo_search import matrix
from neurorig_drivers.solvers.sa_search import AnnealingParams, AnnealingSearch
from neurorig_drivers.solvers.tabu_search import TabuParams, TabuSearch

SEARCHES = (TabuSearch, AnnealingSearch)


@st.composite
def qubos(draw, largest=50):
    """Draw a symmetric integer matrix of up to 10 variables."""
    n = draw(st.integers(1, 10))
    entries = st.lists(st.integers(-largest, largest), min_size=n * n, max_size=n * n)
    upper = np.triu(np.array(draw(entries)).reshape(n, n))
    return upper + np.triu(upper, 1).T


def held(q):
    """Return a matrix in the kernels' form."""
    rows, cols = np.nonzero(np.triu(q, 1))
    return matrix(np.diag(q).copy(), rows, cols, q[rows, cols])


def best_cost(q):
    """Return the least cost of all states."""
    every = (np.arange(2 ** len(q))[:, None] >> np.arange(len(q))) & 1
    return int(np.einsum("ki,ij,kj->k", every, q, every).min())


def random_qubo(n, density=0.3, seed=0):
    """Return a random matrix of -100 ... 100."""
    rng = np.random.default_rng(seed)
    upper = np.triu(rng.integers(-100, 101, (n, n)) * (rng.random((n, n)) < density))
    return upper + np.triu(upper, 1).T


@pytest.mark.parametrize("search", SEARCHES)
@settings(max_examples=60)
@given(q=qubos(), seed=st.integers(0, 2**32 - 1))
def test_small_problems_are_solved_to_the_optimum(search, q, seed):
    """The least cost of all states is reached, stops the search, and is xᵀQx of the bits."""
    best = best_cost(q)
    found = search(held(q)).run(limit_s=20, seed=seed, stop_at=best)
    x = found.bits.astype(int)

    assert found.cost == best == x @ q @ x
    assert found.elapsed_s < 20


@pytest.mark.parametrize("search", SEARCHES)
@pytest.mark.parametrize("scale", [1, 10**13])
def test_costs_are_exact_at_any_scale(search, scale):
    """Cost, bits and improvements agree to the last unit, also beyond what a double can hold."""
    q = random_qubo(60).astype(object) * scale + np.eye(60, dtype=int).astype(object)
    found = search(held(q.astype(np.int64))).run(limit_s=0.02, seed=1)
    x = found.bits.astype(object)

    assert found.cost == x @ q @ x < 0
    assert found.improvements[-1][1] == found.cost


@pytest.mark.parametrize("search", SEARCHES)
def test_improvements_begin_at_nothing_and_fall(search):
    """The curve begins with the cost 0 of the empty state, falls strictly and lies inside the search."""
    found = search(held(random_qubo(200))).run(limit_s=0.05, seed=0)
    times, costs = zip(*found.improvements, strict=True)

    assert costs[0] == 0
    assert (np.diff(costs) < 0).all()
    assert times[0] > 0
    assert (np.diff(times) > 0).all()
    assert times[-1] <= found.elapsed_s


@pytest.mark.parametrize("search", SEARCHES)
def test_the_limit_ends_a_search_without_a_target(search):
    """Without a target a search uses its limit, and the limit may be nothing at all."""
    ready = search(held(random_qubo(100)))

    assert ready.run(limit_s=0.03, seed=0).elapsed_s >= 0.03
    assert ready.run(limit_s=0.0, seed=0).cost <= 0


@pytest.mark.parametrize("search", SEARCHES)
def test_a_target_that_holds_at_once_stops_at_once(search):
    """A target above the cost of the empty state needs no search; one below the optimum is not reached."""
    ready = search(held(np.diag([1, 2, 3])))

    assert ready.run(limit_s=20, seed=0, stop_at=5).cost == 0
    unreached = ready.run(limit_s=0.01, seed=0, stop_at=-(10**30))
    assert unreached.cost == 0
    assert unreached.elapsed_s >= 0.01


def test_seeds_make_tabu_differ():
    """Searches of a few steps go other ways with other seeds."""
    ready = TabuSearch(held(np.diag([-1] * 40) + 4 * (random_qubo(40, 0.2) > 0) * (1 - np.eye(40, dtype=int))))
    answers = {ready.run(limit_s=0.0, seed=seed).bits.tobytes() for seed in range(5)}

    assert len(answers) == 5


def test_one_search_may_run_again():
    """A search leaves nothing behind for the next one: the same target is reached anew each time."""
    q = random_qubo(30)
    ready = AnnealingSearch(held(q), AnnealingParams(temperature_hot=200.0, temperature_cold=10.0))
    target = ready.run(limit_s=0.05, seed=0).cost

    assert [ready.run(limit_s=20, seed=seed, stop_at=target).cost for seed in (1, 2)] == [target, target]


def test_other_parameters_solve_too():
    """A long tenure, a short patience and a large kick still find the optimum of a small problem."""
    q = random_qubo(10, 1.0)
    search = TabuSearch(held(q), TabuParams(tenure=1000, patience=3, kick=10))

    assert search.run(limit_s=20, seed=0, stop_at=best_cost(q)).cost == best_cost(q)


@settings(max_examples=60)
@given(seed=st.integers(0, 2**32 - 1), patience=st.integers(1, 20), kick=st.integers(1, 30))
def test_nothing_is_lost_on_the_way_back_to_the_best(seed, patience, kick):
    """However often the search goes back to its best state, cost and bits belong together."""
    q = random_qubo(30, 1.0, seed)
    found = TabuSearch(held(q), TabuParams(tenure=5, patience=patience, kick=kick)).run(limit_s=0.002, seed=seed)
    x = found.bits.astype(int)

    assert found.cost == x @ q @ x


@pytest.mark.parametrize(
    ("rows", "cols"), [([0], [0]), ([0], [3]), ([-1], [1]), ([0, 1], [1])], ids=["loop", "beyond", "below", "unequal"]
)
def test_pairs_out_of_range_are_refused(rows, cols):
    """A loop, a variable out of range and unequal lists never reach the kernel."""
    with pytest.raises(ValueError, match=r"pair|shape"):
        matrix(np.zeros(3, np.int64), np.array(rows), np.array(cols), np.ones(len(rows), np.int64))


def test_sums_beyond_int64_are_refused():
    """Coefficients whose costs might leave int64 are refused before any search."""
    with pytest.raises(ValueError, match="exact"):
        matrix(np.array([2**61, 1]), np.array([0]), np.array([1]), np.array([1]))
