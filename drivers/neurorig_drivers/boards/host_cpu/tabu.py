"""D-Wave's tabu search, called below its sampler so that only the search lies in the timed window.

The library copies the matrix inside the same call that searches; that copy cannot be taken out of the window. It is
timed once at set-up, with a search that ends at once, and reported as `library_copy_s` beside the times.
"""

from __future__ import annotations

from time import perf_counter_ns
from typing import Any

import numpy as np
import numpy.typing as npt

from neurorig_drivers.boards.solving.problem import Problem
from neurorig_drivers.boards.solving.solver import Found, Params, Window, refuse_unknown, whole_number

PARAMS = ("tenure", "coefficient_z_first", "coefficient_z_restart", "lower_bound_z")

# Never used up within the longest time limit, so a search ends by its target or its time.
RESTARTS = 1_000_000

# Ours, the library's argument, parameter, member and its copy, and the restart coefficients.
_MATRIX_COPIES = 6


class Tabu:
    """Multistart tabu search; parameters and defaults are those of `dwave.samplers.TabuSampler`."""

    name = "dwave-tabu"

    def memory_bytes(self, n: int, edges: int) -> int:  # noqa: ARG002 - dense whatever the edges
        """Return the memory of the dense matrix and the library's copies of it."""
        return _MATRIX_COPIES * 8 * n * n

    def prepare(self, problem: Problem, params: Params) -> TabuSearch:
        """Build the dense matrix and time the library's own copy of it."""
        refuse_unknown(self.name, params, PARAMS)
        tenure = whole_number(params, "tenure", min(20, problem.n // 4), 0)
        search = TabuSearch(
            matrix=problem.dense(),
            tenure=min(tenure or 0, problem.n - 1),
            limits=tuple(whole_number(params, name, None, 1) for name in PARAMS[1:]),
        )
        search.time_the_copy()
        return search


class TabuSearch:
    """One problem in the library's form."""

    def __init__(
        self,
        *,
        matrix: npt.NDArray[np.float64],
        tenure: int,
        limits: tuple[int | None, ...],
    ) -> None:
        from dwave.samplers.tabu.tabu_search import TabuSearch as Library

        self._library: Any = Library
        self._matrix = matrix
        self._tenure = tenure
        self._limits = limits
        self._copy_s = 0.0

    def time_the_copy(self) -> None:
        """Measure one call whose search ends before its first step."""
        nothing = np.zeros(len(self._matrix), np.intc)
        begin = perf_counter_ns()
        self._library(self._matrix, nothing, self._tenure, 0, 0, 0, np.inf)
        self._copy_s = (perf_counter_ns() - begin) * 1e-9

    def run(self, limit_s: float, stop_at: int | None, seed: int, window: Window) -> Found:
        """Search once. The library counts whole milliseconds, so a limit below 1 ms becomes 1 ms."""
        start, search_seed = _as_the_sampler_draws(len(self._matrix), seed)
        limit_ms = max(1, int(limit_s * 1000))
        with window:
            result = self._library(
                self._matrix,
                start,
                self._tenure,
                limit_ms,
                RESTARTS,
                search_seed,
                stop_at,
                *self._limits,
            )
        cost = round(result.bestEnergy())
        return Found(
            bits=np.array(result.bestSolution(), np.uint8),
            cost=cost,
            elapsed_s=window.elapsed_s,
            # The library shows its last state only, so the end is the one instant with a known cost.
            improvements=((window.elapsed_s, cost),),
            activity={"restarts": float(result.numRestarts()), "library_copy_s": self._copy_s},
        )


def _as_the_sampler_draws(n: int, seed: int) -> tuple[npt.NDArray[np.intc], int]:
    # Same start state and search seed as `TabuSampler.sample(seed=seed)`: the baseline stays the baseline.
    start = np.random.RandomState(seed).choice(np.array([0, 1], np.int8), size=(1, n))[0]
    return start.astype(np.intc), int(np.random.default_rng(seed).integers(2**32, dtype=np.uint32))
