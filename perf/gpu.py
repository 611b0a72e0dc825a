"""The GPU board against the CPU's solvers at equal budgets on one machine, in one run; writes var/bench/gpu.json.

    python perf/gpu.py                  at most about 4 minutes; as many seeds as fit into them
    python perf/gpu.py --seconds 60     a shorter look

Mean gap to the best verified cost of the tuning instances with n >= 250, requested and actual times, and the GPU's mean
power in the windows of 1 s where NVML counts energy. First it is checked that the GPU's answers do not depend on how
the work is spread, and at the end how the number of replicas matters. Needs an NVIDIA GPU; `make bench-gpu` says so.
"""

from __future__ import annotations

import argparse
import json
import sys
import time
from pathlib import Path
from typing import Any

from gpu_power import Power
from qubo_cases import DENSITIES, LARGE, SEEDS, Case, mean, quantile, verdict

from neurorig_drivers.boards.host_cpu import HostCpu, cpu_driver
from neurorig_drivers.boards.host_gpu import HostGpu
from neurorig_drivers.boards.host_gpu.gpu_device import choose
from neurorig_drivers.boards.host_gpu.gpu_driver import usual_layout
from neurorig_drivers.boards.solving.kernel_search import exact_matrix
from neurorig_drivers.interface import MarkerLog
from neurorig_drivers.solvers.gpu_search import GpuAnnealingSearch, Layout
from neurorig_protocols.bench import BoardConfig
from neurorig_protocols.board import Artifact, Batch, RunOutput
from neurorig_protocols.errors import NeurorigError
from neurorig_protocols.workloads.qubo import mis, targets_shipped
from neurorig_protocols.workloads.qubo.qubo_targets import MisProblem

OUT = Path(__file__).parent.parent / "var" / "bench" / "gpu.json"
BUDGETS_S = (0.01, 0.1, 1.0)
GPU = HostGpu.default_solver
CPU = ("neurorig-sa", "dwave-sa", "dwave-tabu")
SECONDS = 240.0
REPEATABLE = (Case(250, 0.1, 0), Case(1000, 0.05, 0), Case(2500, 0.25, 0))
SPREADS = (32, 64, 256)
SPREAD_CASES = (Case(1000, 0.05, 0), Case(5000, 0.1, 0))
PER_MULTIPROCESSOR = (1, 2, 4, 8, 16, 32)

Board = HostCpu | HostGpu


def best(case: Case) -> int:
    """Return the best verified cost, or the official one where that is lower."""
    found = targets_shipped.best(MisProblem(n=case.n, density=case.density, seed=case.seed).key)
    return min(case.official, found.cost if found else case.official)


def load(board: Board, case: Case) -> None:
    """Bring an instance to the board."""
    made = mis.instance(*case)
    arrays = {name: getattr(made, name) for name in ("diagonal", "rows", "cols", "weights")}
    board.load(board.map(board.compile(Artifact("qubo", {"n": case.n}, arrays))))


def run(board: Board, solver: str, budget_s: float, seed: int, **params: int) -> tuple[RunOutput, tuple[int, int]]:
    """Run one window; return its output and its edges on the host's clock in ns."""
    meta = {"scenario": "fixed-timeout", "limit_s": budget_s, "seed": seed, "solver": solver, "params": params}
    log = MarkerLog()
    output = board.run(Batch("qubo", "run", 0, meta, {}), log)
    return output, (log.records[0].t_ns, log.records[-1].t_ns)


def repeatable() -> dict[str, Any]:
    """Check on the device that equal sweeps give equal answers, run twice and on other numbers of threads."""
    rows = []
    for case in REPEATABLE:
        searches = [GpuAnnealingSearch(exact_matrix(case.problem()), Layout(64, threads)) for threads in SPREADS]
        runs = [s.run(limit_s=1e6, seed=case.seed, most_sweeps=100) for s in (*searches, searches[0])]
        answers = {(found.cost, found.bits.tobytes()) for found in runs}
        exact = all(case.problem().cost(found.bits) == found.cost for found in runs)
        rows.append({"case": case._asdict(), "cost": runs[0].cost, "equal": len(answers) == 1, "exact": exact})
    holds = all(row["equal"] and row["exact"] for row in rows)
    return {"repeatable": rows, "verdicts": [verdict("equal sweeps, equal answers", holds, f"{len(rows)} instances")]}


def measure(boards: dict[str, Board], power: Power, ends_s: float) -> list[dict[str, Any]]:
    """Run every solver on the instances, seed by seed, until the time is over; return one row per run."""
    rows: list[dict[str, Any]] = []
    for case in (Case(n, density, seed) for seed in SEEDS for n in LARGE for density in DENSITIES):
        if time.monotonic() > ends_s:
            break
        for board in {id(board): board for board in boards.values()}.values():
            load(board, case)
        for solver, board in boards.items():
            run(board, solver, 0.001, 0)
            rows += [_row(case, solver, budget_s, run(board, solver, budget_s, case.seed)) for budget_s in BUDGETS_S]
        fresh = rows[-len(BUDGETS_S) * len(boards) :]
        power.note(row for row in fresh if row["solver"] == GPU)
        told = ", ".join(f"{row['solver']} {row['gap']:+.4f}" for row in fresh[:: len(BUDGETS_S)])
        print(f"n={case.n} {case.density:.0%} seed {case.seed}, {BUDGETS_S[0]:g} s: {told}", flush=True)
    return rows


