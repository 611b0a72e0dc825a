"""Turns the best solutions of the QUBO benchmark runs into solution files: `python perf/best_targets.py`.

    perf/qubo.py            keeps what it found in var/best/best.json
    this                    recomputes each and writes var/best/KEY.json, where that is better
    neurorig targets export --output protocols/neurorig_protocols/workloads/qubo/data/best_targets.json --proof-nodes N

Not a search: `neurorig targets improve` searches.
"""

from __future__ import annotations

import argparse
import json
from datetime import UTC, date, datetime
from pathlib import Path

import numpy as np

from neurorig_agents.targets.search import Folder
from neurorig_protocols.workloads.qubo import mis
from neurorig_protocols.workloads.qubo.qubo_records import pack_bits
from neurorig_protocols.workloads.qubo.qubo_targets import MisProblem, SolutionFile, recompute


def main() -> None:
    """Convert every entry."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--folder", type=Path, default=Path("var/best"))
    parser.add_argument("--found-by", default="neurorig maintainers")
    parser.add_argument("--found-at", type=date.fromisoformat, default=datetime.now(UTC).date())
    asked = parser.parse_args()
    folder = Folder(asked.folder)
    entries = json.loads((asked.folder / "best.json").read_text("utf-8"))
    kept = 0
    for entry in entries.values():
        problem = MisProblem(n=entry["n"], density=entry["density"], seed=entry["seed"])
        bits = np.unpackbits(np.frombuffer(bytes.fromhex(entry["packed_bits_hex"]), np.uint8))[: problem.n]
        solution = pack_bits(bits)
        cost = recompute(mis.instance(problem.n, problem.density, problem.seed), solution)
        assert cost == entry["cost"], (problem.key, cost, entry["cost"])
        kept += folder.keep(
            SolutionFile(
                problem=problem,
                cost=cost,
                solution=solution,
                found_by=asked.found_by,
                found_on=entry["solver"],
                found_at=asked.found_at,
            )
        )
    print(f"{kept} of {len(entries)} solutions are better than those in {asked.folder}")


if __name__ == "__main__":
    main()
