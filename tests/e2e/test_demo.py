"""The demo as a user runs it, and every figure that the project promises of it.

Costs are recomputed here from the solutions by plain loops over the edges, not by the project's own code.
"""

from __future__ import annotations

import base64
import csv
import io
import json
import subprocess
import sys
from collections import Counter
from typing import Any

import networkx
import numpy as np
import pytest

from neurorig_agents.workloads.prepare_digits import read_images
from neurorig_protocols.workloads.digits.network import Int8Mlp, network_bytes

pytestmark = [pytest.mark.e2e, pytest.mark.timeout(400)]

INSTANCES = [(250, 0.05, seed) for seed in range(5)] + [(1000, 0.01, 0)]
SCENARIOS = 3
BOARDS = ("virtual-loihi", "host-cpu")


@pytest.fixture(scope="module")
def demo(tmp_path_factory: pytest.TempPathFactory) -> tuple[dict[str, Any], str]:
    """What one run of the demo leaves behind: its summary and what it printed."""
    out = tmp_path_factory.mktemp("demo") / "demo"
    command = [sys.executable, "-m", "neurorig", "demo", "--out", str(out)]
    run = subprocess.run(command, capture_output=True, text=True, timeout=360, check=False)
    assert run.returncode == 0, run.stdout[-3000:] + run.stderr[-3000:]
    return json.loads((out / "summary.json").read_text()), run.stdout


@pytest.fixture
def attempts(demo: tuple[dict[str, Any], str]) -> list[dict[str, Any]]:
    """The QUBO attempts of the summary."""
    return demo[0]["attempts"]


def bits(attempt: dict[str, Any]) -> np.ndarray:
    """Unpack a solution as the summary's description says: first bit highest."""
    raw = np.frombuffer(base64.b64decode(attempt["solution"]), np.uint8)
    return np.unpackbits(raw)[: attempt["workload"]["n"]]


def cost(n: int, density: float, seed: int, x: np.ndarray) -> int:
    """xᵀQx with -1 on the diagonal and +4 on both sides of each edge."""
    graph = networkx.gnm_random_graph(n, int(0.5 * density * n**2), seed=seed)
    return -int(x.sum()) + sum(8 for u, v in graph.edges if x[u] and x[v])


def test_every_job_of_the_demo_is_there_once(attempts: list[dict[str, Any]]) -> None:
    """Six instances, three scenarios and two boards make 36 attempts, each once."""
    keys = Counter(
        (a["board"], a["scenario"], a["workload"]["n"], a["workload"]["density"], a["workload"]["seed"])
        for a in attempts
    )
    assert len(keys) == len(attempts) == len(INSTANCES) * SCENARIOS * len(BOARDS) == 36
    assert {(n, d, s) for _, _, n, d, s in keys} == set(INSTANCES)
    assert {(a["board"], a["reality"]) for a in attempts} == {("virtual-loihi", "virtual"), ("host-cpu", "physical")}


def test_costs_and_gaps_are_those_of_the_solutions(attempts: list[dict[str, Any]]) -> None:
    """Each best cost is xᵀQx of its solution and each gap its distance to its target, worse positive."""
    for a in attempts:
        w = a["workload"]
        assert a["best_cost"] == cost(w["n"], w["density"], w["seed"], bits(a))
        for gap, target in (("gap", "official_target"), ("best_gap", "best_target")):
            assert a[gap] == pytest.approx((a["best_cost"] - a[target]) / abs(a[target]))
        assert a["best_target"] <= a["official_target"]


def test_a_reached_gap_has_latency_and_an_unreached_one_nothing(attempts: list[dict[str, Any]]) -> None:
    """Times to solution rise as the gap narrows; "not reached" is null in both fields."""
    scenarios = [a for a in attempts if a["scenario"] == "time-to-solution"]
    assert len(scenarios) == 12
    for a in scenarios:
        assert [t["gap"] for t in a["tts"]] == [0.1, 0.05, 0.01]
        for t in a["tts"]:
            assert (t["energy_j"] is None) or t["latency_s"] is not None
            assert t["latency_s"] is None or t["latency_s"] > 0
        if a["reality"] == "virtual":
            reached = [t["latency_s"] for t in a["tts"] if t["latency_s"] is not None]
            assert reached == sorted(reached)
            assert all(t["energy_j"] > 0 for t in a["tts"] if t["latency_s"] is not None)


