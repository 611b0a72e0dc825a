"""A QUBO as a network: one neuron per variable, one synapse per direction of each coupling.

The matrix is checked here against the word sizes of the chip; whether it finds room is the business of `mapping`.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from neurorig_drivers.virtual.chip import constants
from neurorig_protocols.board import Arrays
from neurorig_protocols.errors import DoesNotFit, WrongAnswer

IntArray = npt.NDArray[np.int64]


@dataclass(frozen=True)
class Network:
    """Rows of the symmetric matrix Q without its diagonal, compressed: row i is [start[i], start[i+1])."""

    diagonal: IntArray
    start: IntArray
    target: IntArray
    weight: IntArray

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
        return int(self.diagonal @ bits + (self.weight * bits[rows] * bits[self.target]).sum())


def from_arrays(arrays: Arrays) -> Network:
    """Build the network of a "qubo" artifact (see neurorig_protocols.board).

    Raises WrongAnswer when the arrays are no upper triangle, DoesNotFit when a word of the chip is too short.
    """
    diagonal = np.asarray(arrays["diagonal"], np.int64)
    rows, cols, weights = (np.asarray(arrays[name], np.int64) for name in ("rows", "cols", "weights"))
    n = len(diagonal)
    _check_triangle(n, rows, cols, weights)
    used = weights != 0
    source = np.concatenate([rows[used], cols[used]])
    target = np.concatenate([cols[used], rows[used]])
    order = np.lexsort((target, source))
    start = np.zeros(n + 1, np.int64)
    np.cumsum(np.bincount(source, minlength=n), out=start[1:])
    network = Network(diagonal, start, target[order], np.concatenate([weights[used]] * 2)[order])
    _check_words(network)
    return network


def _check_triangle(n: int, rows: IntArray, cols: IntArray, weights: IntArray) -> None:
    if n == 0 or not rows.shape == cols.shape == weights.shape or rows.ndim != 1:
        raise WrongAnswer("the problem's arrays are empty or differ in length", where="diagonal, rows, cols")
    if len(rows) and (rows.min() < 0 or cols.max() >= n or not (rows < cols).all()):
        raise WrongAnswer("every coupling needs 0 <= row < col < n", where="rows, cols")
    if len(np.unique(rows * n + cols)) != len(rows):
        raise WrongAnswer("a coupling is listed twice", where="rows, cols")


def _check_words(network: Network) -> None:
    """Refuse what could overflow, by the largest sums that any state can reach."""
    weight = int(np.abs(network.weight).max(initial=0))
    row = np.abs(network.diagonal) + 2 * np.add.reduceat(np.append(np.abs(network.weight), 0), network.start[:-1]) * (
        np.diff(network.start) > 0
    )
    total = int(np.abs(network.diagonal).sum() + np.abs(network.weight).sum())
    for word, needed, available in (
        ("weight_bits", weight, 2 ** (constants.limit("weight_bits") - 1) - 1),
        ("state_bits", int(row.max()), 2 ** (constants.limit("state_bits") - 1) - 1),
        ("cost_bits", total, 2 ** (constants.limit("cost_bits") - 1) - 1),
    ):
        if needed > available:
            raise does_not_fit(word, needed, available)


def does_not_fit(limit: str, needed: int, available: int, **more: int) -> DoesNotFit:
    """Return the error that names a limit and by how much it is exceeded."""
    name = limit.replace("_", " ")
    return DoesNotFit(
        f"the problem needs {needed:,} of '{name}', the virtual chip has {available:,}: {needed - available:,} over",
        where="virtual-loihi",
        next_step="choose a smaller or sparser problem, or another board",
        limit=limit,
        needed=needed,
        available=available,
        over=needed - available,
        **more,
    )
