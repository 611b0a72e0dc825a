"""Places a network on cores and tiles within the published limits, so that the busiest core has little to do.

Two control neurons come along: the cost integrator and the annealing neuron that spreads the temperature. They live
on core 0, with variables beside them or alone. Pure arithmetic: touches no device.
"""

from __future__ import annotations

import heapq
import math
from dataclasses import dataclass

import numpy as np

from neurorig_drivers.virtual.chip import constants
from neurorig_drivers.virtual.chip.network import IntArray, Network, does_not_fit
from neurorig_protocols.board import Placement
from neurorig_protocols.errors import DoesNotFit, JobError

CONTROL_CORE = 0
CONTROL_NEURONS = 2
_TILE_COUNTS = (1, 2, 4, 8, 16, 32)


@dataclass(frozen=True)
class Mapping:
    """Which core each variable's neuron lives on, and what every spike sets in motion.

    fan: int64 (n, cores), synapses that one spike of neuron i reaches on each core. Cores are numbered along tiles.
    """

    core: IntArray
    fan: IntArray
    cores: int
    tiles: int
    needed: dict[str, int]

    @property
    def hosted(self) -> IntArray:
        """Neurons on each core, control neurons included, int64 (cores,)."""
        count = np.bincount(self.core, minlength=self.cores)
        count[CONTROL_CORE] += CONTROL_NEURONS
        return count

    def placement(self, network: Network) -> Placement:
        """Return what the board driver reports."""
        used = int(np.count_nonzero(self.hosted))
        return Placement(
            cores=used,
            memory_bytes=(network.synapses + 2 * network.n) * constants.limit("synapse_bytes"),
            utilisation={
                **{name: needed / constants.limit(name) for name, needed in self.needed.items()},
                "cores": used / constants.limit("cores"),
            },
            summary={"tiles": self.tiles, "neurons": network.n + CONTROL_NEURONS, "synapses": network.synapses},
        )


def place(network: Network) -> Mapping:
    """Return the fastest placement that fits; DoesNotFit names the limit that is missed by the least."""
    _refuse_the_hopeless(network)
    closest: DoesNotFit | None = None
    for tiles, shared in sorted(_candidates(), key=lambda option: _expected_ticks(network, *option)):
        mapping = _spread(network, tiles, shared=shared)
        misfit = _misfit(mapping)
        if misfit is None:
            return mapping
        if closest is None or _ratio(misfit) < _ratio(closest):
            closest = misfit
    assert closest is not None  # noqa: S101 - the list of candidates is never empty
    raise closest


def accept(network: Network, core: IntArray, tiles: int) -> Mapping:
    """Take over a placement made elsewhere: `core` (n,) of each variable; DoesNotFit when it breaks a limit."""
    cores = tiles * constants.limit("cores_per_tile")
    if cores > constants.limit("cores"):
        raise does_not_fit("cores", cores, constants.limit("cores"))
    if core.shape != (network.n,) or core.min() < 0 or core.max() >= cores:
        raise JobError(f"the placement names no core of 0..{cores - 1} for each variable", where="virtual-loihi")
    mapping = _mapping(network, np.asarray(core, np.int64), tiles)
    if (misfit := _misfit(mapping)) is not None:
        raise misfit
    return mapping


def _ratio(misfit: DoesNotFit) -> float:
    return float(misfit.detail["needed"] / misfit.detail["available"])


def _refuse_the_hopeless(network: Network) -> None:
    """Refuse what exceeds the whole chip, before any large table is made."""
    cores = constants.limit("cores")
    neurons = cores * constants.limit("neurons_per_core") - CONTROL_NEURONS
    memory = cores * constants.limit("synaptic_memory_per_core")
    bytes_needed = (network.synapses + 2 * network.n) * constants.limit("synapse_bytes")
    if bytes_needed > memory:
        raise does_not_fit("synaptic_memory_of_the_chip", bytes_needed, memory)
    if network.n > constants.limit("fan_in_per_core"):
        # Every neuron reports to the one cost integrator.
        raise does_not_fit("fan_in_per_core", network.n, constants.limit("fan_in_per_core"))
    if network.n > neurons:
        raise does_not_fit("neurons_of_the_chip", network.n, neurons)


