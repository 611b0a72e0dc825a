"""Places neurons and input lines on the cores of a chip of equal tiles, as SANA-FE's files describe it.

Input lines get the first tiles to themselves, spread over their cores; each population begins on a core of its own
while there are enough. Synaptic memory and fan-in are not limits here: SANA-FE does not model them.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any

import numpy as np

from neurorig_protocols.board import Arrays, Placement
from neurorig_protocols.errors import DoesNotFit
from neurorig_protocols.workloads.snn.network import Ints, SpikingNetwork

WEIGHT_BITS = 9


@dataclass(frozen=True, eq=False)
class Mapping:
    """core int64 (n,), input_core and input_slot int64 (inputs,); cores are numbered through all tiles."""

    core: Ints
    input_core: Ints
    input_slot: Ints
    tiles: int
    input_tiles: int
    cores_per_tile: int
    neurons_per_core: int

    @property
    def inputs_per_core(self) -> int:
        """Most input lines on one core."""
        return int(self.input_slot.max(initial=-1)) + 1

    def arrays(self) -> Arrays:
        """Return what the worker needs beside the network."""
        return {"core": self.core, "input_core": self.input_core, "input_slot": self.input_slot}

    def placement(self, network: SpikingNetwork, chip_tiles: int) -> Placement:
        """Return the placement in words; the memory is that of bare 9-bit weights."""
        used = len(np.unique(self.core)) + len(np.unique(self.input_core))
        busiest = int(np.bincount(self.core).max())
        return Placement(
            cores=used,
            memory_bytes=math.ceil(network.synapses * WEIGHT_BITS / 8),
            utilisation={
                "tiles": self.tiles / chip_tiles,
                "neurons of the fullest core": busiest / self.neurons_per_core,
            },
            summary={
                "tiles": self.tiles,
                "tiles of input lines": self.input_tiles,
                "memory": "9 bits per synapse; SANA-FE does not model synaptic memory",
            },
        )


def place(network: SpikingNetwork, facts: dict[str, Any]) -> Mapping:
    """Place a network on the chip that the worker described; DoesNotFit says by how much it is too large."""
    per_core, per_tile, tiles = (int(facts[key]) for key in ("neurons_per_core", "cores_per_tile", "tiles"))
    input_tiles = math.ceil(network.inputs / (per_core * per_tile))
    spread = max(math.ceil(network.inputs / max(input_tiles * per_tile, 1)), 1)
    line = np.arange(network.inputs)
    room = (tiles - input_tiles) * per_tile
    apart = _apart(network.population, per_core)
    core = apart if apart.max() < room else np.arange(network.n) // per_core
    if core.max() >= room:
        needed = input_tiles * per_tile + int(core.max()) + 1
        there = tiles * per_tile
        raise DoesNotFit(
            f"the network needs {needed:,} cores, the chip has {there:,}: {needed - there:,} over",
            where="map",
            limit="cores",
            needed=needed,
            available=there,
        )
    return Mapping(
        core=input_tiles * per_tile + core,
        input_core=line // spread,
        input_slot=line % spread,
        tiles=input_tiles + math.ceil((int(core.max()) + 1) / per_tile),
        input_tiles=input_tiles,
        cores_per_tile=per_tile,
        neurons_per_core=per_core,
    )


def _apart(population: Ints, per_core: int) -> Ints:
    """Return a core for each neuron so that no core holds two populations."""
    core = np.zeros(len(population), np.int64)
    first = 0
    for number in np.unique(population):
        here = np.flatnonzero(population == number)
        core[here] = first + np.arange(len(here)) // per_core
        first += math.ceil(len(here) / per_core)
    return core
