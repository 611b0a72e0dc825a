"""What the host's independent-set search reaches on each of the 180 tuning instances within 5 s on one core.

A search stops early at the best cost that is known and shipped as verified, so most instances take milliseconds.
"""

from __future__ import annotations

from typing import Any

from qubo_cases import SIZES, cases, searches, timed, verdict

from neurorig_drivers.boards.host_cpu.own_kernels import KernelMis
from neurorig_protocols.workloads.qubo import mis, targets_shipped

LIMIT_S = 5.0
LEAST_BETTER = 80


def measure(limit_s: float = LIMIT_S) -> dict[str, Any]:
    """Search every instance once and compare with the official and the best verified cost."""
    best = {(row.n, row.density, row.seed): row.cost for row in targets_shipped.rows()}
    rows = []
    for case in cases(SIZES):
        problem = case.problem()
        search = searches(problem, [KernelMis.name])[KernelMis.name]
        found = timed(search, limit_s, case.seed, best[case])
        assert problem.cost(found.bits) == found.cost
        assert mis.instance(*case).is_independent_set(found.bits)
        rows.append(
            {
                "n": case.n, "density": case.density, "seed": case.seed, "best": found.cost,
                "official": case.official, "best_verified": best[case], "time_s": found.improvements[-1][0],
            }
        )  # fmt: skip
        if case.seed == 0:
            print(f"instances: n={case.n} {case.density:.0%} {found.cost} against {case.official}", flush=True)
    return {"instances": rows, "instances_limit_s": limit_s, **_summary(rows)}


def _summary(rows: list[dict[str, Any]]) -> dict[str, Any]:
    worse = sum(row["best"] > row["official"] for row in rows)
    better = sum(row["best"] < row["official"] for row in rows)
    equal_best = sum(row["best"] <= row["best_verified"] for row in rows)
    slowest_s = max(row["time_s"] for row in rows)
    return {
        "instances_worse": worse,
        "instances_better": better,
        "instances_best_verified": equal_best,
        "instances_slowest_s": slowest_s,
        "instances_verdicts": [
            verdict(
                "at or below the official target", worse == 0, f"{len(rows) - worse} instances", f"all {len(rows)}"
            ),
            verdict("below the official target", better >= LEAST_BETTER, f"{better}", f"at least {LEAST_BETTER}"),
            verdict("each reached soon", slowest_s <= LIMIT_S, f"slowest {slowest_s:.2f} s", f"{LIMIT_S:g} s"),
        ],
    }
