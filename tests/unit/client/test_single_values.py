"""Means over one seed and totals over one pair: the tables say that their spread is unknown, never that it is 0."""

from __future__ import annotations

import csv
import io

import pytest
from whole_answers import record

from neurorig.cli import benchmark_tables
from neurorig.plain_console import PlainConsole as Console
from neurorig_protocols.api.comparisons import ComparisonView
from neurorig_protocols.benchmarks.summary import Summary

EXACT = {"kind": "ratio", "relation": "=", "low": 0.5, "high": 0.5}
POWER = {"value": 2.0, "unit": "W", "u": 0.01, "n": 1, "grade": "metered"}
ROW = {
    "board": "virtual-loihi", "bench": "chip-0", "reality": "virtual", "solver": "nebm", "n": 50, "density": 0.05,
    "scenario": {"kind": "fixed-timeout", "timeout_s": 0.01}, "seeds": [3], "complete": False, "requested_s": 0.01,
    "solve": {"value": 0.5, "unit": "s", "u": None, "n": 1, "grade": "derived"},
    "gap_official": {"value": 0.0321, "unit": "1", "u": None, "n": 1, "grade": "derived"},
    "gap_best": {"value": 0.04, "unit": "1", "u": None, "n": 1, "grade": "derived"},
    "power": POWER, "energy": {**POWER, "unit": "J"}, "jobs": ["j1"], "seeds_text": "1 of 5 seeds",
}  # fmt: skip


def shown(parts):
    """Return the lines of what a command prints."""
    console = Console(width=200, file=io.StringIO())
    for part in parts:
        console.print(part)
    return console.file.getvalue().splitlines()


@pytest.fixture
def summary():
    """A campaign with one row of one seed."""
    rules = {"start_rule": "The clock starts.", "stop_rule": "It stops."}
    return record(Summary, {"rows": [ROW], "jobs": 1, "pending": 0, "left_out": 0, **rules})


def test_row_of_one_seed_says_that_its_spread_is_unknown(summary):
    """Each mean is marked, the meter's uncertainty stays, and a note below gives the words."""
    lines = shown(benchmark_tables.summary(summary))
    (row,) = [line for line in lines if line.startswith("50 ")]

    for part in ("3.21 % (n = 1)", "4 % (n = 1)", "500 ms (n = 1)", "2.000 ± 0.020 W (n = 1)"):
        assert part in row
    assert "! n = 1, spread unknown; ± is the instrument's alone. n = 50, 5 %, 10 ms." in lines


def test_csv_leaves_an_unknown_uncertainty_empty(summary):
    """An empty field is not a number, where 0 would call the mean exact."""
    (line,) = csv.DictReader(io.StringIO(benchmark_tables.summary_csv(summary)))

    assert (line["gap_official"], line["u_gap_official"], line["u_power_w"]) == ("0.0321", "", "0.01")


@pytest.mark.parametrize(
    ("mean", "text"),
    [
        ({**EXACT, "u": None}, "0.5 (n = 1, spread unknown)"),
        ({**EXACT, "u": 0.005}, "0.500 ± 0.010 (n = 1, spread unknown)"),
        ({**EXACT, "u": 0.005, "n": 2}, "0.500 ± 0.010"),
        ({"kind": "ratio", "relation": ">=", "low": 0.5, "high": None, "u": None}, "≥ 0.5"),
        ({"kind": "difference", "value": 3.0, "u": None}, "+3 (difference; n = 1, spread unknown)"),
        ({"kind": "difference", "value": 3.0, "u": 0.0, "n": 2}, "+3 (difference)"),
    ],
)
def test_total_over_one_pair_says_that_its_spread_is_unknown(mean, text):
    """What a meter adds stays beside it; several pairs show their spread, and a bound has none."""
    total = {"metric": "power", "pairs": 1, "compared": 1, "mean": mean, "median": None}
    result = {"left": [], "right": [], "pairs": [], "totals": [total], "unpaired": [], "pending": 0}
    sides = {"left": {"job": "j1"}, "right": {"job": "j2"}}
    body = {"id": "k1", "name": "", "created_at": "2026-11-21T08:00:00Z", **sides, "result": result}
    lines = shown(benchmark_tables.comparison(record(ComparisonView, body)))

    (line,) = [line for line in lines if line.startswith("power")]
    assert line.split("1 of 1")[1].strip() == text
