"""A QUBO as the solvers need it: checked, costed, as a dense matrix or as an Ising model. Knows no solver."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from neurorig_protocols.board import Artifact
from neurorig_protocols.errors import JobError

Ints = npt.NDArray[np.int64]
Bits = npt.NDArray[np.uint8]


@dataclass(frozen=True, eq=False)
class Problem:
    """Minimise xᵀQx. diagonal (n,); rows, cols, weights (m,): Q[row, col] of each pair, rows < cols; all int64."""

    n: int
    diagonal: Ints
    rows: Ints
    cols: Ints
    weights: Ints

    @property
    def edges(self) -> int:
        """Number of coupled pairs."""
        return int(self.rows.size)

    def cost(self, x: Bits) -> int:
        """Return xᵀQx, exactly, of bits x (n,)."""
        inside = (x[self.rows] & x[self.cols]).astype(np.int64)
        return int(self.diagonal @ x.astype(np.int64) + 2 * (self.weights @ inside))

    def digest(self) -> str:
        """Return a digest of everything that defines the problem."""
        told = hashlib.sha256(f"qubo {self.n}".encode())
        for part in (self.diagonal, self.rows, self.cols, self.weights):
            told.update(np.ascontiguousarray(part, "<i8").tobytes())
        return f"sha256:{told.hexdigest()}"

    def dense(self) -> npt.NDArray[np.float64]:
        """Return Q in full, shape (n, n)."""
        q = np.zeros((self.n, self.n))
        q[self.rows, self.cols] = self.weights
        q[self.cols, self.rows] = self.weights
        q[np.arange(self.n), np.arange(self.n)] = self.diagonal
        return q

    def ising(self) -> tuple[npt.NDArray[np.float64], npt.NDArray[np.float64]]:
        """Return fields h (n,) and couplings J (m,) of the same minimisation over s = 2x − 1."""
        couplings = self.weights / 2
        fields = self.diagonal / 2
        np.add.at(fields, self.rows, couplings)
        np.add.at(fields, self.cols, couplings)
        return fields, couplings


def read_problem(model: Artifact) -> Problem:
    """Check a "qubo" artifact and return its problem; JobError says what is malformed."""
    try:
        n = int(model.meta["n"])
        diagonal, rows, cols, weights = (_integers(model, name) for name in ("diagonal", "rows", "cols", "weights"))
    except KeyError as error:
        raise JobError(f"the problem lacks {error}", where="compile") from error
    wrong = _first_flaw(n, diagonal, rows, cols, weights)
    if wrong:
        raise JobError(f"the problem is malformed: {wrong}", where="compile")
    return Problem(n, diagonal, rows, cols, weights)


def _integers(model: Artifact, name: str) -> Ints:
    values = np.asarray(model.arrays[name])
    if values.ndim != 1 or not np.issubdtype(values.dtype, np.integer):
        raise JobError(f"'{name}' must be a vector of integers", where="compile")
    return values.astype(np.int64)


def _first_flaw(n: int, diagonal: Ints, rows: Ints, cols: Ints, weights: Ints) -> str | None:
    if n < 1 or diagonal.size != n:
        return f"n is {n} and the diagonal has {diagonal.size} entries"
    if not rows.size == cols.size == weights.size:
        return f"{rows.size} rows, {cols.size} cols and {weights.size} weights"
    if rows.size and not (rows.min() >= 0 and cols.max() < n and (rows < cols).all()):
        return "every pair must satisfy 0 <= row < col < n"
    if np.unique(rows * n + cols).size != rows.size:
        return "a pair is listed twice"
    return None
