"""Places a spiking network on cores, tiles and chips within the published limits.

Two ways are tried on every number of tiles: neurons in their order, which keeps layers together, and the one with the
most work first to the core with the least, which evens work out. The one with the shorter expected step is taken.
Activity is not known before a run: every source is taken to spike at the same rate.
"""

from __future__ import annotations

import heapq
from collections.abc import Callable
from dataclasses import dataclass, field

import numpy as np

from neurorig_drivers.annealing.network import IntArray, does_not_fit
from neurorig_lab.chip import constants
from neurorig_lab.chip.mapping import TILE_COUNTS, fewest_that_fit
from neurorig_lab.chip.placed import check_cores, excess, misfit
from neurorig_lab.chip.routing import Fan, Mesh, Routes, fan_of, routes_of
from neurorig_lab.chip.work import Floats, core_ticks, soma_ticks, step_ticks
from neurorig_protocols.errors import DoesNotFit
from neurorig_protocols.workloads.snn.network import SpikingNetwork

RATE = 0.05
"""Spikes per source and step by which placements are compared."""


@dataclass(frozen=True, eq=False)
class SpikingMapping:
    """Which core each neuron lives on; `fan` has a row for each input line and then for each neuron."""

    mesh: Mesh
    core: IntArray
    fan: Fan
    needed: dict[str, int] = field(default_factory=dict)

    @property
    def hosted(self) -> IntArray:
        """Neurons on each core, int64 (cores,)."""
        return np.bincount(self.core, minlength=self.mesh.cores)

    @property
    def synapses_per_core(self) -> IntArray:
        """Synapses of each core, int64 (cores,)."""
        return np.bincount(self.fan.to_core, self.fan.synapses, self.mesh.cores).astype(np.int64)

    def routes(self) -> Routes:
        """Return the routing table: input lines, which live nowhere on the mesh, and neurons."""
        lines = len(self.fan.start) - 1 - len(self.core)
        return routes_of(self.mesh, np.concatenate([np.full(lines, -1), self.core]), self.fan)

    def expected_core_ticks(self) -> Floats:
        """Return the expected work of each core per step, in ticks."""
        return core_ticks(self.routes(), self.hosted, np.full(len(self.fan.start) - 1, RATE))

    def expected_step_ticks(self) -> float:
        """Return the expected time of a step, in ticks."""
        return step_ticks(self.routes(), self.hosted, np.full(len(self.fan.start) - 1, RATE))


def place_spiking(network: SpikingNetwork, chips: int = 1) -> SpikingMapping:
    """Return the fastest placement that fits on one chip, else one on the fewest of `chips` chips; or DoesNotFit."""
    memory = constants.limit("cores") * constants.limit("synaptic_memory_per_core")
    neurons = constants.limit("cores") * constants.limit("neurons_per_core")
    bytes_needed = network.synapses * constants.limit("synapse_bytes")
    for limit, needed, available in (
        ("synaptic_memory_of_the_board", bytes_needed, chips * memory),
        ("neurons_of_the_board", network.n, chips * neurons),
    ):
        if needed > available:
            raise does_not_fit(limit, needed, available, chips=chips)
    fewest = max(-(-bytes_needed // memory), -(-network.n // neurons), 1)
    misses: list[DoesNotFit] = []
    if fewest == 1:
        every = [_on(network, Mesh(1, tiles), way) for tiles in reversed(TILE_COUNTS) for way in _WAYS]
        fitting = [mapping for mapping in every if misfit(mapping) is None]
        if fitting:
            return min(fitting, key=SpikingMapping.expected_step_ticks)
        misses += [found for mapping in every if (found := misfit(mapping)) is not None]
    if chips > 1:
        mapping = fewest_that_fit(lambda count: _on_chips(network, count), max(fewest, 2), chips)
        if (found := misfit(mapping)) is None:
            return mapping
        misses.append(found)
    raise min(misses, key=excess)


def accept_spiking(network: SpikingNetwork, core: IntArray, mesh: Mesh) -> SpikingMapping:
    """Take over a placement made elsewhere; DoesNotFit when it breaks a limit."""
    check_cores(core, network.n, mesh)
    mapping = _placed(network, np.asarray(core, np.int64), mesh)
    if (found := misfit(mapping)) is not None:
        raise found
    return mapping


def _on_chips(network: SpikingNetwork, chips: int) -> SpikingMapping:
    """Keep the order if that fits: with it, messages stay near."""
    mesh = Mesh(chips, TILE_COUNTS[-1])
    mapping = _on(network, mesh, _in_order)
    return mapping if misfit(mapping) is None else _on(network, mesh, _evened)


def _on(network: SpikingNetwork, mesh: Mesh, way: Callable[[Floats, int], IntArray]) -> SpikingMapping:
    return _placed(network, way(_neuron_ticks(network), mesh.cores), mesh)


def _neuron_ticks(network: SpikingNetwork) -> Floats:
    fan_in = np.bincount(network.target, minlength=network.n)
    spikes = RATE * (constants.ticks("spike_out_time") + fan_in * constants.ticks("synapse_time"))
    return np.asarray(soma_ticks() + spikes, np.float64)


def _in_order(work: Floats, cores: int) -> IntArray:
    """Cut the row of neurons into pieces of equal work."""
    middle = np.cumsum(work) - work / 2
    return np.asarray(middle / work.sum() * cores, np.int64)


def _evened(work: Floats, cores: int) -> IntArray:
    heap = [(0.0, core) for core in range(cores)]
    core_of = np.empty(len(work), np.int64)
    for neuron in np.argsort(-work, kind="stable").tolist():
        load, core = heap[0]
        core_of[neuron] = core
        heapq.heapreplace(heap, (load + float(work[neuron]), core))
    return core_of


_WAYS = (_in_order, _evened)


def _placed(network: SpikingNetwork, core: IntArray, mesh: Mesh) -> SpikingMapping:
    fan = fan_of(network.start, network.target, core, mesh.cores)
    mapping = SpikingMapping(mesh, core, fan)
    fan_out = np.bincount(core, fan.messages[network.inputs :], mesh.cores)
    mapping.needed.update(
        neurons_per_core=int(mapping.hosted.max()),
        synaptic_memory_per_core=int(mapping.synapses_per_core.max()) * constants.limit("synapse_bytes"),
        fan_in_per_core=int(np.bincount(fan.to_core, minlength=mesh.cores).max()),
        fan_out_per_core=int(fan_out.max()),
    )
    return mapping
