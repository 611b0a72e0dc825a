"""A QUBO as a network: one neuron per variable, one synapse per direction of each coupling.

The matrix is checked here against the word sizes of the chip; whether it finds room is the business of `mapping`.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from neurorig_protocols.board import Arrays
from neurorig_protocols.errors import DoesNotFit, WrongAnswer

_ALLOW_ROUNDING = "allow the solver parameter quantisation = 'round', or use a board that holds the problem exactly"
_MORE_CHIPS = (
    "choose a smaller or sparser problem, or a board of more chips: `neurorig lab start virtual-loihi --chips N`"
)

WORD_BITS = {"weight_bits": 9, "state_bits": 24, "cost_bits": 32}
"""Signed words of the network on a chip of Loihi type: a synaptic weight (Davies et al., IEEE Micro 38(1)), a neuron's
state and the cost integrator (Pierro et al., arXiv:2408.03076, and the public part of lava-optimization)."""

IntArray = npt.NDArray[np.int64]
Int32Array = npt.NDArray[np.int32]


@dataclass(frozen=True)
class Network:
    """Rows of the symmetric matrix Q without its diagonal, compressed: row i is [start[i], start[i+1]).

    `target` and `weight` are int32, since large networks hold tens of millions of synapses.
    """

    diagonal: IntArray
    start: IntArray
    target: Int32Array
    weight: Int32Array

    @property
    def n(self) -> int:
        """Number of variables."""
        return len(self.diagonal)

    @property
    def synapses(self) -> int:
        """Number of synapses between variable neurons."""
        return len(self.target)

    @property
    def density(self) -> float:
        """Share of the possible couplings that exist, 0 for a single variable."""
        pairs = self.n * (self.n - 1)
        return self.synapses / pairs if pairs else 0.0

    def cost(self, x: npt.NDArray[Any]) -> int:
        """Return xᵀQx in plain arithmetic."""
        bits = np.asarray(x, np.int64)
        rows = np.repeat(np.arange(self.n), np.diff(self.start))
        both = np.flatnonzero(bits[rows] & bits[self.target])
        return int(self.diagonal @ bits + self.weight[both].sum(dtype=np.int64))


def from_arrays(arrays: Arrays) -> Network:
    """Build the network of a "qubo" artifact (see neurorig_protocols.board).

    Raises WrongAnswer when the arrays are no upper triangle, DoesNotFit when a word of the chip is too short.
    """
    diagonal = np.asarray(arrays["diagonal"], np.int64)
    rows, cols, weights = (np.asarray(arrays[name], np.int64) for name in ("rows", "cols", "weights"))
    n = len(diagonal)
    check_triangle(n, rows, cols, weights)
    for word, needed, available in words_needed(diagonal, rows, cols, weights):
        if needed > available:
            raise does_not_fit(word, needed, available)
    used = weights != 0
    cell = np.concatenate([rows[used] * n + cols[used], cols[used] * n + rows[used]])
    order = np.argsort(cell)
    cell = cell[order]
    if (cell[1:] == cell[:-1]).any():
        raise WrongAnswer("a coupling is listed twice", where="rows, cols")
    start = np.zeros(n + 1, np.int64)
    np.cumsum(np.bincount(cell // n, minlength=n), out=start[1:])
    weight = np.concatenate([weights[used]] * 2).astype(np.int32)[order]
    return Network(diagonal, start, (cell % n).astype(np.int32), weight)


def check_triangle(n: int, rows: IntArray, cols: IntArray, weights: IntArray) -> None:
    """Raise WrongAnswer when arrays are no strict upper triangle of an n x n matrix."""
    if n == 0 or not rows.shape == cols.shape == weights.shape or rows.ndim != 1:
        raise WrongAnswer("the problem's arrays are empty or differ in length", where="diagonal, rows, cols")
    if len(rows) and (rows.min() < 0 or cols.max() >= n or not (rows < cols).all()):
        raise WrongAnswer("every coupling needs 0 <= row < col < n", where="rows, cols")


def words_needed(diagonal: IntArray, rows: IntArray, cols: IntArray, weights: IntArray) -> list[tuple[str, int, int]]:
    """Return each word of the chip with the largest magnitude that any state can bring, and what it holds."""
    size = np.abs(weights)
    row = np.abs(diagonal)
    for end in (rows, cols):
        np.add.at(row, end, 2 * size)
    needed = {
        "weight_bits": int(size.max(initial=0)),
        "state_bits": int(row.max()),
        "cost_bits": int(np.abs(diagonal).sum() + 2 * size.sum()),
    }
    return [(word, value, 2 ** (WORD_BITS[word] - 1) - 1) for word, value in needed.items()]


def does_not_fit(limit: str, needed: int, available: int, **more: int) -> DoesNotFit:
    """Return the error that names a limit and by how much it is exceeded."""
    name = limit.replace("_", " ")
    return DoesNotFit(
        f"the problem needs {needed:,} of '{name}', the virtual chip has {available:,}: {needed - available:,} over",
        where="virtual-loihi",
        next_step=_ALLOW_ROUNDING if limit.endswith("_bits") else _MORE_CHIPS,
        limit=limit,
        needed=needed,
        available=available,
        over=needed - available,
        **more,
    )
