"""The schedule follows the coefficients of whatever is not an independent set."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from neurorig_drivers.annealing.network import Network, from_arrays
from neurorig_drivers.annealing.schedule import scale, schedule_for, schedule_of
from neurorig_drivers.solvers.qubo_search import matrix
from neurorig_drivers.solvers.sa_search import AnnealingSearch
from neurorig_lab.chip.annealer import Annealer
from neurorig_lab.chip.mapping import place
from neurorig_protocols.board import Arrays
from neurorig_protocols.workloads.qubo import mis

Edges = list[tuple[int, int, int]]


def problem(diagonal: list[int], edges: Edges) -> Arrays:
    """Return a problem of its coefficients."""
    rows, cols, weights = np.array(edges, np.int64).reshape(-1, 3).T
    return {"diagonal": np.array(diagonal), "rows": rows, "cols": cols, "weights": weights}


def max_cut(n: int, density: float, weights: tuple[int, ...], seed: int) -> Arrays:
    """Return a random max-cut: minus the cut as xᵀQx."""
    random = np.random.default_rng(seed)
    chosen_pairs = random.random(n * (n - 1) // 2) < density
    rows, cols = (side[chosen_pairs] for side in np.triu_indices(n, 1))
    chosen = random.choice(weights, len(rows))
    diagonal = -np.bincount(rows, chosen, n) - np.bincount(cols, chosen, n)
    return {"diagonal": diagonal.astype(np.int64), "rows": rows, "cols": cols, "weights": chosen}


@pytest.mark.parametrize("density", [0.01, 0.25])
def test_independent_sets_keep_the_constants_of_their_size(density: float) -> None:
    """The benchmark's schedule hangs on size and density alone."""
    instance = mis.instance(200, density, 3)
    network = from_arrays({name: getattr(instance, name) for name in ("diagonal", "rows", "cols", "weights")})

    assert schedule_of(network, {}) == schedule_for(network.n, network.density, {})


@pytest.mark.parametrize(
    ("n", "density", "weights"), [(300, 0.06, (-1, 1)), (400, 0.01, (1,)), (300, 0.005, (-1, 1)), (100, 0.5, (-30, 37))]
)
def test_cuts_come_out_nearly_as_large_as_by_the_cpu(n: int, density: float, weights: tuple[int, ...]) -> None:
    """Within 3 % after 20 ms of chip time; temperatures of independent sets miss by 30 to 80 %."""
    arrays = max_cut(n, density, weights, seed=1)
    reference = AnnealingSearch(matrix(*arrays.values())).run(limit_s=0.2, seed=0).cost
    network = from_arrays(arrays)
    run = Annealer(network, place(network), schedule_of(network, {}), seed=0, limit_s=0.02)
    while len(run.advance()):
        pass

    assert run.best_cost <= 0.97 * reference


@st.composite
def networks(draw: st.DrawFn) -> Network:
    """Any small network, also without a diagonal or couplings."""
    n = draw(st.integers(1, 8))
    value = st.integers(-(2 ** draw(st.integers(0, 20))), 2 ** draw(st.integers(0, 20)))
    pairs = [(i, j) for i in range(n) for j in range(i + 1, n)]
    edges = [(i, j, draw(st.integers(-255, 255))) for i, j in pairs if draw(st.booleans())]
    return from_arrays(problem(draw(st.lists(value, min_size=n, max_size=n)), edges))


@given(networks())
def test_every_problem_has_temperatures_that_the_chip_can_hold(network: Network) -> None:
    """Whatever the coefficients, the words fit and fall."""
    words = schedule_of(network, {}).words(scale(network))

    assert 0 < words["t_min"] <= words["t_max"]


def test_parameters_replace_what_the_coefficients_suggest() -> None:
    """A hottest temperature below the suggested coldest takes that along; the rest stays."""
    network = from_arrays(problem([0, 0, -40], [(0, 1, -20), (1, 2, 3)]))
    chosen = schedule_of(network, {"t_max": 0.01, "clash_scaling": 1})

    assert (chosen.t_max, chosen.clash_scaling) == (0.01, 1)
    assert chosen.t_min <= 0.01
    assert chosen.refract_scaling == schedule_of(network, {}).refract_scaling
