"""Places a network on cores, tiles and chips within the published limits, so that the busiest core has little to do.

Its work sets the time of every step. Two ways are tried: neurons go, the one with the most work first, to the core
with the least, which evens work out; or they are cut into pieces of equal work along a walk through the graph, which
keeps neighbours together and saves messages where the graph has a structure. Pure arithmetic: touches no device.
"""

from __future__ import annotations

import heapq
from collections.abc import Callable
from typing import TypeVar

import numpy as np

from neurorig_drivers.annealing.network import IntArray, Network, does_not_fit
from neurorig_lab.chip import constants
from neurorig_lab.chip.placed import (
    CONTROL_CORE,
    CONTROL_NEURONS,
    Mapping,
    Measured,
    excess,
    leaf_cores,
    misfit,
    placed,
)
from neurorig_lab.chip.routing import Mesh
from neurorig_lab.chip.work import expected_rates, flips_per_step, soma_ticks, step_ticks
from neurorig_protocols.errors import DoesNotFit

T = TypeVar("T", bound=Measured)

_STRUCTURED = 0.05
"""Denser networks have no neighbourhoods that a core could hold."""
TILE_COUNTS = (1, 2, 4, 8, 16, 32)


def place(network: Network, chips: int = 1) -> Mapping:
    """Return the fastest placement that fits on one chip, else one on the fewest of `chips` chips.

    Raises DoesNotFit, which names the limit that is missed by the least.
    """
    fewest = _refuse_the_hopeless(network, chips)
    closest: list[DoesNotFit] = []
    if fewest == 1:
        fitting = _fitting_on_one_chip(network, closest)
        if fitting:
            return min(fitting, key=lambda mapping: expected_step_ticks(network, mapping))
    if chips > 1:
        mapping = fewest_that_fit(lambda count: _on_chips(network, count), max(fewest, 2), chips)
        if (found := misfit(mapping)) is None:
            return mapping
        closest.append(found)
    raise min(closest, key=excess)


def _on_chips(network: Network, chips: int) -> Mapping:
    mesh = Mesh(chips, TILE_COUNTS[-1])
    ways = _ways(network, mesh, _free_cores(mesh, network.n), tree=True)
    if len(ways) == 1:
        return ways[0]
    return min(ways, key=lambda mapping: (misfit(mapping) is not None, expected_step_ticks(network, mapping)))


def _ways(network: Network, mesh: Mesh, hosts: IntArray, *, tree: bool) -> list[Mapping]:
    """Return the placements to choose from on these cores."""
    spread = _spread(network, mesh, hosts, tree=tree)
    if CONTROL_CORE in hosts or network.density > _STRUCTURED:
        return [spread]
    return [spread, _cut(network, mesh, hosts, tree=tree)]


def _cut(network: Network, mesh: Mesh, hosts: IntArray, *, tree: bool) -> Mapping:
    """Cut a walk through the graph into pieces of equal work, one for each core."""
    walk = neighbourly(network)
    work = _neuron_ticks(network, len(hosts))[walk].astype(float)
    core_of = np.empty(network.n, np.int64)
    core_of[walk] = hosts[((np.cumsum(work) - work / 2) / work.sum() * len(hosts)).astype(np.int64)]
    return placed(network, core_of, mesh, tree=tree)


def neighbourly(network: Network) -> IntArray:
    """Return the neurons (n,) in the order of a walk, breadth first, from the least connected one of each part."""
    degree = np.diff(network.start)
    seen = degree == 0
    pieces = [np.flatnonzero(seen)]
    for first in np.argsort(degree, kind="stable").tolist():
        frontier = np.array([first] * (not seen[first]), np.int64)
        while len(frontier):
            seen[frontier] = True
            pieces.append(frontier)
            rows = np.concatenate([network.target[network.start[i] : network.start[i + 1]] for i in frontier])
            frontier = np.unique(rows[~seen[rows]]).astype(np.int64)
    return np.concatenate(pieces)


def expected_step_ticks(network: Network, mapping: Mapping) -> float:
    """Return the time of a step by the law of the chip, at expected activity."""
    return step_ticks(mapping.routes(), mapping.hosted, expected_rates(network, len(mapping.leaf_core)))


def fewest_that_fit(attempt: Callable[[int], T], low: int, high: int) -> T:
    """Return the attempt with the lowest count that fits, or that of `high` if even it does not.

    Counts are doubled until one fits and then halved back: high ones cost the most time to try.
    """
    count, best = low, attempt(low)
    while misfit(best) is not None:
        if count >= high:
            return best
        low, count = count + 1, min(2 * count, high)
        best = attempt(count)
    high = count
    while low < high:
        middle = (low + high) // 2
        mapping = attempt(middle)
        if misfit(mapping) is None:
            best, high = mapping, middle
        else:
            low = middle + 1
    return best


