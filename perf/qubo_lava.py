"""The virtual chip against Lava's CPU simulator on one network: synaptic operations per second, and the same spikes.

Both run the same steps of the same network, one after the other, and count the same operations. Lava's time is that of
its steps alone: building its processes is not counted, nor is compiling the kernel. The chip's run of some milliseconds
is taken before and after each of Lava's, which last about a second: on a busy computer one alone says little. All are
wall-clock times, and medians are compared.
"""

from __future__ import annotations

import statistics
import sys
import time
from pathlib import Path
from typing import Any

import numpy as np
from lava_kit import NO_LIMIT_S, START_LIMIT_S, chip_run, chip_steps, lava_python, lava_steps, mis_network
from qubo_cases import verdict
from qubo_told import load_average

from neurorig_drivers.annealing.network import Network
from neurorig_drivers.annealing.schedule import schedule_for
from neurorig_drivers.boards.loihi.cpu import prepare_qubo
from neurorig_drivers.boards.loihi.lava_child import LavaChild
from neurorig_lab.chip import kernel

sys.path.insert(0, str(Path(__file__).parent.parent / "tests" / "support"))

RATIO_LIMIT = 100.0
EQUAL_STEPS, EQUAL_N = 300, 100
RATIO_STEPS = 1_000
REPEATS = 5
CASES = ((100, 0.05), (250, 0.1), (1000, 0.05), (1000, 0.25))
_DENSITIES = (0.01, 0.05, 0.1, 0.25)


def equal(worker: LavaChild) -> bool:
    """Return whether every state and every cost of 300 steps is the same, at each density with two seeds."""
    return all(_equal(worker, mis_network(EQUAL_N, density, seed), seed) for density in _DENSITIES for seed in (0, 1))


def _equal(worker: LavaChild, network: Network, seed: int) -> bool:
    schedule = schedule_for(network.n, network.density, {})
    ours = chip_steps(network, schedule, seed, EQUAL_STEPS)
    theirs = lava_steps(worker, network, schedule, seed, EQUAL_STEPS)
    return all(np.array_equal(a, b) for a, b in zip(ours, theirs, strict=True))


def compare(worker: LavaChild, n: int, density: float) -> dict[str, Any]:
    """Return both sides' synaptic operations per second on one network, medians of alternating runs.

    "ratio" is that of the medians, "ratios" are those of each run of Lava to the slower of the two beside it.
    """
    network = mis_network(n, density, 0)
    _chip(network, 0)
    rounds = [[_chip(network, seed), _lava(worker, network, seed), _chip(network, seed)] for seed in range(REPEATS)]
    if any(len({side["synops"] for side in sides}) > 1 for sides in rounds):
        raise RuntimeError("the two sides did not run the same network")
    rates = [[side["synops"] / side["seconds"] for side in sides] for sides in rounds]
    chip_rate = statistics.median(rate for before, _, after in rates for rate in (before, after))
    lava_rate = statistics.median(lava for _, lava, _ in rates)
    return {
        "n": n,
        "density": density,
        "steps": RATIO_STEPS,
        "synapses": network.synapses,
        "synops": [sides[0]["synops"] for sides in rounds],
        "chip_synops_per_s": chip_rate,
        "lava_synops_per_s": lava_rate,
        "ratio": chip_rate / lava_rate,
        "ratios": [min(before, after) / lava for before, lava, after in rates],
        "load_average": load_average(),
    }


def _shown(case: dict[str, Any]) -> dict[str, Any]:
    print(f"lava: n={case['n']} {case['density']:.0%} {case['ratio']:.0f} times", flush=True)
    return case


def _chip(network: Network, seed: int) -> dict[str, Any]:
    run = chip_run(network, schedule_for(network.n, network.density, {}), seed, RATIO_STEPS)
    begin = time.perf_counter()
    run.advance()
    seconds = time.perf_counter() - begin
    if run.events[kernel.SEG_STEPS] != RATIO_STEPS:
        raise RuntimeError(f"the chip ran {run.events[kernel.SEG_STEPS]} steps instead of {RATIO_STEPS}")
    return {"seconds": seconds, "synops": int(run.events[kernel.SYNOPS])}


def _lava(worker: LavaChild, network: Network, seed: int) -> dict[str, Any]:
    schedule = schedule_for(network.n, network.density, {})
    body, arrays = prepare_qubo(network, schedule, seed=seed, max_steps=RATIO_STEPS)
    worker.call("prepare", body, arrays, limit_s=START_LIMIT_S)
    ran, _ = worker.call("run", {"limit_s": NO_LIMIT_S}, limit_s=NO_LIMIT_S)
    found, _ = worker.call("read", {}, limit_s=START_LIMIT_S)
    return {"seconds": ran["elapsed_ns"] * 1e-9, "synops": found["synops"]}


def measure() -> dict[str, Any]:
    """Return lava_equal, lava_ratio (the smallest of the cases), and each case."""
    worker = LavaChild(lava_python(), start_limit_s=START_LIMIT_S)
    try:
        same = equal(worker)
        cases = [_shown(compare(worker, n, density)) for n, density in CASES]
    finally:
        worker.close()
    ratio = min(case["ratio"] for case in cases)
    return {
        "lava_equal": same,
        "lava_ratio": ratio,
        "lava_cases": cases,
        "lava_verdicts": [
            verdict(
                f"same spikes and costs as Lava, n = {EQUAL_N}", same, f"8 runs of {EQUAL_STEPS} steps", "all the same"
            ),
            verdict(
                "synaptic operations per second, against Lava's simulator", ratio >= RATIO_LIMIT,
                f"{ratio:.0f} times, the least of {len(cases)} networks", f"at least {RATIO_LIMIT:.0f}",
            ),
        ],
    }  # fmt: skip


if __name__ == "__main__":
    print(measure())
