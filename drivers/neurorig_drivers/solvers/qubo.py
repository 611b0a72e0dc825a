"""Any QUBO in the form that the general kernels walk, and one search of such a kernel. Knows no algorithm."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from neurorig_drivers.solvers import qubo_moves as moves
from neurorig_drivers.solvers.found import IMPROVEMENTS, Found, neighbours
from neurorig_drivers.solvers.machine_code import SECOND_NS, clock_ns, random_state

LARGEST_SUM = 1 << 61
"""The sum of all |Q| must stay below this, so that no cost and no rise can leave int64."""
LOWEST = -(1 << 63)
Ints = npt.NDArray[np.int64]


@dataclass(frozen=True, eq=False)
class Matrix:
    """Minimise xᵀQx: diagonal int64 (n,); rows: start, target and coupling Q[i, j] + Q[j, i] as in `Neighbours`."""

    diagonal: Ints
    rows: tuple[Ints, npt.NDArray[np.int32], Ints]

    @property
    def n(self) -> int:
        """Number of variables."""
        return int(self.diagonal.size)


def matrix(diagonal: Ints, rows: Ints, cols: Ints, weights: Ints) -> Matrix:
    """Return the problem of `diagonal` (n,) and Q[row, col] = Q[col, row] = weight for m pairs, each given once.

    Raises ValueError for pairs out of range and for sums that int64 might not hold.
    """
    graph = neighbours(diagonal.size, rows, cols)
    total = np.abs(diagonal.astype(float)).sum() + 2 * np.abs(weights.astype(float)).sum()
    if total >= LARGEST_SUM:
        raise ValueError(f"the coefficients sum to {total:.3g}, the limit of exact costs is {LARGEST_SUM:.3g}")
    couplings = 2 * weights.astype(np.int64)[graph.pair]
    return Matrix(diagonal.astype(np.int64), (graph.start, graph.target, couplings))


SMALLEST = matrix(np.full(2, -1), np.array([0]), np.array([1]), np.array([1]))
"""What kernels are compiled with."""


def search(
    kernel: Callable[..., None],
    problem: Matrix,
    own: npt.NDArray[np.generic],
    constants: dict[int, int],
    *,
    limit_s: float,
    seed: int,
    stop_at: int | None,
    window: AbstractContextManager[object] | None,
) -> Found:
    """Run one search of a general kernel from all zeros, inside `window`; memory is laid out before.

    own: the kernel's own state. constants: its own constants by place.
    """
    n = problem.n
    state = problem.diagonal.copy(), np.ones(n, np.int8)
    scalars, fixed = np.zeros(moves.SCALARS, np.int64), np.zeros(moves.CONSTANTS, np.int64)
    best, out, stamp = np.zeros(n, np.uint8), np.zeros((IMPROVEMENTS, 2), np.int64), np.zeros(2, np.int64)
    rng = random_state(seed)
    fixed[moves.LIMIT_NS] = int(limit_s * SECOND_NS)
    fixed[moves.STOP_AT] = LOWEST if stop_at is None else max(stop_at, LOWEST)
    for place, value in constants.items():
        fixed[place] = value
    with window or nullcontext():
        fixed[moves.BEGIN_NS] = clock_ns()
        kernel(problem.rows, state, own, scalars, fixed, rng, best, out, stamp)
    return Found(
        bits=best,
        cost=int(scalars[moves.BEST]),
        elapsed_s=float(scalars[moves.END_NS]) * 1e-9,
        improvements=tuple((float(t_ns) * 1e-9, int(cost)) for t_ns, cost in out[: scalars[moves.IMPROVED]]),
        steps=int(scalars[moves.STEP]),
    )
