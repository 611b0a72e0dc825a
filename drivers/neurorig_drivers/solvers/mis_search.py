"""A local search for maximum independent sets: problem-specific, it solves no other QUBO.

Swap-based iterated local search on tightness, after the ideas of Andrade, Resende and Werneck (2012) for the exchange
of one vertex for two and of Jin and Hao (2015) for swaps under a tabu.
"""

from __future__ import annotations

import functools
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from neurorig_drivers.solvers import mis_kernel as kernel
from neurorig_drivers.solvers.machine_code import SECOND_NS, clock_ns, random_state
from neurorig_drivers.solvers.qubo_search import IMPROVEMENTS, Found, Neighbours, neighbours


@dataclass(frozen=True)
class MisParams:
    """How the search moves.

    tenure: steps that a vertex which left must stay out. sample: vertices looked at to choose a swap. patience: steps
    without anything better before vertices are forced in. forced: how many at most.
    """

    tenure: int
    sample: int
    patience: int
    forced: int


def default_params(n: int, edges: int) -> MisParams:
    """Return parameters as a function of size and density alone: sparse graphs want long rests and short patience."""
    density = 2 * edges / (n * n)
    return MisParams(
        tenure=7 + round(0.1 / max(density, 0.001)),
        sample=32,
        patience=max(200, round(20_000 * density)),
        forced=3,
    )


class MisSearch:
    """One graph, ready to be searched again and again. Building it compiles the kernel where need be."""

    def __init__(
        self,
        n: int,
        rows: npt.NDArray[np.integer],
        cols: npt.NDArray[np.integer],
        params: MisParams | None = None,
    ) -> None:
        """Take the edges (m,), each once; ValueError unless 0 <= row, col < n and row != col."""
        warm_up()
        self._graph = neighbours(n, rows, cols)
        self._params = params or default_params(n, len(rows))

    def run(
        self,
        *,
        limit_s: float,
        seed: int,
        stop_at: int | None = None,
        window: AbstractContextManager[object] | None = None,
    ) -> Found:
        """Search until the cost (minus the size of the set) is at most `stop_at` or the time is over.

        `window` is entered right before the search and left right after it; memory is laid out before.
        """
        stop_size = self._graph.n + 1 if stop_at is None else -stop_at
        asked = {kernel.LIMIT_NS: int(limit_s * SECOND_NS), kernel.STOP_SIZE: stop_size}
        return _search(self._graph, self._params, asked, random_state(seed), window or nullcontext())


@functools.cache
def warm_up() -> None:
    """Compile the kernel, once in the life of the process."""
    pair = neighbours(2, np.array([0]), np.array([1]))
    _search(pair, default_params(2, 1), {}, random_state(0), nullcontext())


def _search(
    graph: Neighbours,
    params: MisParams,
    asked: dict[int, int],
    rng: npt.NDArray[np.uint64],
    window: AbstractContextManager[object],
) -> Found:
    n, code = graph.n, kernel.compiled()
    sets, until, best = _empty_set(n), np.zeros(n, np.int64), np.zeros(n, np.uint8)
    out, stamp = np.zeros((IMPROVEMENTS, 2), np.int64), np.zeros(2, np.int64)
    scalars, constants = np.zeros(kernel.SCALARS, np.int64), np.zeros(kernel.CONSTANTS, np.int64)
    constants[[kernel.TENURE, kernel.SAMPLE]] = params.tenure, params.sample
    constants[[kernel.PATIENCE, kernel.FORCED]] = params.patience, params.forced
    for place, value in asked.items():
        constants[place] = value
    with window:
        constants[kernel.BEGIN_NS] = clock_ns()
        code((graph.start, graph.target), sets, until, scalars, constants, rng, best, out, stamp)
    return Found(
        bits=best,
        cost=-int(scalars[kernel.BEST]),
        elapsed_s=float(scalars[kernel.END_NS]) * 1e-9,
        improvements=tuple((float(t_ns) * 1e-9, -int(size)) for t_ns, size in out[: scalars[kernel.IMPROVED]]),
        steps=int(scalars[kernel.STEP]),
    )


def _empty_set(n: int) -> tuple[npt.NDArray[np.generic], ...]:
    # As the kernel unpacks it: inside, held, lists, place, sizes, changed, fresh. All vertices are free.
    lists, place = np.zeros((kernel.LISTED, n), np.int32), np.arange(n, dtype=np.int32)
    lists[0] = place
    sizes = np.array([n] + [0] * (kernel.LISTED - 1), np.int64)
    inside, held, changed = np.zeros(n, np.uint8), np.zeros(n, np.int64), np.zeros(n, np.int64)
    return inside, held, lists, place, sizes, changed, np.zeros(n, np.int32)
