"""Networks are placed within the published limits, or the limit is named."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pytest

from neurorig_drivers.annealing.network import Network, from_arrays
from neurorig_drivers.process.framing import Arrays
from neurorig_lab.chip.mapping import expected_step_ticks, naive, neighbourly, place
from neurorig_lab.chip.placed import CONTROL_CORE, CONTROL_NEURONS, Mapping, accept
from neurorig_lab.chip.placement_report import qubo_placement
from neurorig_lab.chip.routing import Mesh
from neurorig_protocols.errors import DoesNotFit, JobError

MakeMis = Callable[[int, float, int], Arrays]

FITTING = [(1, 0.0), (10, 0.01), (250, 0.05), (1000, 0.01), (1000, 0.25), (2500, 0.01)]


def counted(network: Network, mapping: Mapping) -> dict[str, int]:
    """Count the needs of the fullest core one neuron and one synapse at a time."""
    cores, reports = mapping.mesh.cores, mapping.report_core
    neurons, synapses, fan_in, fan_out = (np.zeros(cores, int) for _ in range(4))
    sources: list[set[int]] = [set() for _ in range(cores)]
    for i in range(network.n):
        neurons[mapping.core[i]] += 1
        synapses[mapping.core[i]] += 1
        synapses[reports[i]] += 1
        fan_in[reports[i]] += 1
        reached = set()
        for j in network.target[network.start[i] : network.start[i + 1]]:
            synapses[mapping.core[j]] += 1
            sources[mapping.core[j]].add(i)
            reached.add(int(mapping.core[j]))
        fan_out[mapping.core[i]] += len(reached) + 1
    fan_in += [len(found) for found in sources]
    fan_in[np.unique(mapping.core)] += 1
    for leaf in mapping.leaf_core:
        neurons[leaf] += 1
        fan_out[leaf] += 1
        synapses[CONTROL_CORE] += 1
        fan_in[CONTROL_CORE] += 1
    neurons[CONTROL_CORE] += CONTROL_NEURONS
    fan_out[CONTROL_CORE] += len(set(mapping.core.tolist()))
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
    placement = qubo_placement(network, mapping)

    assert mapping.core.shape == (n,)
    assert mapping.needed == counted(network, mapping)
    assert all(0 < share <= 1 for share in placement.utilisation.values())
    assert placement.cores == np.count_nonzero(mapping.hosted) <= 128
    assert mapping.fan.synapses.sum() == network.synapses
    assert mapping.latency == 2


def test_work_is_spread_evenly(mis: MakeMis) -> None:
    """With equal neurons the fullest core has one neuron more than the emptiest, control neurons aside."""
    network = from_arrays(mis(1000, 0.0, 0))
    mapping = place(network)
    others = np.delete(mapping.hosted, CONTROL_CORE)

    assert others.max() - others.min() <= 1
    assert mapping.hosted.sum() == 1000 + CONTROL_NEURONS


@pytest.mark.parametrize(
    ("n", "density", "chips", "used", "leaves"), [(4200, 0.005, 1, 1, 2), (5000, 0.002, 4, 1, 2), (4500, 0.1, 4, 2, 2)]
)
def test_what_one_integrator_cannot_take_is_added_up_by_leaves(  # noqa: PLR0917 - one row of the table
    mis: MakeMis, n: int, density: float, chips: int, used: int, leaves: int
) -> None:
    """More than 4096 variables, or several chips, report to leaves on cores of their own; the fewest chips are used."""
    network = from_arrays(mis(n, density, 0))
    mapping = place(network, chips)
    placement = qubo_placement(network, mapping)

    assert mapping.mesh.chips == used == placement.summary["chips"]
    assert len(mapping.leaf_core) == leaves
    assert mapping.latency == 3 == placement.summary["cost_latency_steps"]
    assert not np.isin(mapping.core, [CONTROL_CORE, *mapping.leaf_core]).any()
    assert (mapping.mesh.chip_of(mapping.core) == mapping.mesh.chip_of(mapping.report_core)).all()
    assert mapping.needed == counted(network, mapping)
    assert all(0 < share <= 1 for share in placement.utilisation.values())


def test_too_large_problems_name_the_limit(mis: MakeMis) -> None:
    """What does not fit says which limit, how much is needed, how much there is and by how much."""
    with pytest.raises(DoesNotFit) as caught:
        place(from_arrays(mis(4500, 0.1, 0)))
    detail = caught.value.detail

    assert detail["limit"] == "fan_out_per_core"
    assert detail["available"] == 4096
    assert detail["over"] == detail["needed"] - 4096 > 0
    assert f"{detail['over']} over" in caught.value.message
    assert caught.value.next_step


def test_the_densest_published_size_needs_several_chips() -> None:
    """The size n = 5000 at 25 % needs more synaptic memory than one chip has; known before any table is made."""
    n, edges = 5000, 3_125_000
    empty = np.zeros(0, np.int32)
    network = Network(np.full(n, -1, np.int64), np.zeros(n + 1, np.int64), np.zeros(2 * edges, np.int32), empty)
    with pytest.raises(DoesNotFit) as caught:
        place(network)

    assert caught.value.detail["limit"] == "synaptic_memory_of_the_board"
    assert caught.value.detail["needed"] == 3 * (2 * edges + 2 * n)


def test_the_placement_beats_a_naive_one_by_its_own_law(mis: MakeMis) -> None:
    """Filling core by core fits too and takes longer per step; nothing of the kind is said when nothing fits."""
    network = from_arrays(mis(1000, 0.01, 0))
    filled = naive(network)

    assert filled is not None
    assert filled.needed == counted(network, filled)
    assert expected_step_ticks(network, place(network)) < 0.5 * expected_step_ticks(network, filled)
    assert naive(from_arrays(mis(4500, 0.1, 0))) is None


def grid(side: int, qubo: Callable[[np.ndarray], Arrays]) -> Network:
    """Return a square grid whose variables come in a random order."""
    place_of = np.random.default_rng(2).permutation(side * side).reshape(side, side)
    matrix = np.diag(np.full(side * side, -1, np.int64))
    for a, b in ((place_of[1:], place_of[:-1]), (place_of[:, 1:], place_of[:, :-1])):
        matrix[a, b] = matrix[b, a] = 2
    return from_arrays(qubo(matrix))


def test_neighbours_stay_together_where_there_are_neighbourhoods(qubo: Callable[[np.ndarray], Arrays]) -> None:
    """On a grid most couplings end on a core with others of the same source; on a random graph each goes elsewhere."""
    network = grid(30, qubo)
    together = place(network).fan

    assert len(together.to_core) < 0.7 * network.synapses
    assert sorted(neighbourly(network).tolist()) == list(range(900))


def test_a_foreign_placement_is_checked(mis: MakeMis) -> None:
    """The device takes a placement only when it names a core for each variable and keeps the limits."""
    network = from_arrays(mis(1200, 0.0, 0))
    with pytest.raises(DoesNotFit) as caught:
        accept(network, np.zeros(1200, np.int64), Mesh(1, 1), tree=False)
    assert caught.value.detail["limit"] == "neurons_per_core"
    with pytest.raises(DoesNotFit, match="cores"):
        accept(network, np.zeros(1200, np.int64), Mesh(1, 33), tree=False)
    complete, crowded = from_arrays(mis(200, 0.99, 0)), np.maximum(np.arange(200) - 72, 0)
    with pytest.raises(DoesNotFit) as caught:
        accept(complete, crowded, Mesh(1, 32), tree=False)
    assert caught.value.detail["limit"] == "fan_out_per_core"
    for core in (np.zeros(3, np.int64), np.full(1200, 4), np.full(1200, -1)):
        with pytest.raises(JobError, match="names no core"):
            accept(network, core, Mesh(1, 1), tree=False)
    with pytest.raises(JobError, match="cost integrators"):
        accept(network, np.ones(1200, np.int64), Mesh(2, 32), tree=True)


@pytest.mark.parametrize(
    ("chips", "tiles", "grain", "size"),
    [
        (1, 1, "core", (2, 2)),
        (1, 32, "core", (16, 8)),
        (8, 32, "core", (64, 16)),
        (16, 32, "tile", (32, 16)),
        (64, 32, "chip", (4, 16)),
    ],
)
def test_the_picture_shows_every_core_in_its_place(
    mis: MakeMis, chips: int, tiles: int, grain: str, size: tuple[int, int]
) -> None:
    """Cells lie as on the mesh; the busiest one has 100 %, and what hosts nothing is not a number."""
    network, mesh = from_arrays(mis(40, 0.1, 0)), Mesh(chips, tiles)
    tree = chips > 1
    core = np.arange(40) % (mesh.cores - 3) + 3 if tree else np.arange(40) % mesh.cores
    mesh_picture = qubo_placement(network, accept(network, core, mesh, tree=tree)).summary["mesh"]

    assert (mesh_picture["grain"], mesh_picture["columns"], mesh_picture["rows"]) == (grain, *size)
    assert len(mesh_picture["work_percent"]) == len(mesh_picture["memory_percent"]) == size[0] * size[1]
    assert max(mesh_picture["work_percent"]) == 100
    assert (min(mesh_picture["work_percent"]) == -1) == (chips * tiles > 1)
