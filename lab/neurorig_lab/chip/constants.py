"""What one event of the virtual chip costs, how large a core is, and what its rails draw at rest."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from neurorig_drivers.annealing.network import WORD_BITS

Evidence = Literal["fitted", "derived", "published", "board"]

SANAFE = "Boyle et al., SANA-FE, IEEE TCAD 44(8), doi:10.1109/TCAD.2025.3537971, fitted on Loihi 1 (Nahuku)"
FRADY = "Frady et al., NICE 2020, doi:10.1145/3381755.3398695, Pohoiki Springs"
DAVIES = "Davies et al., Loihi, IEEE Micro 38(1), doi:10.1109/MM.2018.112130359"
PIERRO = "Pierro et al., arXiv:2408.03076, and the public part of lava-optimization"
BOARD = "wiring of the virtual board"


@dataclass(frozen=True)
class Constant:
    """A number with its unit, its source and how good the source is."""

    value: float
    unit: str
    source: str
    grade: Evidence


def _fitted(value: float, unit: str) -> Constant:
    return Constant(value, unit, SANAFE, "fitted")


def _limit(value: float, unit: str) -> Constant:
    return Constant(value, unit, DAVIES, "published")


CONSTANTS: dict[str, Constant] = {
    "soma_access_energy": _fitted(51.2, "pJ"),
    "soma_access_time": _fitted(6.0, "ns"),
    "soma_update_energy": _fitted(21.6, "pJ"),
    "soma_update_time": _fitted(3.7, "ns"),
    "spike_out_energy": _fitted(69.3, "pJ"),
    "spike_out_time": _fitted(30.0, "ns"),
    "synapse_energy": _fitted(33.6, "pJ"),
    "synapse_time": _fitted(4.7, "ns"),
    "message_out_energy": _fitted(111.0, "pJ"),
    "message_out_time": _fitted(5.1, "ns"),
    "message_in_time": _fitted(16.0, "ns"),
    "hop_east_west_energy": _fitted(3.0, "pJ"),
    "hop_north_south_energy": _fitted(4.2, "pJ"),
    "sync_1_tile_time": _fitted(600.0, "ns"),
    "sync_2_tiles_time": _fitted(1000.0, "ns"),
    "sync_4_tiles_time": _fitted(1400.0, "ns"),
    "sync_29_tiles_time": _fitted(1800.0, "ns"),
    "sync_256_chips_time": Constant(14.3, "us", FRADY, "published"),
    "sync_768_chips_time": Constant(16.2, "us", FRADY, "published"),
    "link_rate": Constant(
        3.44, "Gspike/s", f"{DAVIES}: cross-section bandwidth of a tile, before silicon", "published"
    ),
    "static_power": Constant(104.4e-3, "W", f"{FRADY}: 3.34 W / 32 chips", "derived"),
    "management_power": Constant(65e-3, "W", f"{FRADY}: 2.09-2.14 W / 32 chips", "derived"),
    "neurons_per_core": _limit(1024, "neurons"),
    "synaptic_memory_per_core": _limit(128 * 1024, "byte"),
    "fan_in_per_core": _limit(4096, "list entries"),
    "fan_out_per_core": _limit(4096, "list entries"),
    "weight_bits": _limit(WORD_BITS["weight_bits"], "bit"),
    "cores": _limit(128, "cores"),
    "cores_per_tile": _limit(4, "cores"),
    "mesh_columns": Constant(8, "tiles", f"{BOARD}: 32 tiles as 8 x 4", "board"),
    "chip_columns": Constant(4, "chips", f"{BOARD}: chips in rows of four, extending one mesh", "board"),
    "synapse_bytes": Constant(
        3, "byte", f"{BOARD}: 9 bit weight + 10 bit index of one of 1024 neurons, whole bytes", "board"
    ),
    "state_bits": Constant(WORD_BITS["state_bits"], "bit", PIERRO, "published"),
    "cost_bits": Constant(WORD_BITS["cost_bits"], "bit", PIERRO, "published"),
}

UNKNOWN: dict[str, str] = {
    "barrier_energy": "no energy of the step barrier is published, only its time",
    "message_in_energy": "fitted as 0 in the same set: contained in the other terms, not known apart",
    "synaptic_memory_read_energy": "not published apart: contained in the synapse term",
    "memory_leakage": "static power is published for the whole chip only: all of it is on the rail 'static'",
    "management_activity_energy": "only the mean power of the x86 cores is published, so nothing is added for work",
    "host_link_energy": "not published: configuring and reading out costs neither time nor energy on the board",
    "configuration_time": "4.6 s per chip in one report without an energy: not modelled",
    "state_reset": "5.94 uJ per chip is published without a time: clearing lies before the window and is not modelled",
    "hop_time_share": "fitted hop times exist, whether they lengthen a step depends on overlap: not added",
    "chip_crossing_energy": "not published: crossings between chips are counted and charged to nothing",
    "chip_crossing_time": "not published apart: only the barrier over many chips is, which contains it",
    "injection_route": "where input spikes of a host enter the mesh is not published: they make no hops",
    "temperature_and_voltage": "no dependence is published",
}
"""Terms that are null in this chip's model, and why. None of them is guessed."""

RAILS = ("neurocores", "memory", "io", "management", "static")

WIRING: dict[str, tuple[str, ...]] = {
    "neurocores": ("soma_access_energy", "soma_update_energy", "spike_out_energy"),
    "memory": ("synapse_energy",),
    "io": ("message_out_energy", "hop_east_west_energy", "hop_north_south_energy"),
    "management": ("management_power",),
    "static": ("static_power",),
}
"""Which unit feeds from which rail: a decision of the virtual board, no property of any product."""

TICK_S = 1e-10
"""All published times are whole multiples of 0.1 ns, so the chip counts time in integers."""
_TICKS_PER = {"ns": 10, "us": 10_000}
_CHIPS_OF_FIRST_POINT = 256

CHIPS_MAX = 512
"""Chips of one virtual board: above it, power at rest comes close to the 100 W of the virtual analyser."""


def value(name: str) -> float:
    """Return a constant in its own unit."""
    return CONSTANTS[name].value


def limit(name: str) -> int:
    """Return a limit as a whole number."""
    return int(CONSTANTS[name].value)


def joules(name: str) -> float:
    """Return an energy per event in joules."""
    return CONSTANTS[name].value * 1e-12


def ticks(name: str) -> int:
    """Return a time in ticks of 0.1 ns."""
    constant = CONSTANTS[name]
    return round(constant.value * _TICKS_PER[constant.unit])


def link_messages_per_1000_ticks() -> int:
    """Return how many messages one link carries in 100 ns."""
    return round(value("link_rate") * 100)


def sync_ticks(tiles: int, chips: int = 1) -> int:
    """Return the time of the step barrier over `tiles` tiles of each of `chips` chips, in ticks.

    Between the published points the next larger one holds, so few chips are charged the barrier of 256; beyond
    29 tiles and 768 chips the last one does.
    """
    if chips > 1:
        return ticks("sync_256_chips_time" if chips <= _CHIPS_OF_FIRST_POINT else "sync_768_chips_time")
    for count, name in ((1, "sync_1_tile_time"), (2, "sync_2_tiles_time"), (4, "sync_4_tiles_time")):
        if tiles <= count:
            return ticks(name)
    return ticks("sync_29_tiles_time")
