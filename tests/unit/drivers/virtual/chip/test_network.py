"""A QUBO becomes a network, or is refused with the word that is too short."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from neurorig_drivers.annealing.network import from_arrays
from neurorig_drivers.process.framing import Arrays
from neurorig_protocols.errors import DoesNotFit, WrongAnswer


@given(data=st.data(), n=st.integers(1, 8))
@settings(max_examples=40, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_rows_and_cost_are_those_of_the_matrix(
    qubo: Callable[[np.ndarray], Arrays], data: st.DataObject, n: int
) -> None:
    """Compressed rows hold each coupling in both directions, and the cost is xᵀQx."""
    flat = data.draw(st.lists(st.integers(-9, 9), min_size=n * n, max_size=n * n))
    upper = np.triu(np.array(flat).reshape(n, n))
    matrix = upper + np.triu(upper, 1).T
    network = from_arrays(qubo(matrix))
    x = np.array(data.draw(st.lists(st.integers(0, 1), min_size=n, max_size=n)))
    rebuilt = np.diag(network.diagonal)
    for i in range(n):
        row = slice(network.start[i], network.start[i + 1])
        rebuilt[i, network.target[row]] += network.weight[row]

    assert np.array_equal(rebuilt, matrix)
    assert network.cost(x) == x @ matrix @ x
    assert network.synapses == np.count_nonzero(matrix - np.diag(np.diag(matrix)))


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"rows": [1]}, "row < col"),
        ({"cols": [3]}, "row < col"),
        ({"rows": [-1]}, "row < col"),
        ({"weights": [4, 4]}, "differ in length"),
        ({"rows": [0, 0], "cols": [1, 1], "weights": [4, 4]}, "twice"),
        ({"diagonal": [], "rows": [], "cols": [], "weights": []}, "empty"),
    ],
)
def test_arrays_that_are_no_upper_triangle_are_refused(change: dict[str, list[int]], words: str) -> None:
    """Malformed problems are the job's fault and named."""
    arrays = {"diagonal": [-1, -1, -1], "rows": [0], "cols": [1], "weights": [4]} | change
    with pytest.raises(WrongAnswer, match=words):
        from_arrays({name: np.array(values, np.int64) for name, values in arrays.items()})


@pytest.mark.parametrize(
    ("diagonal", "weight", "limit"),
    [([-1, -1], 256, "weight_bits"), ([-(2**23), -1], 1, "state_bits"), ([-(2**22)] * 600, 1, "cost_bits")],
)
def test_numbers_beyond_a_word_do_not_fit(diagonal: list[int], weight: int, limit: str) -> None:
    """The refusal names the word, what is needed and by how much."""
    arrays = {"diagonal": diagonal, "rows": [0], "cols": [1], "weights": [weight]}
    with pytest.raises(DoesNotFit) as caught:
        from_arrays({name: np.array(values, np.int64) for name, values in arrays.items()})
    detail = caught.value.detail

    assert detail["limit"] == limit
    assert detail["over"] == detail["needed"] - detail["available"] > 0


def test_the_largest_weight_fits() -> None:
    """255 is the last weight of 9 bits with a sign."""
    arrays = {"diagonal": [-1, -1], "rows": [0], "cols": [1], "weights": [-255]}
    assert from_arrays({name: np.array(values, np.int64) for name, values in arrays.items()}).synapses == 2
