"""How long a job waits on an idle bench: from the submit to the start of its run phase, against the limit of 1 s.

    python perf/latency.py          starts its own server, virtual lab and agent; writes var/bench/latency.json

The limit is the project's own promise. The run phase's start is taken from the agent's journal, the submit from this
process's clock just before the request: both are the wall clock of one machine.
"""

from __future__ import annotations

import json
import statistics
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

ROOT = Path(__file__).parent.parent
sys.path.insert(0, str(ROOT / "tests" / "support"))

from house import QUBO, House, until  # noqa: E402 - the support folder is on the path only now

LIMIT_S = 1.0
RUNS = 20


def run_begins_s(house: House, after_s: float) -> float | None:
    """Return when the run phase of an attempt began, in Unix seconds, if that was after `after_s`."""
    for journal in (house.root / "spool" / "attempts").glob("*/journal.jsonl"):
        try:
            lines = journal.read_text().splitlines()
        except FileNotFoundError:
            continue
        for line in lines:
            if line.endswith("}") and (step := json.loads(line))["step"] == "run 0" and step["at_ns"] / 1e9 > after_s:
                return float(step["at_ns"] / 1e9)
    return None


def main() -> None:
    """Measure, print the ratio to the limit, keep the figures."""
    spec: dict[str, Any] = {"workload": QUBO, "needs": {"board": "virtual-loihi"}}
    waits: list[float] = []
    with tempfile.TemporaryDirectory() as name:
        house = House(Path(name))
        try:
            house.server()
            _, bench = house.lab("virtual-loihi")
            house.agent(bench)
            client = house.client()
            client.wait([client.submit(spec).id])
            for _ in range(RUNS):
                begin_s = time.time()
                job = client.submit(spec)
                waits.append(until(lambda begin_s=begin_s: run_begins_s(house, begin_s), what="the run") - begin_s)
                client.wait([job.id], poll_s=0.05)
        finally:
            house.close()
    median = statistics.median(waits)
    figures = {"runs": RUNS, "median_s": median, "min_s": min(waits), "max_s": max(waits), "limit_s": LIMIT_S}
    out = ROOT / "var" / "bench" / "latency.json"
    out.parent.mkdir(parents=True, exist_ok=True)
    out.write_text(json.dumps(figures, indent=1) + "\n")
    print(f"submit -> run start, {RUNS} jobs on an idle virtual bench: median {median:.3f} s, "
          f"{min(waits):.3f} … {max(waits):.3f} s; {median / LIMIT_S:.2f} of the limit of {LIMIT_S:g} s")  # fmt: skip


if __name__ == "__main__":
    main()
