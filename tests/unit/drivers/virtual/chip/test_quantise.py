"""Coefficients that are too long for the chip's words are rounded with a bound that holds, or refused."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from neurorig_drivers.annealing.network import from_arrays
from neurorig_drivers.annealing.quantise import policy_of, quantise
from neurorig_drivers.process.framing import Arrays
from neurorig_protocols.errors import DoesNotFit, UserError

MakeQubo = Callable[[np.ndarray], Arrays]


@given(data=st.data(), n=st.integers(1, 7), scale=st.sampled_from([1, 300, 10**6, 10**9]))
@settings(max_examples=80, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_no_state_costs_more_or_less_than_the_bound_says(
    qubo: MakeQubo, data: st.DataObject, n: int, scale: int
) -> None:
    """Over all states, quantum times the chip's cost is within the bound of the exact cost, and the bound is met."""
    flat = data.draw(st.lists(st.integers(-scale, scale), min_size=n * n, max_size=n * n))
    upper = np.triu(np.array(flat, np.int64).reshape(n, n))
    exact = qubo(upper + np.triu(upper, 1).T)
    found = quantise(exact)
    network = from_arrays(found.arrays)
    states = (np.arange(2**n)[:, np.newaxis] >> np.arange(n)) & 1
    errors = [int(x @ upper @ x + x @ np.triu(upper, 1) @ x) - found.quantum * network.cost(x) for x in states]

    assert max(map(abs, errors)) <= found.cost_error_bound
    assert found.facts["cost_error_bound"] == found.cost_error_bound
    assert (found.quantum == 1) == (
        found.cost_error_bound == 0 and np.array_equal(found.arrays["weights"], exact["weights"])
    )
    if found.quantum == 1:
        assert {name: values.tolist() for name, values in found.arrays.items()} == {
            name: values.tolist() for name, values in exact.items()
        }


def test_the_facts_name_what_is_lost() -> None:
    """A coupling of 1 beside one of 2550 vanishes: quantum 10, and the largest relative error is whole."""
    arrays = {"diagonal": [-5100, 14, 0], "rows": [0, 1], "cols": [1, 2], "weights": [2550, 1]}
    found = quantise({name: np.array(values, np.int64) for name, values in arrays.items()})

    assert found.quantum == 10
    assert found.facts["couplings_rounded_to_zero"] == 1
    assert found.facts["largest_relative_error"] == 1.0
    assert found.cost_error_bound == 4 + 2
    assert found.arrays["weights"].tolist() == [255]
    assert found.arrays["diagonal"].tolist() == [-510, 1, 0]


def test_refusing_is_a_choice(qubo: MakeQubo) -> None:
    """With 'refuse' the word that is too short is named; a problem that fits is not touched."""
    with pytest.raises(DoesNotFit) as caught:
        quantise(qubo(np.array([[0, 300], [300, 0]])), "refuse")
    assert caught.value.detail["limit"] == "weight_bits"
    assert quantise(qubo(np.array([[0, 255], [255, 0]])), "refuse").quantum == 1


def test_rounding_that_makes_costs_meaningless_is_refused() -> None:
    """Many small couplings beside a huge one would all vanish: the bound exceeds its limit."""
    n = 400
    rows, cols = np.triu_indices(n, 1)
    weights = np.ones(len(rows), np.int64)
    weights[0] = 3000
    with pytest.raises(DoesNotFit) as caught:
        quantise({"diagonal": np.zeros(n, np.int64), "rows": rows, "cols": cols, "weights": weights})
    assert caught.value.detail["limit"] == "cost_error_bound"


def test_the_policy_is_one_of_two_words() -> None:
    """Nothing else passes for a policy."""
    assert (policy_of({}), policy_of({"quantisation": "refuse"})) == ("round", "refuse")
    with pytest.raises(UserError, match="'round' or 'refuse'"):
        policy_of({"quantisation": "maybe"})
