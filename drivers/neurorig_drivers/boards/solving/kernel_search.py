"""Our own kernels as searches of a board: units, labels, and the parameters that kernels share. Knows no kernel."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Protocol

import numpy as np

from neurorig_drivers.boards.solving.problem import Problem
from neurorig_drivers.boards.solving.scenarios import Found, Params, Window, positive
from neurorig_drivers.solvers import qubo_search
from neurorig_protocols.errors import UserError


class _Kernel(Protocol):
    def run(
        self, *, limit_s: float, seed: int, stop_at: int | None = None, window: Window | None = None
    ) -> qubo_search.Found: ...


class KernelSearch:
    """One problem in a kernel's form. `unit` is what the kernel counts as a cost of 1, `labels` go with each result."""

    def __init__(self, kernel: _Kernel, *, unit: int = 1, labels: Mapping[str, float] | None = None) -> None:
        self._kernel = kernel
        self._unit = unit
        self._labels = labels or {}

    def run(self, limit_s: float, stop_at: int | None, seed: int, window: Window) -> Found:
        """Search inside `window`; the kernel itself sees the target and the clock."""
        goal = None if stop_at is None else stop_at // self._unit
        given = self._kernel.run(limit_s=limit_s, seed=seed, stop_at=goal, window=window)
        return Found(
            bits=given.bits,
            cost=given.cost * self._unit,
            elapsed_s=window.elapsed_s,
            improvements=tuple((t_s, cost * self._unit) for t_s, cost in given.improvements),
            activity={"steps": float(given.steps), **self._labels},
        )


def exact_matrix(problem: Problem) -> qubo_search.Matrix:
    """Return the rows of Q; UserError when int64 might not hold every cost."""
    try:
        return qubo_search.matrix(problem.diagonal, problem.rows, problem.cols, problem.weights)
    except ValueError as error:
        raise UserError(
            f"this QUBO cannot be costed exactly: {error}", where="solver", next_step="scale the coefficients down"
        ) from error


def given_temperatures(params: Params) -> tuple[float | None, float | None]:
    """Return 'temperature_hot' and 'temperature_cold' as far as they are given; UserError unless an anneal cools."""
    hot, cold = (_given(params, name) for name in ("temperature_hot", "temperature_cold"))
    if hot is not None and cold is not None and cold > hot:
        raise UserError(f"an anneal cools down: 'temperature_cold' {cold:g} is above 'temperature_hot' {hot:g}")
    return hot, cold


def _given(params: Params, name: str) -> float | None:
    return positive(params, name, np.nan) if name in params else None
