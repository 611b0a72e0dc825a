"""A one-flip tabu search for any QUBO; it knows nothing of independent sets."""

from __future__ import annotations

import functools
from contextlib import AbstractContextManager
from dataclasses import dataclass

import numpy as np

from neurorig_drivers.solvers import tabu_kernel as kernel
from neurorig_drivers.solvers.found import Found
from neurorig_drivers.solvers.qubo import SMALLEST, Matrix, search


@dataclass(frozen=True)
class TabuParams:
    """How the search moves.

    tenure: the longest number of steps that a variable stays as it flipped; each stretch of the search draws its own.
    patience: steps without anything better before some variables of the best state are flipped. kick: how many at most.
    """

    tenure: int
    patience: int
    kick: int


def default_params(n: int) -> TabuParams:
    """Return parameters as a function of size alone."""
    return TabuParams(tenure=max(1, min(20, n // 4)), patience=20 * n, kick=max(1, n // 50))


class TabuSearch:
    """One problem, ready to be searched again and again. Building it compiles the kernel where need be."""

    def __init__(self, problem: Matrix, params: TabuParams | None = None) -> None:
        """Take a problem of `qubo.matrix`."""
        if problem is not SMALLEST:
            warm_up()
        self._problem = problem
        self._params = params or default_params(problem.n)

    def run(
        self,
        *,
        limit_s: float,
        seed: int,
        stop_at: int | None = None,
        window: AbstractContextManager[object] | None = None,
    ) -> Found:
        """Search until the cost is at most `stop_at` or the time is over; see `mis.MisSearch.run`."""
        p = self._params
        constants = {kernel.TENURE: p.tenure, kernel.PATIENCE: p.patience, kernel.KICK: p.kick}
        until = np.zeros(self._problem.n, np.int64)
        return search(
            kernel.compiled(),
            self._problem,
            until,
            constants,
            limit_s=limit_s,
            seed=seed,
            stop_at=stop_at,
            window=window,
        )


@functools.cache
def warm_up() -> None:
    """Compile the kernel, once in the life of the process."""
    TabuSearch(SMALLEST).run(limit_s=0.0, seed=0)
