"""What the QUBO benchmarks share: the tuning instances, the host's solvers on one core, means and progress lines."""

from __future__ import annotations

import math
import statistics
from collections.abc import Iterable, Iterator
from typing import Any, NamedTuple

from neurorig_drivers.boards.host_cpu import cpu_driver
from neurorig_drivers.boards.host_cpu.dwave import Tabu
from neurorig_drivers.boards.host_cpu.own_kernels import KernelAnnealing, KernelMis, KernelTabu
from neurorig_drivers.boards.solving.problem import Problem
from neurorig_drivers.boards.solving.scenarios import Found, Search, Solver, Window
from neurorig_drivers.interface import MarkerLog
from neurorig_protocols.workloads.qubo import mis

SIZES = (10, 25, 50, 100, 250, 500, 1000, 2500, 5000)
DENSITIES = (0.01, 0.05, 0.1, 0.25)
SEEDS = (0, 1, 2, 3, 4)
LARGE = tuple(n for n in SIZES if n >= 250)
SOLVERS: dict[str, Solver] = {s.name: s for s in (Tabu(), KernelTabu(), KernelAnnealing(), KernelMis())}
PEER = Tabu.name


class Case(NamedTuple):
    """One tuning instance."""

    n: int
    density: float
    seed: int

    def problem(self) -> Problem:
        """Return its QUBO."""
        made = mis.instance(*self)
        return Problem(made.n, made.diagonal, made.rows, made.cols, made.weights)

    @property
    def official(self) -> int:
        """The official target."""
        target = mis.official_target(*self)
        assert target is not None
        return target.cost


def cases(sizes: Iterable[int], seeds: Iterable[int] = SEEDS) -> Iterator[Case]:
    """Return the instances of some sizes, all densities."""
    return (Case(n, density, seed) for n in sizes for density in DENSITIES for seed in seeds)


def searches(problem: Problem, names: Iterable[str]) -> dict[str, Search]:
    """Set solvers up, and compile them and touch their memory by a short search that nobody measures."""
    ready = {name: SOLVERS[name].prepare(problem, {}) for name in names}
    for search in ready.values():
        search.run(0.001, None, 0, Window(None, 0, MarkerLog()))
    return ready


def timed(search: Search, limit_s: float, seed: int, stop_at: int | None = None) -> Found:
    """Search once, on one core; its cost was recomputed."""
    with cpu_driver.pinned(max(cpu_driver.allowed_cores(), default=None)):
        return search.run(limit_s, stop_at, seed, Window(None, 0, MarkerLog()))


def mean(values: Iterable[float]) -> float:
    """Return the mean."""
    return statistics.fmean(values)


def quantile(values: list[float], part: float) -> float:
    """Return the smallest value that at least this part of all values does not exceed."""
    ordered = sorted(values)
    return ordered[max(0, math.ceil(part * len(ordered)) - 1)]


def verdict(name: str, holds: bool, told: str, limit: str = "") -> dict[str, Any]:
    """Return one line of the summary: a claim, whether it holds, the figure and its limit."""
    return {"name": name, "holds": bool(holds), "told": told, "limit": limit}
