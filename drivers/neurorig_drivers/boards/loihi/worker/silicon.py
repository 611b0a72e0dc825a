"""One pass of lava-optimization's QUBO solver on Loihi 2, with at most one probe: the time probe disturbs the power.

Hands on what the profiler says, raw; what it means and in which units is the driver's business (`onboard`).
Not yet run on silicon: tested against a stand-in for the closed extension.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from neurorig_drivers.process.framing import Arrays

_TIMES = ("execution_time", "spiking_time", "management_time", "host_time")


def solve(body: dict[str, Any], arrays: Arrays) -> tuple[dict[str, Any], Arrays]:
    """Solve once; body: steps, target_cost, hyperparameters, probe "time" | "energy"."""
    from lava.lib.optimization.problems.problems import QUBO
    from lava.lib.optimization.solvers.generic.solver import OptimizationSolver, SolverConfig

    config = SolverConfig(
        timeout=body["steps"],
        target_cost=body["target_cost"],
        backend="Loihi2",
        hyperparameters=body["hyperparameters"],
        probe_time=body["probe"] == "time",
        probe_energy=body["probe"] == "energy",
    )
    report = OptimizationSolver(QUBO(_matrix(arrays))).solve(config=config)
    answer = {"best_cost": int(report.best_cost), "best_timestep": int(report.best_timestep)}
    found = {"solution": np.asarray(report.best_state).astype(np.uint8).ravel()}
    if body["probe"] == "time":
        return answer, {**found, **{name: _series(report.profiler, name) for name in _TIMES}}
    return {**answer, **_power(report.profiler)}, found


def _series(profiler: Any, name: str) -> Any:
    return np.atleast_1d(np.asarray(getattr(profiler, name), np.float64))


def _power(profiler: Any) -> dict[str, Any]:
    total = _series(profiler, "power")
    names = ("total", "dynamic", "static", "vdd", "vddm", "vddio")
    return {
        "power": dict(zip(names, map(float, profiler.power_breakdown()), strict=True)),
        "energy_breakdown": dict(zip(names, map(float, profiler.energy_breakdown()), strict=True)),
        "energy": float(profiler.energy),
        "chips_available": int(profiler.num_available_chips),
        "chips_allocated": int(profiler.num_alloc_chips),
        "samples": total.size if total.size > 1 else None,
        "spread": float(total.std(ddof=1)) if total.size > 1 else None,
    }


def _matrix(arrays: Arrays) -> Any:
    """Return Q in full, which is what the solver takes."""
    n = len(arrays["diagonal"])
    q = np.zeros((n, n), np.int64)
    q[np.repeat(np.arange(n), np.diff(arrays["start"])), arrays["target"]] = arrays["weight"]
    q[np.arange(n), np.arange(n)] = arrays["diagonal"]
    return q
