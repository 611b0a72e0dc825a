"""The GPU's kernels, run by numba's CUDA simulator: exact costs, targets, and the outcome of a sequential annealing."""

from __future__ import annotations

import numpy as np
import pytest
from gpu_reference import best_cost, random_qubo, sequential
from gpu_simulator import GpuProcess
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from neurorig_drivers.solvers.gpu_annealing_kernel import philox, threshold

LONG_S = 1e6


@pytest.fixture(scope="module")
def simulator():
    """One simulator for the module."""
    with GpuProcess(simulated=True) as running:
        yield running


@pytest.mark.parametrize(
    ("counter", "key", "word"),
    [
        ((0, 0), 0, 0xFF1DAE59),
        ((0xFFFFFFFF, 0xFFFFFFFF), 0xFFFFFFFF, 0x2C3F628B),
        ((0x243F6A88, 0x85A308D3), 0x13198A2E, 0xDD7CE038),
    ],
)
def test_random_numbers_are_philox(counter, key, word):
    """The random words are those that the authors of Philox-2x32-10 publish as known answers."""
    low, high = counter

    assert int(philox(key, high, low)) == word


@pytest.mark.parametrize("threads", [1, 2, 5])
@pytest.mark.parametrize("shared", [True, False])
def test_the_kernel_comes_to_what_one_thread_would(simulator, threads, shared):
    """On any number of threads and in either memory, cost and bits are those of a sequential annealing."""
    q = random_qubo(6, seed=threads)
    found = simulator.search(
        q, layout=(2, threads), memory={"shared": shared}, params={"first_sweeps": 3},
        limit_s=LONG_S, seed=11, most_sweeps=6,
    )  # fmt: skip
    cost, bits = sequential(q, 11, 2, most_sweeps=6, first_sweeps=3)

    assert found["cost"] == cost
    assert found["bits"].tolist() == bits.tolist()


@settings(max_examples=8, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(q=st.integers(1, 6).map(random_qubo), seed=st.integers(0, 2**32 - 1), wide=st.booleans())
def test_costs_are_exact(simulator, q, seed, wide):
    """Whatever the problem, seed and width, the cost is xᵀQx of the bits and no less than the least of all."""
    found = simulator.search(q, layout=(2, 1), memory={"wide": wide}, limit_s=0.0, seed=seed)
    x = found["bits"]

    assert best_cost(q) <= found["cost"] == x @ q @ x <= 0
    assert found["improvements"][-1][1] == found["cost"]


def test_large_coefficients_need_64_bits(simulator):
    """Coefficients beyond 32 bits, and beyond what a double can hold, are still costed to the last unit."""
    q = (random_qubo(6).astype(object) * 10**13 + np.eye(6, dtype=int).astype(object)).astype(np.int64)
    found = simulator.search(q, limit_s=0.0, seed=1)
    x = found["bits"].astype(object)

    assert found["cost"] == x @ q.astype(object) @ x < 0


def test_a_target_ends_the_search(simulator):
    """The optimum as target is detected on the device, with time and sweeps left; an easy one after the descent."""
    q = random_qubo(6, seed=3)
    best = best_cost(q)
    found = simulator.search(q, limit_s=LONG_S, seed=2, stop_at=best)
    easy = simulator.search(q, limit_s=LONG_S, seed=2, stop_at=0)

    assert found["cost"] == best
    assert found["elapsed_s"] < LONG_S
    assert easy["cost"] <= 0
    assert len(easy["improvements"]) == 1


def test_a_target_below_the_optimum_is_not_reached(simulator):
    """The limit ends a search whose target does not exist, even one below every integer of 64 bits."""
    found = simulator.search(np.diag([1, 2]), limit_s=0.05, seed=0, stop_at=-(10**30))

    assert found["cost"] == 0
    assert found["bits"].tolist() == [0, 0]


def test_equal_seeds_give_equal_answers(simulator):
    """With the number of sweeps given, cost, bits and sweeps follow from the seed; another seed goes another way."""
    q = random_qubo(8, seed=5)
    first, again = (simulator.search(q, limit_s=LONG_S, seed=4, most_sweeps=4) for _ in range(2))

    assert first["bits"].tolist() == again["bits"].tolist()
    assert (first["cost"], first["steps"]) == (again["cost"], again["steps"])


def test_seeds_and_replicas_differ(simulator):
    """The numbers that two replicas, two seeds, two sweeps or two variables draw are different ones."""
    keys = np.random.SeedSequence(4).generate_state(2, np.uint32)
    other = np.random.SeedSequence(5).generate_state(1, np.uint32)
    drawn = {threshold(1.0, key, sweep, i) for key in (*keys, *other) for sweep in range(3) for i in range(3)}

    assert len(drawn) == 27


def test_given_temperatures_are_kept(simulator):
    """At a temperature near none, the annealing ends where its first descent did."""
    q = random_qubo(5, seed=6)
    cold = {"temperature_hot": 1e-9, "temperature_cold": 1e-9}
    descent = simulator.search(q, limit_s=LONG_S, seed=1, most_sweeps=0)
    found = simulator.search(q, params=cold, limit_s=LONG_S, seed=1, most_sweeps=4)

    assert found["cost"] == descent["cost"]


def test_a_problem_of_one_variable_is_solved(simulator):
    """A single variable without couplings is a problem too."""
    assert simulator.search(np.array([[-3]]), layout=(1, 1), limit_s=0.0, seed=0)["cost"] == -3
