"""How good the virtual chip's answers are, and how fast it is computed: the table by which its schedule was tuned.

    python perf/chip_quality.py                               writes var/bench/chip-quality.json
    python perf/chip_quality.py --param t_max=0.6 --param refract_scaling=5

Runs tuning instances of the benchmark (seeds 0-4) and shows the gap to the official target after 1, 10 and 100 ms of
chip time and at the end. Gaps are signed: below 0 is better than the official target. Parameters apply to all
instances alike; there is no tuning per instance. Chip time is modelled and exact, steps per second are this computer's.
"""

from __future__ import annotations

import argparse
import json
import time
from pathlib import Path
from typing import Any

import numpy as np

from neurorig_drivers.annealing.network import from_arrays
from neurorig_drivers.annealing.schedule import schedule_for
from neurorig_lab.chip import kernel
from neurorig_lab.chip.annealer import Annealer
from neurorig_lab.chip.mapping import place
from neurorig_protocols.workloads.qubo import mis

Case = tuple[int, float, int, float]
"""Variables, density, graph seed, and how long to run in seconds of chip time."""

OUT = Path(__file__).parent.parent / "var" / "bench" / "chip-quality.json"
INSTANCES: list[Case] = [(250, 0.05, seed, 0.2) for seed in range(5)] + [
    (1000, 0.01, 0, 0.5), (250, 0.25, 0, 0.2), (500, 0.1, 0, 0.2), (1000, 0.05, 0, 0.2), (1000, 0.25, 0, 0.2),
]  # fmt: skip
AFTER_S = (1e-3, 1e-2, 1e-1)


def measure(case: Case, solver_seed: int, params: dict[str, Any]) -> dict[str, Any]:
    """Run one instance and return its row."""
    n, density, seed, limit_s = case
    problem = mis.instance(n, density, seed)
    names = ("diagonal", "rows", "cols", "weights")
    network = from_arrays({name: getattr(problem, name) for name in names})
    official = mis.official_target(n, density, seed)
    assert official is not None
    run = Annealer(
        network,
        place(network),
        schedule_for(n, network.density, params),
        seed=solver_seed,
        limit_s=limit_s,
        target_costs=[mis.target_cost(official.cost, gap) for gap in (0.1, 0.05, 0.01)],
    )
    begin = time.process_time()
    while len(run.advance()):
        pass
    cpu_s = time.process_time() - begin
    assert problem.cost(run.solution) == run.best_cost
    at_s, costs = run.improvements
    best = [int(costs[np.searchsorted(at_s, after_s, "right") - 1]) for after_s in (*AFTER_S, limit_s)]
    steps = int(run.events[kernel.SEG_STEPS])
    return {
        "n": n, "density": density, "seed": seed, "solver_seed": solver_seed,
        "official": official.cost, "best": best[-1],
        "gaps": [mis.gap(cost, official.cost) for cost in best],
        "reached_s": [None if np.isnan(t) else float(t) for t in run.reached[0]],
        "step_s": run.elapsed_s / steps, "steps_per_cpu_s": steps / cpu_s,
    }  # fmt: skip


def line(row: dict[str, Any]) -> str:
    """Return a row for people."""
    gaps = " ".join(f"{gap:+.3f}" for gap in row["gaps"])
    reached = " ".join("   -   " if t is None else f"{t * 1e3:7.2f}" for t in row["reached_s"])
    return (
        f"{row['n']:5d} {row['density']:5.0%} {row['seed']} {row['solver_seed']} {row['official']:6d} "
        f"{row['best']:6d}  {gaps}  {reached}  {row['step_s'] * 1e6:5.2f} {row['steps_per_cpu_s']:9.0f}"
    )


def main() -> None:
    """Run all instances, print the table, keep it."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("--param", action="append", default=[], help="NAME=NUMBER, see chip/schedule.py")
    parser.add_argument("--solver-seeds", type=int, default=2)
    chosen = parser.parse_args()
    params = {name: float(text) for name, text in (pair.split("=") for pair in chosen.param)}
    measure((10, 0.05, 0, 1e-4), 0, {})  # compiles the kernel
    print("    n  dens s r target   best  gap at 1, 10, 100 ms, end    ms to 10 %, 5 %, 1 %   us/step   steps/s")
    rows = []
    for case in INSTANCES:
        for solver_seed in range(chosen.solver_seeds):
            rows.append(measure(case, solver_seed, params))
            print(line(rows[-1]), flush=True)
    OUT.parent.mkdir(parents=True, exist_ok=True)
    OUT.write_text(json.dumps({"params": params, "rows": rows}, indent=1))


if __name__ == "__main__":
    main()