def _refuse_the_hopeless(network: Network, chips: int) -> int:
    """Refuse what exceeds the whole board before any large table is made; return how many chips its memory needs."""
    cores = constants.limit("cores")
    neurons = cores * constants.limit("neurons_per_core")
    memory = cores * constants.limit("synaptic_memory_per_core")
    bytes_needed = (network.synapses + 2 * network.n) * constants.limit("synapse_bytes")
    if bytes_needed > chips * memory:
        raise does_not_fit("synaptic_memory_of_the_board", bytes_needed, chips * memory, chips=chips)
    if network.n + CONTROL_NEURONS > chips * neurons:
        raise does_not_fit("neurons_of_the_board", network.n + CONTROL_NEURONS, chips * neurons, chips=chips)
    return max(-(-bytes_needed // memory), -(-(network.n + CONTROL_NEURONS) // neurons))


def _fitting_on_one_chip(network: Network, closest: list[DoesNotFit]) -> list[Mapping]:
    """Return all placements on one chip that keep the limits; note what the others miss."""
    flat = network.n <= constants.limit("fan_in_per_core")
    fitting = []
    for tiles in reversed(TILE_COUNTS):
        mesh = Mesh(1, tiles)
        every = np.arange(mesh.cores)
        options = (every, every[1:]) if flat else (_free_cores(mesh, network.n),)
        for hosts in options:
            if not len(hosts):
                continue
            for mapping in _ways(network, mesh, hosts, tree=not flat):
                if (found := misfit(mapping)) is None:
                    fitting.append(mapping)
                else:
                    closest.append(found)
    return fitting


def _free_cores(mesh: Mesh, n: int) -> IntArray:
    """Return the cores that are left for variables beside the control core and the leaves."""
    return np.setdiff1d(np.arange(mesh.cores), [CONTROL_CORE, *leaf_cores(mesh, n).ravel().tolist()])


def _neuron_ticks(network: Network, hosts: int) -> IntArray:
    """Return the expected work that each neuron brings to its core per step: update, spikes in, spikes out."""
    degree = np.diff(network.start)
    reached = hosts * (1 - (1 - 1 / hosts) ** degree)
    spike = (
        degree * (constants.ticks("synapse_time") + constants.ticks("message_in_time"))
        + 2 * constants.ticks("spike_out_time")
        + (reached + 1) * constants.ticks("message_out_time")
    )
    return np.asarray(soma_ticks() + np.rint(flips_per_step(network) * spike), np.int64)


def _control_ticks(network: Network) -> int:
    """Return the expected work of the control neurons: each flip changes about one share of the cost."""
    report = constants.ticks("synapse_time") + constants.ticks("message_in_time")
    return CONTROL_NEURONS * soma_ticks() + round(flips_per_step(network) * network.n * report)


def _spread(network: Network, mesh: Mesh, hosts: IntArray, *, tree: bool) -> Mapping:
    """Give each neuron, the one with the most work first, to the core with the least."""
    work = _neuron_ticks(network, len(hosts))
    heap = [(_control_ticks(network) if core == CONTROL_CORE else 0, core) for core in hosts.tolist()]
    heapq.heapify(heap)
    core_of = np.empty(network.n, np.int64)
    for neuron in np.argsort(-work, kind="stable").tolist():
        load, core = heap[0]
        core_of[neuron] = core
        heapq.heapreplace(heap, (load + int(work[neuron]), core))
    return placed(network, core_of, mesh, tree=tree)


def naive(network: Network, chips: int = 1) -> Mapping | None:
    """Return what one would do without a thought: neurons in their order, core by core, as many as fit on each.

    None when nothing of the kind fits.
    """
    tree = network.n > constants.limit("fan_in_per_core")
    most = (_free_cores(Mesh(chips, TILE_COUNTS[-1]), network.n) if tree or chips > 1 else _one_chip()[1:]).size

    def blocks(cores: int) -> Mapping:
        kept = constants.limit("cores") * chips - most if tree or chips > 1 else 1
        mesh = _mesh_for(cores + kept)
        several = tree or mesh.chips > 1
        hosts = _free_cores(mesh, network.n) if several else np.arange(1, mesh.cores)
        return placed(network, hosts[np.arange(network.n) * cores // network.n], mesh, tree=several)

    mapping = fewest_that_fit(blocks, 1, min(network.n, most))
    return mapping if misfit(mapping) is None else None


def round_robin(network: Network, ours: Mapping) -> Mapping | None:
    """Return the neurons dealt out in their order, one to each core in turn, over the cores that `ours` uses.

    It has as many cores as ours, on the same chips with the same integrators: what differs is who lives with whom.
    None when it breaks a limit.
    """
    hosts = np.unique(ours.core)
    core_of = hosts[np.arange(network.n) % len(hosts)]
    mapping = placed(network, core_of, ours.mesh, tree=len(ours.leaf_core) > 0)
    return mapping if misfit(mapping) is None else None


def _one_chip() -> IntArray:
    return np.arange(constants.limit("cores"))


def _mesh_for(cores: int) -> Mesh:
    per_tile, per_chip = constants.limit("cores_per_tile"), constants.limit("cores")
    return Mesh(-(-cores // per_chip), TILE_COUNTS[-1]) if cores > per_chip else Mesh(1, -(-cores // per_tile))
