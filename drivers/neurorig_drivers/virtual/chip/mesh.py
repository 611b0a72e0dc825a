"""Where cores and tiles lie, and the way of a message: along rows of tiles first, then along columns.

Chips lie in a grid and extend one mesh. What crossing from chip to chip costs is not published: crossings are
counted apart from hops and charged to nothing.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from neurorig_drivers.virtual.chip import constants
from neurorig_drivers.virtual.chip.network import IntArray

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
