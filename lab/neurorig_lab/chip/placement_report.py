"""The mapping report: what a placement uses of each limit, what a step is expected to take, and a picture in numbers.

The picture is rows of cells as they lie on the mesh, in percent, -1 where no neuron lives: cores for up to eight
chips, tiles for more, whole chips for very many.
"""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt

from neurorig_drivers.annealing.network import IntArray, Network
from neurorig_lab.chip import constants
from neurorig_lab.chip.mapping import expected_step_ticks
from neurorig_lab.chip.placed import Mapping
from neurorig_lab.chip.routing import Mesh
from neurorig_lab.chip.spiking_placed import SpikingMapping
from neurorig_lab.chip.work import Floats, core_ticks, expected_rates
from neurorig_protocols.board import Placement
from neurorig_protocols.workloads.snn.network import SpikingNetwork

CELLS_MAX = 1024
"""Cells of a picture."""


def qubo_placement(network: Network, mapping: Mapping) -> Placement:
    """Return what the board driver reports of a QUBO."""
    rates = expected_rates(network, len(mapping.leaf_core))
    work = core_ticks(mapping.routes(), mapping.hosted, rates)
    facts = {
        "neurons": network.n + mapping.control_neurons,
        "synapses": network.synapses,
        "cost_integrators": 1 + len(mapping.leaf_core),
        "cost_latency_steps": mapping.latency,
    }
    return _placement(mapping, work, expected_step_ticks(network, mapping), facts)


def spiking_placement(network: SpikingNetwork, mapping: SpikingMapping) -> Placement:
    """Return what the board driver reports of a spiking network."""
    facts = {"neurons": network.n, "synapses": network.synapses}
    return _placement(mapping, mapping.expected_core_ticks(), mapping.expected_step_ticks(), facts)


def _placement(mapping: Mapping | SpikingMapping, work: Floats, step_ticks: float, facts: dict[str, Any]) -> Placement:
    mesh, hosted = mapping.mesh, mapping.hosted
    used = int(np.count_nonzero(hosted))
    memory = mapping.synapses_per_core * constants.limit("synapse_bytes")
    return Placement(
        cores=used,
        memory_bytes=int(memory.sum()),
        utilisation={
            **{name: needed / constants.limit(name) for name, needed in mapping.needed.items()},
            "cores": used / (mesh.chips * constants.limit("cores")),
        },
        summary={
            "chips": mesh.chips,
            "tiles": mesh.all_tiles,
            **facts,
            "expected_step_s": step_ticks * constants.TICK_S,
            "busiest_core_over_mean": float(work.max() / work[hosted > 0].mean()),
            "mesh": picture(mesh, hosted, work, memory),
        },
    )


def picture(mesh: Mesh, hosted: IntArray, work: Floats, memory: IntArray) -> dict[str, Any]:
    """Return the mesh as rows of cells: expected work in percent of the busiest core, memory in percent of a core.

    A cell that stands for several cores shows the fullest of them.
    """
    grain, place, (columns, rows) = _cells(mesh)
    busy = np.ceil(100 * work / work.max())
    full = np.ceil(100 * memory / constants.limit("synaptic_memory_per_core"))
    return {
        "grain": grain,
        "columns": columns,
        "rows": rows,
        "work_percent": _fullest(place, np.where(hosted > 0, busy, -1), columns * rows),
        "memory_percent": _fullest(place, np.where(hosted > 0, full, -1), columns * rows),
    }


def _cells(mesh: Mesh) -> tuple[str, IntArray, tuple[int, int]]:
    """Return the grain, the cell of each core and the columns and rows of cells."""
    core = np.arange(mesh.cores)
    x, y = mesh.place_of(core)
    if mesh.cores <= CELLS_MAX:
        # The four cores of a tile lie two by two.
        within = core % constants.limit("cores_per_tile")
        grain, x, y = "core", 2 * x + within % 2, 2 * y + within // 2
    elif mesh.all_tiles <= CELLS_MAX:
        grain = "tile"
    else:
        columns = constants.limit("chip_columns")
        grain, x, y = "chip", mesh.chip_of(core) % columns, mesh.chip_of(core) // columns
    size = int(x.max()) + 1, int(y.max()) + 1
    return grain, y * size[0] + x, size


def _fullest(place: IntArray, values: npt.NDArray[Any], cells: int) -> list[int]:
    fullest = np.full(cells, -1)
    np.maximum.at(fullest, place, values.astype(np.int64))
    return [int(value) for value in fullest]
