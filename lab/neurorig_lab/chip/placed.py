"""A network on cores: who lives where, who adds up the cost, and whether the published limits are kept.

Two control neurons come along: the root of the cost and the annealing neuron that spreads the temperature; both live
on core 0. Up to 4096 variables report to the root itself. More of them, or several chips, report to leaves, each on a
core of its own, which pass their sums on to the root one step later.
"""

from __future__ import annotations

import functools
from dataclasses import dataclass, field
from typing import Protocol

import numpy as np

from neurorig_drivers.annealing.network import IntArray, Network, does_not_fit
from neurorig_lab.chip import constants
from neurorig_lab.chip.routing import Fan, Mesh, Routes, fan_of, joined, routes_of, single
from neurorig_protocols.errors import DoesNotFit, JobError

CONTROL_CORE = 0
CONTROL_NEURONS = 2
_LEAF_FILL = 3584
"""Variables for which a leaf is reserved: below the fan-in of 4096, since chips do not get equal shares."""


@dataclass(frozen=True, eq=False)
class Mapping:
    """Which core each variable's neuron lives on, and what every spike sets in motion.

    core (n,); fan (n rows): the couplings; leaf (n,) which integrator a variable reports to and leaf_core (leaves,)
    where those live, empty when all report to the root. needed: by the fullest core, of each limit.
    """

    mesh: Mesh
    core: IntArray
    fan: Fan
    leaf: IntArray
    leaf_core: IntArray
    needed: dict[str, int] = field(default_factory=dict)

    @property
    def hosted(self) -> IntArray:
        """Neurons on each core, control neurons and leaves included, int64 (cores,)."""
        count = np.bincount(self.core, minlength=self.mesh.cores)
        count[CONTROL_CORE] += CONTROL_NEURONS
        count[self.leaf_core] += 1
        return count

    @property
    def control_neurons(self) -> int:
        """Neurons beside the variables."""
        return CONTROL_NEURONS + len(self.leaf_core)

    @property
    def latency(self) -> int:
        """Steps between a state and its cost at the root."""
        return 3 if len(self.leaf_core) else 2

    @property
    def report_core(self) -> IntArray:
        """The core that each variable reports to, int64 (n,)."""
        return self.leaf_core[self.leaf] if len(self.leaf_core) else np.full(len(self.core), CONTROL_CORE)

    @property
    def synapses_per_core(self) -> IntArray:
        """Synapses of each core, int64 (cores,): couplings, reports, temperature."""
        cores = self.mesh.cores
        count = np.bincount(self.fan.to_core, self.fan.synapses, cores) + np.bincount(self.core, minlength=cores)
        count += np.bincount(self.report_core, minlength=cores)
        count[CONTROL_CORE] += len(self.leaf_core)
        return count.astype(np.int64)

    def routes(self) -> Routes:
        """Return the routing table: flips, reports, temperature, leaves (see kernel); made once."""
        return self._routes

    @functools.cached_property
    def _routes(self) -> Routes:
        with_variables = np.bincount(self.core, minlength=self.mesh.cores)
        cores = np.flatnonzero(with_variables)
        temperature = Fan(np.array([0, len(cores)]), cores, with_variables[cores])
        root = np.full(len(self.leaf_core), CONTROL_CORE)
        home = np.concatenate([self.core, self.core, [CONTROL_CORE], self.leaf_core])
        return routes_of(self.mesh, home, joined(self.fan, single(self.report_core), temperature, single(root)))


