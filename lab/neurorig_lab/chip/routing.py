"""The mesh of the virtual chip and the routes of its messages."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from neurorig_drivers.annealing.network import IntArray
from neurorig_lab.chip import constants, kernel

EAST, WEST, SOUTH, NORTH = range(4)


@dataclass(frozen=True)
class Mesh:
    """`tiles` tiles on each of `chips` chips; several chips are always used with all their tiles."""

    chips: int
    tiles: int

    @property
    def cores(self) -> int:
        """Number of cores; those of chip c begin at c times the cores of one chip."""
        return self.chips * self.tiles * constants.limit("cores_per_tile")

    @property
    def all_tiles(self) -> int:
        """Number of tiles on all chips."""
        return self.chips * self.tiles

    def chip_of(self, core: IntArray) -> IntArray:
        """Return the chip of each core."""
        return core // (self.tiles * constants.limit("cores_per_tile"))

    def place_of(self, core: IntArray) -> tuple[IntArray, IntArray]:
        """Return column and row of each core's tile in the mesh of all chips."""
        columns, chip_rows = constants.limit("mesh_columns"), _tile_rows()
        tile = core // constants.limit("cores_per_tile") % self.tiles
        chip_x, chip_y = self._chip_place(self.chip_of(core))
        return chip_x * columns + tile % columns, chip_y * chip_rows + tile // columns

    @property
    def extent(self) -> tuple[int, int]:
        """Columns and rows of tiles of the whole mesh."""
        x, y = self.place_of(np.arange(0, self.cores, constants.limit("cores_per_tile")))
        return int(x.max()) + 1, int(y.max()) + 1

    def way(self, a: IntArray, b: IntArray) -> IntArray:
        """Return hops east-west, hops north-south and crossings between chips, from cores a to b (k,), as (k, 3)."""
        (ax, ay), (bx, by) = self.place_of(a), self.place_of(b)
        (acx, acy), (bcx, bcy) = self._chip_place(self.chip_of(a)), self._chip_place(self.chip_of(b))
        across, down = np.abs(acx - bcx), np.abs(acy - bcy)
        return np.stack([np.abs(ax - bx) - across, np.abs(ay - by) - down, across + down], axis=1)

    def _chip_place(self, chip: IntArray) -> tuple[IntArray, IntArray]:
        columns = constants.limit("chip_columns")
        return chip % columns, chip // columns

    def loads(self, a: IntArray, b: IntArray, messages: npt.NDArray[Any]) -> npt.NDArray[Any]:
        """Return the messages over each link (4, columns, rows), of flows from cores a to b (k,).

        Link [EAST, x, y] leads from tile (x, y) to (x + 1, y), WEST to (x - 1, y), SOUTH to (x, y + 1).
        """
        columns, rows = self.extent
        (ax, ay), (bx, by) = self.place_of(a), self.place_of(b)
        # Each flow adds at one end of its stretch and takes away at the other: a running sum fills the links between.
        ends = np.zeros((4, columns + 1, rows + 1), messages.dtype)
        for link, here, there in ((EAST, ax, bx), (WEST, bx, ax)):
            go = here < there
            np.add.at(ends[link], (here[go] + (link == WEST), ay[go]), messages[go])
            np.add.at(ends[link], (there[go] + (link == WEST), ay[go]), -messages[go])
        for link, here, there in ((SOUTH, ay, by), (NORTH, by, ay)):
            go = here < there
            np.add.at(ends[link], (bx[go], here[go] + (link == NORTH)), messages[go])
            np.add.at(ends[link], (bx[go], there[go] + (link == NORTH)), -messages[go])
        ends[:2], ends[2:] = np.cumsum(ends[:2], axis=1), np.cumsum(ends[2:], axis=2)
        return ends[:, :columns, :rows]


def _tile_rows() -> int:
    per_chip = constants.limit("cores") // constants.limit("cores_per_tile")
    return per_chip // constants.limit("mesh_columns")


_CELLS = 1 << 22
"""Counting goes over so many pairs of source and core at once, so that memory stays small."""
_SPARSE = 4
"""Sorting the synapses is faster than counting when there are so many times more pairs than synapses."""


@dataclass(frozen=True)
class Fan:
    """Which cores the spikes of each source reach: row i is [start[i], start[i+1]), one entry per message."""

    start: IntArray
    to_core: IntArray
    synapses: IntArray

    @property
    def messages(self) -> IntArray:
        """Messages that one spike of each source is, int64 (rows,)."""
        return np.diff(self.start)

    @property
    def source(self) -> IntArray:
        """The row of each entry."""
        return np.repeat(np.arange(len(self.start) - 1), self.messages)


