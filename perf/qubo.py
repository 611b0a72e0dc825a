"""The QUBO benchmarks of neurorig in one run, each against its peer and its limit; writes var/bench/qubo.json.

    python perf/qubo.py                     all parts
    python perf/qubo.py tts budgets         these parts; the others keep the figures of an earlier run

Every part is a module with `measure() -> dict`. A part's figures are written as soon as it is done, so a run that was
ended goes on with the parts that are missing by naming them. Times are this computer's: keep it quiet. The
load average at the begin and the end of each part stands beside its figures.
"""

from __future__ import annotations

import argparse
import importlib
import json
import time
from pathlib import Path
from typing import Any

from qubo_told import ABOUT, absences, heading, load_average, noise, table

from neurorig_drivers.boards.host_cpu import cpu_driver
from neurorig_protocols.errors import NeurorigError

OUT = Path(__file__).parent.parent / "var" / "bench" / "qubo.json"
PARTS = tuple(ABOUT)


def run_part(name: str, figures: dict[str, Any]) -> None:
    """Measure one part and add what it found, with when and how long."""
    begin = time.monotonic()
    part: dict[str, Any] = {"load_before": load_average()}
    try:
        figures.update(importlib.import_module(f"qubo_{name}").measure())
    except NeurorigError as error:
        # Such as Lava's own Python, which is not on every computer: the other parts go on.
        part["absent"] = error.message
    part["seconds"] = time.monotonic() - begin
    part["load_after"] = load_average()
    part["ended_at"] = time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime())
    figures["parts"][name] = part
    OUT.parent.mkdir(parents=True, exist_ok=True)
    fresh = OUT.with_suffix(".new")
    fresh.write_text(json.dumps(figures, indent=1) + "\n")
    fresh.replace(OUT)


def told(figures: dict[str, Any]) -> list[str]:
    """Return the claims of all parts as lines, what could not be measured, and whether the computer was busy."""
    verdicts = [line for name in PARTS for line in figures.get(f"{name}_verdicts", [])]
    parts = figures.get("parts", {})
    return ["", *table(verdicts), *absences(parts), *noise(parts, figures["machine"]["cores"])]


def main() -> None:
    """Run the parts, keep their figures, print the verdicts."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("parts", nargs="*", metavar="PART", help=", ".join(PARTS))
    parts = parser.parse_args().parts or PARTS
    if unknown := sorted(set(parts) - set(PARTS)):
        parser.error(f"no part is called {', '.join(unknown)}")
    earlier: dict[str, Any] = json.loads(OUT.read_text()) if OUT.exists() else {}
    figures = earlier.copy() if set(parts) != set(PARTS) else {}
    figures["parts"] = dict(figures.get("parts", {}))
    figures["machine"] = {
        "cpu": cpu_driver.cpu_model(), "cores": cpu_driver.usable_cores(), "load_average": load_average(),
    }  # fmt: skip
    for at, name in enumerate(parts):
        print(heading(parts, at, earlier.get("parts", {})), flush=True)
        run_part(name, figures)
    print(*told(figures), sep="\n")
    print(f"\nwritten to {OUT}")


if __name__ == "__main__":
    main()
