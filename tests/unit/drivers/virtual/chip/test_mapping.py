"""Networks are placed within the published limits, or the limit is named."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pytest

from neurorig_drivers.framing import Arrays
from neurorig_drivers.virtual.chip.mapping import CONTROL_CORE, CONTROL_NEURONS, Mapping, accept, place
from neurorig_drivers.virtual.chip.network import Network, from_arrays
from neurorig_protocols.errors import DoesNotFit, JobError

MakeMis = Callable[[int, float, int], Arrays]

FITTING = [(1, 0.0), (10, 0.01), (250, 0.05), (1000, 0.01), (1000, 0.25), (2500, 0.01)]


def counted(network: Network, mapping: Mapping) -> dict[str, int]:
    """Count the needs of the fullest core one neuron and one synapse at a time."""
    neurons, synapses, fan_in, fan_out = (np.zeros(mapping.cores, int) for _ in range(4))
    sources: list[set[int]] = [set() for _ in range(mapping.cores)]
    for i in range(network.n):
        neurons[mapping.core[i]] += 1
        synapses[mapping.core[i]] += 1
        reached = set()
        for j in network.target[network.start[i] : network.start[i + 1]]:
            synapses[mapping.core[j]] += 1
            sources[mapping.core[j]].add(i)
            reached.add(int(mapping.core[j]))
        fan_out[mapping.core[i]] += len(reached) + 1
    fan_in += [len(found) + 1 for found in sources]
    for count, control in (
        (neurons, CONTROL_NEURONS),
        (synapses, network.n),
        (fan_in, network.n),
        (fan_out, len(set(mapping.core.tolist()))),
    ):
        count[CONTROL_CORE] += control
    return {
        "neurons_per_core": neurons.max(),
        "synaptic_memory_per_core": synapses.max() * 3,
        "fan_in_per_core": fan_in.max(),
        "fan_out_per_core": fan_out.max(),
    }


@pytest.mark.parametrize(("n", "density"), FITTING)
def test_problems_of_the_benchmark_fit_on_one_chip(mis: MakeMis, n: int, density: float) -> None:
    """Each variable has a core, no limit is exceeded, and the needs are what counting gives."""
    network = from_arrays(mis(n, density, 0))
    mapping = place(network)
    placement = mapping.placement(network)

    assert mapping.core.shape == (n,)
    assert mapping.needed == counted(network, mapping)
    assert all(0 < share <= 1 for share in placement.utilisation.values())
    assert placement.cores == np.count_nonzero(mapping.hosted) <= 128
    assert mapping.fan.sum() == network.synapses


def test_work_is_spread_evenly(mis: MakeMis) -> None:
    """With equal neurons the fullest core has one neuron more than the emptiest, control neurons aside."""
    network = from_arrays(mis(1000, 0.0, 0))
    mapping = place(network)
    others = np.delete(mapping.hosted, CONTROL_CORE)

    assert others.max() - others.min() <= 1
    assert mapping.hosted.sum() == 1000 + CONTROL_NEURONS


def test_too_large_problems_name_the_limit(mis: MakeMis) -> None:
    """What does not fit says which limit, how much is needed, how much there is and by how much."""
    with pytest.raises(DoesNotFit) as caught:
        place(from_arrays(mis(5000, 0.001, 0)))
    error = caught.value

    assert error.detail == {"limit": "fan_in_per_core", "needed": 5000, "available": 4096, "over": 904}
    assert "904 over" in error.message
    assert error.next_step


def test_the_densest_published_size_is_refused_by_memory() -> None:
    """The size n = 5000 at 25 % needs more synaptic memory than the chip has; known before any table is made."""
    n, edges = 5000, 3_125_000
    network = Network(
        np.full(n, -1, np.int64), np.zeros(n + 1, np.int64), np.zeros(2 * edges, np.int64), np.zeros(0, np.int64)
    )
    with pytest.raises(DoesNotFit) as caught:
        place(network)

    assert caught.value.detail["limit"] == "synaptic_memory_of_the_chip"
    assert caught.value.detail["needed"] == 3 * (2 * edges + 2 * n)


def test_a_foreign_placement_is_checked(mis: MakeMis) -> None:
    """The device takes a placement only when it names a core for each variable and keeps the limits."""
    network = from_arrays(mis(1200, 0.0, 0))
    with pytest.raises(DoesNotFit) as caught:
        accept(network, np.zeros(1200, np.int64), 1)
    assert caught.value.detail["limit"] == "neurons_per_core"
    with pytest.raises(DoesNotFit, match="cores"):
        accept(network, np.zeros(1200, np.int64), 33)
    complete, crowded = from_arrays(mis(200, 0.99, 0)), np.maximum(np.arange(200) - 72, 0)
    with pytest.raises(DoesNotFit) as caught:
        accept(complete, crowded, 32)
    assert caught.value.detail["limit"] == "fan_out_per_core"
    for core in (np.zeros(3, np.int64), np.full(1200, 4), np.full(1200, -1)):
        with pytest.raises(JobError, match="names no core"):
            accept(network, core, 1)
