"""The routing table of a placed network: what each spike sets in motion, in the kernel's own arrays."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from neurorig_drivers.virtual.chip import constants, kernel
from neurorig_drivers.virtual.chip.mesh import Mesh
from neurorig_drivers.virtual.chip.network import IntArray

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