def fan_of(start: IntArray, target: npt.NDArray[Any], core: IntArray, cores: int) -> Fan:
    """Count the synapses of each source on each core; sources are rows of the compressed (start, target)."""
    rows = len(start) - 1
    if rows * cores > _SPARSE * (len(target) + _CELLS):
        return _fan_by_sorting(start, target, core, cores)
    step = max(1, _CELLS // cores)
    counts, where, synapses = [np.zeros(1, np.int64)], [], []
    for first in range(0, rows, step):
        last = min(first + step, rows)
        source = np.repeat(np.arange(last - first), np.diff(start[first : last + 1]))
        cell = np.bincount(source * cores + core[target[start[first] : start[last]]], minlength=(last - first) * cores)
        used = np.flatnonzero(cell)
        counts.append(np.bincount(used // cores, minlength=last - first))
        where.append(used % cores)
        synapses.append(cell[used])
    return Fan(np.cumsum(np.concatenate(counts)), np.concatenate(where), np.concatenate(synapses))


def _fan_by_sorting(start: IntArray, target: npt.NDArray[Any], core: IntArray, cores: int) -> Fan:
    rows = len(start) - 1
    source = np.repeat(np.arange(rows), np.diff(start))
    cell, synapses = np.unique(source * cores + core[target], return_counts=True)
    messages = np.bincount(cell // cores, minlength=rows)
    return Fan(np.concatenate([[0], np.cumsum(messages)]), cell % cores, synapses)


def joined(*parts: Fan) -> Fan:
    """Return one table with the rows of all parts, one after the other."""
    messages = np.concatenate([[0], *(part.messages for part in parts)])
    return Fan(
        np.cumsum(messages),
        np.concatenate([part.to_core for part in parts]),
        np.concatenate([part.synapses for part in parts]),
    )


def single(to_core: IntArray) -> Fan:
    """Return a table in which each row is one message to one synapse on a core."""
    return Fan(np.arange(len(to_core) + 1), to_core, np.ones(len(to_core), np.int64))


@dataclass(frozen=True)
class Routes:
    """All that can spike: `home` (rows,) is the core of each row, -1 for an input line, `fan` what it sets in motion.

    way (rows, 3): hops east-west, hops north-south and crossings over all messages of a row.
    """

    mesh: Mesh
    home: IntArray
    fan: Fan
    way: IntArray

    def as_tuple(self) -> tuple[Any, ...]:
        """Return the arrays in the order that the kernel expects, with what a spike of each row costs added up.

        home, start, to_core; load: what an entry costs its core (see kernel.CORE_TICKS_BITS); sends: the ticks at home;
        sums (rows, COUNTS): what is counted; x, y of each core's tile. An input line sends nothing itself.
        """
        x, y = self.mesh.place_of(np.arange(self.mesh.cores))
        fan = self.fan
        arriving = constants.ticks("message_in_time") + fan.synapses * constants.ticks("synapse_time")
        load = arriving + (fan.synapses << kernel.CORE_TICKS_BITS)
        inside = self.home >= 0
        sends = inside * (constants.ticks("spike_out_time") + fan.messages * constants.ticks("message_out_time"))
        sums = np.zeros((len(self.home), kernel.COUNTS), np.int64)
        total = np.concatenate([[0], np.cumsum(fan.synapses)])
        sums[:, kernel.SYNOPS] = total[fan.start[1:]] - total[fan.start[:-1]]
        sums[:, kernel.SPIKES] = inside
        sums[:, kernel.MESSAGES] = inside * fan.messages
        sums[:, [kernel.HOPS_EW, kernel.HOPS_NS, kernel.CROSSINGS]] = self.way
        return self.home, fan.start.astype(np.uint64), fan.to_core.astype(np.uint32), load, sends, sums, x, y

    @property
    def flows(self) -> tuple[IntArray, IntArray, IntArray]:
        """Return row, home and target core of every entry that travels on the mesh."""
        source = self.fan.source
        inside = np.flatnonzero(self.home[source] >= 0)
        return source[inside], self.home[source[inside]], self.fan.to_core[inside]


def routes_of(mesh: Mesh, home: IntArray, fan: Fan) -> Routes:
    """Return the routing table, with the way of every row's messages added up."""
    routes = Routes(mesh, home, fan, np.zeros((len(home), 3), np.int64))
    source, begin, end = routes.flows
    ways = mesh.way(begin, end)
    for part in range(3):
        routes.way[:, part] = np.bincount(source, ways[:, part], len(home))
    return routes
