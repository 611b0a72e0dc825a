"""The kernels for any QUBO against D-Wave Tabu at equal budgets: mean gap to the official target over five seeds.

Costs of both sides are those at the end of the call. D-Wave Tabu overruns short budgets; its actual times stand beside
the requests, and it keeps what it found in the time it took too much.
"""

from __future__ import annotations

from typing import Any

from qubo_cases import DENSITIES, LARGE, PEER, SEEDS, Case, mean, searches, timed, verdict

from neurorig_drivers.boards.host_cpu.own_kernels import KernelAnnealing, KernelTabu
from neurorig_protocols.workloads.qubo import mis

BUDGETS_S = (0.01, 0.1, 1.0)
OURS = (KernelTabu.name, KernelAnnealing.name)


def measure(budgets_s: tuple[float, ...] = BUDGETS_S) -> dict[str, Any]:
    """Run every solver on every instance with every budget; return one cell per size, density and budget."""
    cells = []
    for n in LARGE:
        for density in DENSITIES:
            cells += _cells(n, density, budgets_s)
            for cell in cells[-len(budgets_s) :]:
                gaps = ", ".join(f"{name} {told['mean_gap']:+.4f}" for name, told in cell["solvers"].items())
                print(f"gaps: n={n} {density:.0%} {cell['budget_s']:g} s: {gaps}", flush=True)
    return {"gaps": cells, **_summary(cells)}


def _cells(n: int, density: float, budgets_s: tuple[float, ...]) -> list[dict[str, Any]]:
    runs: dict[tuple[float, str], list[tuple[float, float]]] = {}
    for seed in SEEDS:
        case = Case(n, density, seed)
        problem, official = case.problem(), case.official
        for name, search in searches(problem, (PEER, *OURS)).items():
            for budget_s in budgets_s:
                found = timed(search, budget_s, seed)
                assert problem.cost(found.bits) == found.cost
                runs.setdefault((budget_s, name), []).append((mis.gap(found.cost, official), found.elapsed_s))
    return [
        {"n": n, "density": density, "budget_s": budget_s, "solvers": _told(runs, budget_s)} for budget_s in budgets_s
    ]


def _told(runs: dict[tuple[float, str], list[tuple[float, float]]], budget_s: float) -> dict[str, Any]:
    return {
        name: {
            "mean_gap": mean(gap for gap, _ in runs[budget_s, name]),
            "gaps": [gap for gap, _ in runs[budget_s, name]],
            "actual_s": mean(actual_s for _, actual_s in runs[budget_s, name]),
        }
        for name in (PEER, *OURS)
    }


def _summary(cells: list[dict[str, Any]]) -> dict[str, Any]:
    told: dict[str, Any] = {}
    verdicts = []
    for name in OURS:
        differences = [cell["solvers"][name]["mean_gap"] - cell["solvers"][PEER]["mean_gap"] for cell in cells]
        worse, better = sum(d > 0 for d in differences), sum(d < 0 for d in differences)
        told[name] = {"cells": len(cells), "better": better, "worse": worse, "largest_difference": max(differences)}
        holds = worse == 0 and better > len(cells) / 2
        figure = f"better in {better} of {len(cells)} cells, worse in {worse}"
        verdicts.append(verdict(f"{name} against {PEER}", holds, figure, "most better, none worse"))
    return {"gaps_summary": told, "gaps_verdicts": verdicts}
