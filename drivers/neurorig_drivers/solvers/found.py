"""What a search gives, and the graph in the form that kernels walk."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

IMPROVEMENTS = 4096
"""Room for so many improvements; a search that makes more writes over the last one."""


@dataclass(frozen=True)
class Found:
    """The best answer of one search: bits uint8 (n,) and their exact cost.

    elapsed_s: from the start until the search ended. improvements: (seconds since the start, best cost from then on).
    steps: moves made; of an annealing, sweeps.
    """

    bits: npt.NDArray[np.uint8]
    cost: int
    elapsed_s: float
    improvements: tuple[tuple[float, int], ...]
    steps: int


@dataclass(frozen=True, eq=False)
class Neighbours:
    """A symmetric matrix without its diagonal, row by row: row i is entries start[i] … start[i+1]-1, sorted by column.

    start int64 (n+1,), target int32 (2m,), pair int64 (2m,): which of the m pairs an entry comes from.
    """

    start: npt.NDArray[np.int64]
    target: npt.NDArray[np.int32]
    pair: npt.NDArray[np.int64]

    @property
    def n(self) -> int:
        """Number of variables."""
        return int(self.start.size) - 1


def neighbours(n: int, rows: npt.NDArray[np.integer], cols: npt.NDArray[np.integer]) -> Neighbours:
    """Return both directions of m pairs (m,), each given once; ValueError unless 0 <= row, col < n and row != col.

    The kernels walk the result unchecked, so what is wrong must be refused here.
    """
    if n < 1 or rows.shape != cols.shape or rows.ndim != 1:
        raise ValueError(f"{n} variables, rows of shape {rows.shape} and cols of shape {cols.shape}")
    both = np.concatenate([rows, cols]).astype(np.int64), np.concatenate([cols, rows]).astype(np.int64)
    if both[0].size and (both[0].min() < 0 or both[0].max() >= n or (rows == cols).any()):
        raise ValueError(f"every pair must join two different variables of 0 ... {n - 1}")
    order = np.argsort(both[0] * n + both[1])
    start = np.zeros(n + 1, np.int64)
    np.cumsum(np.bincount(both[0], minlength=n), out=start[1:])
    return Neighbours(start, both[1][order].astype(np.int32), order % max(len(rows), 1))
