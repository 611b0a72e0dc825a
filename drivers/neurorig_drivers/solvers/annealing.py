"""Simulated annealing for any QUBO; it knows nothing of independent sets."""

from __future__ import annotations

import functools
from contextlib import AbstractContextManager
from dataclasses import dataclass

import numpy as np

from neurorig_drivers.solvers import annealing_kernel as kernel
from neurorig_drivers.solvers.found import Found
from neurorig_drivers.solvers.machine_code import SECOND_NS
from neurorig_drivers.solvers.qubo import SMALLEST, Matrix, search

SWEEP_SIZE = 512
"""Variables tried at one temperature at least: with few variables the clock is read once in several sweeps."""


@dataclass(frozen=True)
class AnnealingParams:
    """First and last temperature in units of cost; None leaves a temperature to what the first descent finds."""

    temperature_hot: float | None = None
    temperature_cold: float | None = None
    first_anneal_s: float = 2e-4
    """Length of the first anneal; each further one is twice as long."""


class AnnealingSearch:
    """One problem, ready to be searched again and again. Building it compiles the kernel where need be."""

    def __init__(self, problem: Matrix, params: AnnealingParams | None = None) -> None:
        """Take a problem of `qubo.matrix`."""
        if problem is not SMALLEST:
            warm_up()
        self._problem = problem
        self._params = params or AnnealingParams()

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
        constants = {
            kernel.FIRST_NS: int(p.first_anneal_s * SECOND_NS),
            kernel.SWEEPS: max(1, SWEEP_SIZE // self._problem.n),
        }
        temperatures = np.array([p.temperature_hot or 0.0, p.temperature_cold or 0.0])
        return search(
            kernel.compiled(),
            self._problem,
            temperatures,
            constants,
            limit_s=limit_s,
            seed=seed,
            stop_at=stop_at,
            window=window,
        )


@functools.cache
def warm_up() -> None:
    """Compile the kernel, once in the life of the process."""
    AnnealingSearch(SMALLEST).run(limit_s=0.0, seed=0)