def leaf_cores(mesh: Mesh, n: int) -> IntArray:
    """Return the cores (chips, leaves per chip) that are kept for the leaves of a network of n variables."""
    per_chip = n // (mesh.chips * _LEAF_FILL) + 1
    first = np.arange(mesh.chips) * (mesh.cores // mesh.chips)
    first[0] += 1
    return np.asarray(first[:, np.newaxis] + np.arange(per_chip), np.int64)


def placed(network: Network, core: IntArray, mesh: Mesh, *, tree: bool) -> Mapping:
    """Return the mapping of variables to cores, with its needs counted but not judged."""
    fan = fan_of(network.start, network.target, core, mesh.cores)
    leaf, leaf_core = np.zeros(network.n, np.int64), np.zeros(0, np.int64)
    if tree:
        kept = leaf_cores(mesh, network.n)
        chip = mesh.chip_of(core)
        rank = np.empty(network.n, np.int64)
        for of_chip in range(mesh.chips):
            there = np.flatnonzero(chip == of_chip)
            rank[there] = np.arange(len(there)) * kept.shape[1] // max(len(there), 1)
        used, leaf = np.unique(chip * kept.shape[1] + rank, return_inverse=True)
        leaf_core = kept.ravel()[used]
    mapping = Mapping(mesh, core, fan, leaf.astype(np.int64), leaf_core)
    mapping.needed.update(_needs(mapping))
    return mapping


def accept(network: Network, core: IntArray, mesh: Mesh, *, tree: bool) -> Mapping:
    """Take over a placement made elsewhere: `core` (n,) of each variable; DoesNotFit when it breaks a limit."""
    check_cores(core, network.n, mesh)
    if tree and np.isin(core, [CONTROL_CORE, *leaf_cores(mesh, network.n).ravel()]).any():
        raise JobError("the placement puts variables on cores of the cost integrators", where="virtual-loihi")
    mapping = placed(network, np.asarray(core, np.int64), mesh, tree=tree)
    if (found := misfit(mapping)) is not None:
        raise found
    return mapping


def check_cores(core: IntArray, n: int, mesh: Mesh) -> None:
    """Raise unless `core` (n,) names cores of the mesh and no chip of it is larger than a chip can be."""
    per_chip = mesh.tiles * constants.limit("cores_per_tile")
    if per_chip > constants.limit("cores"):
        raise does_not_fit("cores", per_chip, constants.limit("cores"))
    if core.shape != (n,) or core.min() < 0 or core.max() >= mesh.cores:
        raise JobError(f"the placement names no core of 0..{mesh.cores - 1} for each neuron", where="virtual-loihi")


class Measured(Protocol):
    """A placement with its needs counted."""

    @property
    def mesh(self) -> Mesh:
        """Where its cores lie."""

    @property
    def needed(self) -> dict[str, int]:
        """Need of the fullest core, of each limit."""


def misfit(mapping: Measured) -> DoesNotFit | None:
    """Return the limit that is exceeded most, if any is."""
    found = [
        does_not_fit(name, count, constants.limit(name), cores=mapping.mesh.cores)
        for name, count in mapping.needed.items()
        if count > constants.limit(name)
    ]
    return max(found, key=excess, default=None)


def excess(error: DoesNotFit) -> float:
    """Return needed over available."""
    return float(error.detail["needed"] / error.detail["available"])


def _needs(mapping: Mapping) -> dict[str, int]:
    """Return the need of the fullest core for each limit."""
    cores = mapping.mesh.cores
    variables = np.bincount(mapping.core, minlength=cores)
    reports = np.bincount(mapping.report_core, minlength=cores)
    reports[CONTROL_CORE] += len(mapping.leaf_core)
    # A core with variables has one entry for the temperature.
    fan_in = np.bincount(mapping.fan.to_core, minlength=cores) + (variables > 0) + reports
    # Each neuron has one entry per core that it reaches, and one for its integrator.
    fan_out = np.bincount(mapping.core, mapping.fan.messages + 1, cores)
    fan_out[CONTROL_CORE] += np.count_nonzero(variables)
    return {
        "neurons_per_core": int(mapping.hosted.max()),
        "synaptic_memory_per_core": int(mapping.synapses_per_core.max()) * constants.limit("synapse_bytes"),
        "fan_in_per_core": int(fan_in.max()),
        "fan_out_per_core": int(fan_out.max()),
    }
