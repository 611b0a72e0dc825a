"""How well the host's own kernels keep 1, 10 and 100 ms, n <= 2500: actual minus requested time, through the driver.

Measured as a job measures it: the solve time of a fixed-timeout window of the host-cpu board, pinned to one core. Other
work on the computer makes single runs late, so the verdict is on the median of each cell; all else is told as well.
"""

from __future__ import annotations

import statistics
from typing import Any

from qubo_cases import SEEDS, SIZES, Case, cases, quantile, verdict

from neurorig_drivers.boards.host_cpu import HostCpu
from neurorig_drivers.boards.host_cpu.own_kernels import KernelAnnealing, KernelMis, KernelTabu
from neurorig_drivers.interface import MarkerLog
from neurorig_protocols.bench import BoardConfig
from neurorig_protocols.board import Artifact, Batch

BUDGETS_S = (0.001, 0.01, 0.1)
OURS = (KernelTabu.name, KernelAnnealing.name, KernelMis.name)
LARGEST = 2500
SHARE, GRACE_S = 0.05, 2e-4


def measure(repeats: int = 5) -> dict[str, Any]:
    """Run each solver `repeats` times on one instance per size and density; return cells and quantiles."""
    board = HostCpu(BoardConfig(driver="host-cpu"))
    cells: list[dict[str, Any]] = []
    for case in cases([n for n in SIZES if n <= LARGEST], SEEDS[:1]):
        _load(board, case)
        cells += [_cell(board, case, name, budget_s, repeats) for name in OURS for budget_s in BUDGETS_S]
        print(f"budgets: n={case.n} {case.density:.0%} done", flush=True)
    board.close()
    return {"budgets": cells, **_summary(cells)}


def _load(board: HostCpu, case: Case) -> None:
    problem = case.problem()
    arrays = {name: getattr(problem, name) for name in ("diagonal", "rows", "cols", "weights")}
    board.load(board.map(board.compile(Artifact("qubo", {"n": case.n}, arrays))))


def _cell(board: HostCpu, case: Case, name: str, budget_s: float, repeats: int) -> dict[str, Any]:
    def actual_s(seed: int) -> float:
        meta = {"scenario": "fixed-timeout", "limit_s": budget_s, "seed": seed, "solver": name, "params": {}}
        return float(board.run(Batch("qubo", "run", 0, meta, {}), MarkerLog()).meta["solve_s"])

    actual_s(0)
    return {
        "n": case.n, "density": case.density, "solver": name, "budget_s": budget_s,
        "actual_s": [actual_s(seed) for seed in range(repeats)],
    }  # fmt: skip


def _summary(cells: list[dict[str, Any]]) -> dict[str, Any]:
    medians: list[float] = []
    told: dict[str, Any] = {}
    for budget_s in BUDGETS_S:
        allowed_s = budget_s * (1 + SHARE) + GRACE_S
        some = [cell["actual_s"] for cell in cells if cell["budget_s"] == budget_s]
        every = [actual_s for repeats in some for actual_s in repeats]
        medians += [statistics.median(repeats) / allowed_s for repeats in some]
        told[f"{budget_s:g}"] = {
            "runs": len(every), "allowed_s": allowed_s, "shortest_s": min(every), "median_s": statistics.median(every),
            "p95_s": quantile(every, 0.95), "worst_s": max(every),
            "worst_median_s": max(statistics.median(repeats) for repeats in some),
            "late_runs": sum(actual_s > allowed_s for actual_s in every),
        }  # fmt: skip
    late = sum(ratio > 1 for ratio in medians)
    runs, late_runs = (sum(row[key] for row in told.values()) for key in ("runs", "late_runs"))
    text = f"{late} of {len(medians)} medians late, {late_runs} of {runs} single runs"
    return {
        "budgets_summary": told,
        "budgets_verdicts": [verdict("own solvers end within +5 % + 0.2 ms", late == 0, text, "no median late")],
    }
