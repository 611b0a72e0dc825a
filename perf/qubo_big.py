"""The largest published size on the virtual board: n = 5000 at 25 % density, 2 000 steps, time and memory.

    python perf/qubo_big.py                 prints what a child process of it measured

`measure` starts a fresh process, so that its peak memory is its own: problem, network, placement and run together.
Time is taken from the problem's arrays on, with the kernel compiled before; each part of it is told.
"""

from __future__ import annotations

import argparse
import itertools
import json
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

N, DENSITY, SEED, STEPS, CHIPS = 5000, 0.25, 0, 2_000, 8
TIME_LIMIT_S, RSS_LIMIT_BYTES = 60.0, 2_000_000_000


def measure() -> dict[str, Any]:
    """Run the case in a child process; its figures with the limits and verdicts, as `qubo.json` keeps them."""
    from qubo_cases import verdict

    child = subprocess.run([sys.executable, __file__, "--child"], check=True, capture_output=True, text=True)
    found: dict[str, Any] = json.loads(child.stdout)
    text = f"{found['time_s']:.1f} s, {found['peak_rss_bytes'] / 1e9:.2f} GB"
    allowed = f"{TIME_LIMIT_S:g} s, {RSS_LIMIT_BYTES / 1e9:g} GB"
    holds = found["time_s"] <= TIME_LIMIT_S and found["peak_rss_bytes"] <= RSS_LIMIT_BYTES
    limits = {"time_limit_s": TIME_LIMIT_S, "rss_limit_bytes": RSS_LIMIT_BYTES}
    return {
        "big": {**found, **limits},
        "big_verdicts": [verdict("virtual chip: n = 5000, 25 %, 2000 steps", holds, text, allowed)],
    }


def run() -> dict[str, Any]:
    """Build, place and run the network in this process."""
    from neurorig_drivers.annealing.network import from_arrays
    from neurorig_drivers.annealing.schedule import schedule_for
    from neurorig_lab.chip import kernel
    from neurorig_lab.chip.annealer import Annealer
    from neurorig_lab.chip.mapping import place
    from neurorig_protocols.workloads.qubo import mis as qubo_mis

    kernel.compiled()
    _anneal(qubo_mis.instance(10, 0.05, 0), 1, 10)
    problem = qubo_mis.instance(N, DENSITY, SEED)
    times = [time.perf_counter()]
    network = from_arrays({name: getattr(problem, name) for name in ("diagonal", "rows", "cols", "weights")})
    times.append(time.perf_counter())
    mapping = place(network, CHIPS)
    times.append(time.perf_counter())
    annealer = Annealer(
        network, mapping, schedule_for(N, network.density, {}), seed=SEED, limit_s=1e3, limit_steps=STEPS
    )
    while len(annealer.advance()):
        pass
    times.append(time.perf_counter())
    if problem.cost(annealer.solution) != annealer.best_cost:
        raise SystemExit("the kept state does not have the cost that the chip told")
    network_s, place_s, run_s = (b - a for a, b in itertools.pairwise(times))
    return {
        "n": N, "density": DENSITY, "chips": mapping.mesh.chips, "steps": int(annealer.events[kernel.SEG_STEPS]),
        "time_s": times[-1] - times[0], "network_s": network_s, "place_s": place_s, "run_s": run_s,
        "synops_per_s": int(annealer.events[kernel.SYNOPS]) / run_s,
        "step_s": annealer.elapsed_s / STEPS, "best_cost": annealer.best_cost,
        "peak_rss_bytes": _peak_rss_bytes(),
    }  # fmt: skip


def _peak_rss_bytes() -> int:
    # Not getrusage: its peak survives exec, so a child of a large parent would report the parent's.
    status = Path("/proc/self/status").read_text("ascii")
    return next(int(line.split()[1]) * 1024 for line in status.splitlines() if line.startswith("VmHWM:"))


def _anneal(problem: Any, chips: int, steps: int) -> None:
    """Run a small network, so that the kernel's code is loaded before any time is taken."""
    from neurorig_drivers.annealing.network import from_arrays
    from neurorig_drivers.annealing.schedule import schedule_for
    from neurorig_lab.chip.annealer import Annealer
    from neurorig_lab.chip.mapping import place

    network = from_arrays({name: getattr(problem, name) for name in ("diagonal", "rows", "cols", "weights")})
    options = {"seed": 0, "limit_s": 1.0, "limit_steps": steps}
    Annealer(network, place(network, chips), schedule_for(network.n, 0.0, {}), **options).advance()


def main() -> None:
    """Print the figures: of a child, or of this process itself with --child."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("--child", action="store_true", help="measure in this process")
    print(json.dumps(run() if parser.parse_args().child else measure(), indent=1))


if __name__ == "__main__":
    main()