def _row(case: Case, solver: str, budget_s: float, ran: tuple[RunOutput, tuple[int, int]]) -> dict[str, Any]:
    output, (begin_ns, end_ns) = ran
    meta = output.meta
    return {
        **case._asdict(), "solver": solver, "budget_s": budget_s, "actual_s": meta["solve_s"],
        "setup_s": meta["setup_s"], "cost": meta["solver_cost"], "gap": mis.gap(meta["solver_cost"], best(case)),
        "steps": meta.get("steps"), "window_ns": [begin_ns, end_ns],
    }  # fmt: skip


def cells(rows: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """Return mean gaps and times by size, density and budget."""
    keys = sorted({(row["n"], row["density"], row["budget_s"]) for row in rows})
    made = []
    for n, density, budget_s in keys:
        some = [row for row in rows if (row["n"], row["density"], row["budget_s"]) == (n, density, budget_s)]
        told = {}
        for solver in (GPU, *CPU):
            own = [row for row in some if row["solver"] == solver]
            powers = [row["power_w"] for row in own if row.get("power_w") is not None]
            told[solver] = {
                "runs": len(own), "mean_gap": mean(r["gap"] for r in own), "actual_s": mean(r["actual_s"] for r in own),
                **({"mean_power_w": mean(powers)} if powers else {}),
            }  # fmt: skip
        made.append({"n": n, "density": density, "budget_s": budget_s, "solvers": told})
    return made


def summary(rows: list[dict[str, Any]], made: list[dict[str, Any]]) -> dict[str, Any]:
    """Say how the GPU compares by budget, and how well it keeps its limits."""
    against = {
        f"{solver}, {budget_s:g} s": {
            "cells": len(some := [cell["solvers"] for cell in made if cell["budget_s"] == budget_s]),
            "gpu_better": sum(s[GPU]["mean_gap"] < s[solver]["mean_gap"] for s in some),
            "gpu_worse": sum(s[GPU]["mean_gap"] > s[solver]["mean_gap"] for s in some),
            "mean_gap": mean(s[solver]["mean_gap"] for s in some),
        }
        for solver in (GPU, *CPU)
        for budget_s in BUDGETS_S
    }
    late = {
        f"{budget_s:g}": {"median_s": quantile(own, 0.5), "worst_s": max(own)}
        for budget_s in BUDGETS_S
        if (own := [row["actual_s"] for row in rows if row["solver"] == GPU and row["budget_s"] == budget_s])
    }
    return {"against": against, "gpu_actual": late}


def spread(board: HostGpu) -> list[dict[str, Any]]:
    """Return the gap at 10 ms and 100 ms by the number of replicas per multiprocessor and threads per replica."""
    rows = []
    gpu = choose()
    for case in SPREAD_CASES:
        load(board, case)
        usual = usual_layout(gpu, case.n)
        for each in PER_MULTIPROCESSOR:
            for threads in SPREADS:
                layout = {"replicas": each * gpu.multiprocessors, "threads": threads}
                found = [run(board, GPU, budget_s, case.seed, **layout)[0].meta for budget_s in (0.01, 0.1)]
                gaps = [mis.gap(meta["solver_cost"], best(case)) for meta in found]
                rows.append({**case._asdict(), **layout, "gaps": gaps, "steps": [meta["steps"] for meta in found]})
        print(f"spread: n={case.n} usual {usual._asdict()}, " + _told(rows, case.n), flush=True)
    return rows


def _told(rows: list[dict[str, Any]], n: int) -> str:
    least = min((row for row in rows if row["n"] == n), key=lambda row: sum(row["gaps"]))
    return f"best here {least['replicas']} of {least['threads']}: {least['gaps']}"


def main() -> None:
    """Check, measure, write, print."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--seconds", type=float, default=SECONDS, help=f"time for the runs, by default {SECONDS:g}")
    asked = parser.parse_args()
    begin = time.monotonic()
    try:
        gpu = HostGpu(BoardConfig(driver="host-gpu"))
    except NeurorigError as error:
        sys.exit(f"No GPU was measured: {error.message.rstrip('.')}. To do: {error.next_step}.")
    if gpu.info.no_energy is not None:
        sys.exit(f"No GPU was measured: {gpu.info.no_energy}.")
    cpu = HostCpu(BoardConfig(driver="host-cpu"))
    figures: dict[str, Any] = {"gpu": gpu.info.model_dump(), "cpu": cpu.info.model_dump(), **repeatable()}
    figures["opening_s"] = time.monotonic() - begin
    figures["machine"] = {"cpu": cpu_driver.cpu_model(), "cores": cpu_driver.usable_cores()}
    write(figures, begin)
    with Power(gpu.info.serial_number) as power:
        rows = measure({GPU: gpu, **dict.fromkeys(CPU, cpu)}, power, begin + asked.seconds)
        figures.update(power.told())
    figures.update(runs=rows, cells=cells(rows))
    figures.update(summary(rows, figures["cells"]))
    write(figures, begin)
    figures["spread"] = spread(gpu)
    write(figures, begin)
    for name in ("verdicts", "against", "gpu_actual", "power"):
        print(name, json.dumps(figures[name], indent=1))
    print(f"{len(rows) // len(BUDGETS_S) // (1 + len(CPU))} instances, written to {OUT}")


def write(figures: dict[str, Any], begin_s: float) -> None:
    """Write what was measured so far, so that a run that is ended has something to show."""
    figures["seconds"], figures["ended_at"] = time.monotonic() - begin_s, time.strftime("%FT%TZ", time.gmtime())
    OUT.parent.mkdir(parents=True, exist_ok=True)
    OUT.write_text(json.dumps(figures, indent=1) + "\n")


if __name__ == "__main__":
    main()