def _candidates() -> list[tuple[int, bool]]:
    return [(tiles, shared) for tiles in _TILE_COUNTS for shared in (True, False)]


def _variable_cores(tiles: int, *, shared: bool) -> IntArray:
    cores = tiles * constants.limit("cores_per_tile")
    return np.arange(0 if shared else 1, cores)


def _soma_ticks() -> int:
    return constants.ticks("soma_access_time") + constants.ticks("soma_update_time")


def _spike_ticks(network: Network) -> float:
    """Return the ticks per step that arriving spikes of one neighbour are expected to cost.

    The share of neurons that flip in a step falls with the mean degree k about as the largest independent set
    does, as ln(k)/k. It only weighs the choice among placements.
    """
    mean = 1 + network.synapses / network.n
    activity = 0.1 * math.log(mean) / mean
    return activity * (constants.ticks("synapse_time") + constants.ticks("message_in_time"))


def _neuron_ticks(network: Network) -> IntArray:
    """Return the expected work of each neuron per step: its update and the spikes that reach it."""
    return np.asarray(_soma_ticks() + np.rint(_spike_ticks(network) * np.diff(network.start)), np.int64)


def _control_ticks(network: Network) -> int:
    """Return the expected work of the control neurons: each flip changes about one share of the cost."""
    return CONTROL_NEURONS * _soma_ticks() + round(_spike_ticks(network) * network.n)


def _expected_ticks(network: Network, tiles: int, shared: bool) -> int:
    hosts = len(_variable_cores(tiles, shared=shared))
    work = int(_neuron_ticks(network).sum())
    busiest = (work + _control_ticks(network) * shared) // hosts
    return max(busiest, _control_ticks(network)) + constants.sync_ticks(tiles)


def _spread(network: Network, tiles: int, *, shared: bool) -> Mapping:
    """Give each neuron, the best connected first, to the core with the least work."""
    work = _neuron_ticks(network)
    heap = [
        (_control_ticks(network) if core == CONTROL_CORE else 0, core)
        for core in _variable_cores(tiles, shared=shared).tolist()
    ]
    heapq.heapify(heap)
    core_of = np.empty(network.n, np.int64)
    for neuron in np.argsort(-work, kind="stable").tolist():
        load, core = heap[0]
        core_of[neuron] = core
        heapq.heapreplace(heap, (load + int(work[neuron]), core))
    return _mapping(network, core_of, tiles)


def _mapping(network: Network, core_of: IntArray, tiles: int) -> Mapping:
    cores = tiles * constants.limit("cores_per_tile")
    source = np.repeat(np.arange(network.n), np.diff(network.start))
    fan = np.bincount(source * cores + core_of[network.target], minlength=network.n * cores)
    fan = fan.reshape(network.n, cores)
    return Mapping(core_of, fan, cores, tiles, _needs(core_of, fan, cores))


def _needs(core_of: IntArray, fan: IntArray, cores: int) -> dict[str, int]:
    """Return the need of the fullest core for each limit."""
    hosted = np.bincount(core_of, minlength=cores)
    control = np.arange(cores) == CONTROL_CORE
    n = len(core_of)
    # One synapse per variable at the integrator, one temperature synapse per variable at its own core.
    synapses = fan.sum(axis=0) + hosted + n * control
    fan_in = (fan > 0).sum(axis=0) + 1 + n * control
    # Each neuron has one entry per core that it reaches, and one for the integrator.
    fan_out = np.bincount(core_of, weights=(fan > 0).sum(axis=1) + 1, minlength=cores)
    # The annealing neuron reaches every core that has variables.
    fan_out += np.count_nonzero(hosted) * control
    return {
        "neurons_per_core": int((hosted + CONTROL_NEURONS * control).max()),
        "synaptic_memory_per_core": int(synapses.max()) * constants.limit("synapse_bytes"),
        "fan_in_per_core": int(fan_in.max()),
        "fan_out_per_core": int(fan_out.max()),
    }


def _misfit(mapping: Mapping) -> DoesNotFit | None:
    """Return the limit that is exceeded most, if any is."""
    found = [
        does_not_fit(name, needed, constants.limit(name), cores=mapping.cores)
        for name, needed in mapping.needed.items()
        if needed > constants.limit(name)
    ]
    return max(found, key=_ratio, default=None)
