"""Neurons and input lines find cores; what does not fit is told with the figures."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from neurorig_drivers.boards.sanafe.placing import place
from neurorig_protocols.errors import DoesNotFit
from neurorig_protocols.workloads.snn.network import SpikingNetwork


def network(inputs: int, populations: list[int]) -> SpikingNetwork:
    """Return unconnected neurons."""
    n = sum(populations)
    zeros = np.zeros(n, np.int64)
    population = np.repeat(np.arange(len(populations)), populations)
    nothing = np.zeros(0, np.int64)
    start = np.zeros(inputs + n + 1, np.int64)
    return SpikingNetwork(inputs, zeros + 4096, zeros, zeros, zeros, population, nothing, start, nothing, nothing)


def facts(tiles: int, cores_per_tile: int, neurons_per_core: int) -> dict[str, Any]:
    """Return the size of a chip."""
    return {"tiles": tiles, "cores_per_tile": cores_per_tile, "neurons_per_core": neurons_per_core}


@given(st.integers(0, 40), st.lists(st.integers(1, 12), min_size=1, max_size=4))
def test_nobody_shares_a_place(inputs: int, populations: list[int]) -> None:
    """No core holds more than it can, input lines have units of their own and tiles apart from the neurons'."""
    chip = facts(30, 2, 5)

    found = place(network(inputs, populations), chip)

    assert np.bincount(found.core).max() <= 5
    units = set(zip(found.input_core.tolist(), found.input_slot.tolist(), strict=True))
    assert len(units) == inputs
    assert found.inputs_per_core <= 5
    assert found.input_core.max(initial=-1) < 2 * found.input_tiles <= found.core.min()
    assert found.core.max() < 2 * found.tiles
    population = np.repeat(np.arange(len(populations)), populations)
    assert all(len(set(population[found.core == core])) == 1 for core in set(found.core.tolist()))


def test_populations_share_cores_before_they_do_not_fit() -> None:
    """Where a core for each population is too much, the neurons are packed without gaps."""
    found = place(network(0, [3, 3, 3, 3]), facts(3, 1, 4))

    assert found.core.tolist() == [0] * 4 + [1] * 4 + [2] * 4


def test_too_many_neurons_are_refused_with_the_figures() -> None:
    """DoesNotFit says what is over and by how much."""
    with pytest.raises(DoesNotFit) as caught:
        place(network(4, [9]), facts(3, 1, 4))

    assert caught.value.detail == {"limit": "cores", "needed": 4, "available": 3}
    assert "4 cores, the chip has 3: 1 over" in caught.value.message


def test_a_placement_tells_its_use() -> None:
    """Cores in use, the bits of the weights, and how full tiles and cores are."""
    one = network(2, [4, 2])
    found = place(one, facts(4, 1, 4)).placement(one, 4)

    assert (found.cores, found.memory_bytes) == (3, 0)
    assert found.utilisation == {"tiles": 0.75, "neurons of the fullest core": 1.0}
