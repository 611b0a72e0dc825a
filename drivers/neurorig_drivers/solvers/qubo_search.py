"""Any QUBO in the form that kernels walk, what every kernel does to it, and what a search gives."""

# ruff: noqa: PLR0917 - numba takes plain arguments by position; its arrays are Any because one code serves both.

from __future__ import annotations

from collections.abc import Callable
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from neurorig_drivers.solvers.machine_code import SECOND_NS, clock_ns, now_ns, random_state

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


# Scalars of the search, in an int64 array.
COST, BEST, UNKEPT, WORK, STEP, IMPROVED, END_NS = range(7)
SCALARS = 16
# Constants, in an int64 array; the kernels add their own behind.
BEGIN_NS, LIMIT_NS, STOP_AT, OWN = range(4)
CONSTANTS = 16

WORK_PER_LOOK = 6000
"""Array entries touched between two looks at the clock: a few microseconds."""


def flip(matrix: Any, state: Any, s: Any, i: int) -> None:
    """Flip variable i, carry its row through, and see whether the cost is a new best."""
    start, target, coupling = matrix
    rise, sign = state
    turned = sign[i]
    s[COST] += rise[i]
    rise[i] = -rise[i]
    sign[i] = -turned
    s[WORK] += start[i + 1] - start[i]
    for at in range(start[i], start[i + 1]):
        j = target[at]
        rise[j] += coupling[at] * (turned * sign[j])
    if s[COST] < s[BEST]:
        s[BEST] = s[COST]
        s[UNKEPT] = 1


def keep(state: Any, s: Any, best: Any, out: Any, c: Any, stamp: Any) -> None:
    """Keep the state as the best so far and note when; the last row is written over when there is no room.

    Called before a flip that would leave a best state, not at each of the falling costs that lead to it.
    """
    sign = state[1]
    for i in range(len(sign)):
        best[i] = sign[i] < 0
    s[UNKEPT] = 0
    row = min(s[IMPROVED], len(out) - 1)
    out[row, 0] = now_ns(stamp) - c[BEGIN_NS]
    out[row, 1] = s[BEST]
    s[IMPROVED] = row + 1


def move(matrix: Any, state: Any, s: Any, i: int, best: Any, out: Any, c: Any, stamp: Any) -> None:
    """Flip variable i, and keep the state before that if it is the best and this would leave it."""
    if s[UNKEPT] and state[0][i] >= 0:
        keep(state, s, best, out, c, stamp)
    flip(matrix, state, s, i)


def over(s: Any, c: Any, stamp: Any) -> bool:
    """Look at the clock; return whether the search is at its end."""
    s[WORK] = 0
    s[END_NS] = now_ns(stamp) - c[BEGIN_NS]
    return bool(s[END_NS] >= c[LIMIT_NS] or s[BEST] <= c[STOP_AT])


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
    scalars, fixed = np.zeros(SCALARS, np.int64), np.zeros(CONSTANTS, np.int64)
    best, out, stamp = np.zeros(n, np.uint8), np.zeros((IMPROVEMENTS, 2), np.int64), np.zeros(2, np.int64)
    rng = random_state(seed)
    fixed[LIMIT_NS] = int(limit_s * SECOND_NS)
    fixed[STOP_AT] = LOWEST if stop_at is None else max(stop_at, LOWEST)
    for place, value in constants.items():
        fixed[place] = value
    with window or nullcontext():
        fixed[BEGIN_NS] = clock_ns()
        kernel(problem.rows, state, own, scalars, fixed, rng, best, out, stamp)
    return Found(
        bits=best,
        cost=int(scalars[BEST]),
        elapsed_s=float(scalars[END_NS]) * 1e-9,
        improvements=tuple((float(t_ns) * 1e-9, int(cost)) for t_ns, cost in out[: scalars[IMPROVED]]),
        steps=int(scalars[STEP]),
    )
