"""The jobs of the demo: NeuroBench's MIS problems on two boards, and handwritten digits on a third."""

from __future__ import annotations

from neurorig_protocols.job import (
    Digits,
    FixedTimeout,
    JobSpec,
    Needs,
    QuboMis,
    Scenario,
    TimeToSolution,
)

TAG = "demo"
DIGITS = 200

# n, density, graph seed
INSTANCES = (*((250, 0.05, seed) for seed in range(5)), (1000, 0.01, 0))
QUBO_BOARDS = ("virtual-loihi", "host-cpu")
DIGITS_BENCH = "virtual-serial"

SCENARIOS: tuple[Scenario, ...] = (
    TimeToSolution(kind="time-to-solution", limit_s=0.5),
    FixedTimeout(kind="fixed-timeout", timeout_s=0.01),
    FixedTimeout(kind="fixed-timeout", timeout_s=0.1),
)


def demo_jobs() -> list[JobSpec]:
    """Return all jobs, the digits first because their device is the slowest."""
    qubo = [
        JobSpec(
            workload=QuboMis(name="qubo-mis", n=n, density=density, seed=seed, scenario=scenario),
            needs=Needs(board=board),
            tags=(TAG,),
        )
        for board in QUBO_BOARDS
        for n, density, seed in INSTANCES
        for scenario in SCENARIOS
    ]
    digits = JobSpec(workload=Digits(name="mnist-digits", count=DIGITS), needs=Needs(bench=DIGITS_BENCH), tags=(TAG,))
    return [digits, *qubo]