def test_measured_energy_of_the_run_is_the_true_energy(attempts: list[dict[str, Any]]) -> None:
    """On the virtual bench every component is within 1 % and the total within 0.5 %, in every attempt."""
    virtual = [a for a in attempts if a["reality"] == "virtual"]
    for a in virtual:
        run = [c for c in a["energy"] if c["phase"] == "run"]
        assert {c["component"] for c in run} == {"neurocores", "memory", "io", "management-cpu", "static"}
        for c in run:
            assert c["true_j"] > 0, c
            assert abs(c["energy_j"] - c["true_j"]) <= 0.01 * c["true_j"], c
        measured, true = (sum(c[key] for c in run) for key in ("energy_j", "true_j"))
        assert abs(measured - true) <= 0.005 * true


def test_uncertainty_covers_the_truth(demo: tuple[dict[str, Any], str], attempts: list[dict[str, Any]]) -> None:
    """At least nine of ten virtual cells lie within 2u of the truth, and u is no excuse: below 1 % in the run."""
    cells = [c for a in attempts for c in a["energy"] if c["true_j"] is not None] + demo[0]["digits"]["energy"]
    covered = [abs(c["energy_j"] - c["true_j"]) <= 2 * c["u_j"] for c in cells]
    assert len(cells) >= 18 * 5 * 2
    assert sum(covered) >= 0.9 * len(covered)
    assert all(c["u_j"] < 0.01 * c["energy_j"] for c in cells if c["phase"] == "run")


def test_no_energy_is_invented_for_this_computer(
    attempts: list[dict[str, Any]], demo: tuple[dict[str, Any], str]
) -> None:
    """A physical attempt has onboard counters' energy or none at all, never a truth, and says why not."""
    physical = [a for a in attempts if a["reality"] == "physical"]
    for a in physical:
        assert all(c["true_j"] is None for c in a["energy"])
        assert all(c["grade"] == "onboard" for c in a["energy"])
        if not a["energy"]:
            assert all(t["energy_j"] is None for t in a["tts"])
    assert len(demo[0]["totals"]["energy_absent"]) == sum(not a["energy"] for a in physical)


def test_digits_on_the_device_equal_the_network_on_the_host(demo: tuple[dict[str, Any], str]) -> None:
    """The device gets exactly those images right that the quantised network gets right on the host."""
    digits = demo[0]["digits"]
    images, labels = read_images(0, 200)
    predicted = Int8Mlp.from_bytes(network_bytes()).scores(images).argmax(axis=1)

    assert digits["count"] == 200
    assert digits["labels"] == predicted.tolist()
    assert digits["correct"] == int((predicted == np.array(labels)).sum())
    run = next(c for c in digits["energy"] if c["phase"] == "run")
    assert abs(run["energy_j"] - run["true_j"]) <= 0.005 * run["true_j"]


def test_targets_are_the_official_ones(attempts: list[dict[str, Any]]) -> None:
    """The official targets of the demo's instances are those that NeuroBench published."""
    published = "250,0.05,0,-67\n250,0.05,1,-69\n250,0.05,2,-67\n250,0.05,3,-67\n250,0.05,4,-67\n1000,0.01,0,-306"
    expected = {(int(n), float(d), int(s)): int(c) for n, d, s, c in csv.reader(io.StringIO(published))}
    for a in attempts:
        w = a["workload"]
        assert a["official_target"] == expected[w["n"], w["density"], w["seed"]]


def test_output_says_what_is_virtual_and_where_to_look(demo: tuple[dict[str, Any], str]) -> None:
    """What is printed names reality and grade, the absent energy with its reason, and a page."""
    text = demo[1]
    assert all(word in text for word in ("virtual", "physical", "metered", "Energy absent", "http://", "within 2u"))
