"""A small part of the benchmark, from the command line to the tables, on this computer's own processor."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest
from house import House

from neurorig.demo.lab import host_bench

pytestmark = pytest.mark.e2e


def neurorig(house: House, *arguments: str) -> subprocess.CompletedProcess[str]:
    """Run the command against the house's server."""
    command = [sys.executable, "-m", "neurorig", *arguments, "--server", house.url]
    command += ["--token-file", str(house.token_file)]
    return subprocess.run(command, capture_output=True, text=True, timeout=240, check=False)


@pytest.mark.timeout(400)
def test_quick_benchmark_on_the_processor(house: House, tmp_path: Path) -> None:
    """Ninety jobs become eighteen complete rows; a second campaign and a comparison stand beside them."""
    house.server()
    bench = tmp_path / "host.toml"
    # Without its counters: they need root, and this test is about the tables.
    bench.write_text(host_bench(tmp_path / "no-counters"))
    house.agent(bench)

    ran = neurorig(house, "benchmark", "qubo-mis", "--board", "host-cpu", "--quick", "--json")
    assert ran.returncode == 0, ran.stderr
    found = json.loads(ran.stdout)
    rows = found["summary"]["rows"]
    joined = neurorig(house, "compare", found["id"], found["id"], "--json")
    table = neurorig(house, "benchmark", "summary", found["id"], "--csv", str(tmp_path / "table.csv"))

    assert (found["complete"], found["summary"]["jobs"], len(rows)) == (1.0, 90, 18)
    assert all(row["complete"] and row["seeds"] == [0, 1, 2, 3, 4] and not row["infeasible"] for row in rows)
    assert all(row["start_event"] == "problem loaded" for row in rows)
    assert all(row["power"]["reason_code"] == "not_measured" for row in rows)
    easy = [row for row in rows if row["n"] == 10]
    assert all(abs(row["gap_official"]["value"]) < 1e-12 for row in easy)
    assert all(to_gap["latency"]["reached"] == 5 for row in easy for to_gap in row["to_gaps"])
    totals = {total["metric"]: total for total in json.loads(joined.stdout)["result"]["totals"]}
    assert totals["gap to official"]["mean"]["value"] == 0
    assert totals["power"]["mean"]["code"] == "not_measured"
    assert "10 %" in table.stdout
    assert len((tmp_path / "table.csv").read_text().splitlines()) == 1 + 12 + 3 * 6
