"""The routing table of a placed network: what each spike sets in motion, in the kernel's own arrays."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from neurorig_drivers.virtual.chip import constants
from neurorig_drivers.virtual.chip.mapping import CONTROL_CORE, Mapping
from neurorig_drivers.virtual.chip.network import IntArray


@dataclass(frozen=True)
class Routes:
    """Row i is for the spikes of variable i, row n for those of the annealing neuron.

    core (n+1,) where a row's neuron lives; start (n+2,) compresses to_core and synapses, one entry per message;
    hops (n+1, 2) over all messages of a row, and cost_hops (n+1, 2) of its report to the cost integrator, both
    east-west and north-south.
    """

    core: IntArray
    start: IntArray
    to_core: IntArray
    synapses: IntArray
    hops: IntArray
    cost_hops: IntArray

    def as_tuple(self) -> tuple[IntArray, ...]:
        """Return the arrays in the order that the kernel expects."""
        return self.core, self.start, self.to_core, self.synapses, self.hops, self.cost_hops


def routes_of(mapping: Mapping) -> Routes:
    """Return the routing table; one message per spike and core, along rows of tiles first, then along columns."""
    fan = np.vstack([mapping.fan, np.bincount(mapping.core, minlength=mapping.cores)])
    core = np.append(mapping.core, CONTROL_CORE)
    source, to_core = np.nonzero(fan)
    start = np.zeros(len(fan) + 1, np.int64)
    np.cumsum(np.bincount(source, minlength=len(fan)), out=start[1:])
    hops = np.zeros((len(fan), 2), np.int64)
    np.add.at(hops, source, _hops(core[source], to_core))
    return Routes(core, start, to_core, fan[source, to_core], hops, _hops(core, np.full(len(core), CONTROL_CORE)))


def _hops(a: IntArray, b: IntArray) -> IntArray:
    """Return the hops between the tiles of cores a and b (k,) as (k, 2)."""
    per_tile, columns = constants.limit("cores_per_tile"), constants.limit("mesh_columns")
    tile_a, tile_b = a // per_tile, b // per_tile
    return np.stack(
        [np.abs(tile_a % columns - tile_b % columns), np.abs(tile_a // columns - tile_b // columns)], axis=1
    )
