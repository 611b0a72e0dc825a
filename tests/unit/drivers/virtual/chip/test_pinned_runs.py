"""Whole runs of the kernel, pinned by a digest of everything that they leave behind.

The digests are those of the kernel as it was first compared with Lava's network and with the slow model. A faster
kernel has to give the same spikes, costs, times and counts: whoever changes a digest changes the chip.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

from neurorig_drivers.annealing.network import Network, from_arrays
from neurorig_drivers.annealing.schedule import schedule_for
from neurorig_drivers.process.framing import Arrays
from neurorig_lab.chip.annealer import Annealer
from neurorig_lab.chip.placed import accept, leaf_cores
from neurorig_lab.chip.routing import Mesh

MakeMis = Callable[[int, float, int], Arrays]
MakeQubo = Callable[[np.ndarray], Arrays]


def digest(network: Network, mesh: Mesh, params: dict[str, Any] | None = None, *, tree: bool = False) -> str:
    """Return the digest of 700 steps, one segment each, on cores taken in turn, with two targets on the way."""
    kept = [0, *leaf_cores(mesh, network.n).ravel().tolist()] if tree else []
    hosts = np.setdiff1d(np.arange(mesh.cores), kept)
    mapping = accept(network, hosts[np.arange(network.n) % len(hosts)], mesh, tree=tree)
    floor = int(np.minimum(network.diagonal, 0).sum())
    run = Annealer(
        network,
        mapping,
        schedule_for(network.n, network.density, params or {}),
        seed=11,
        limit_s=1.0,
        limit_steps=700,
        target_costs=[floor * 0.02, floor * 0.05],
        segment_s=0.0,
    )
    rows = []
    while len(part := run.advance()):
        rows.append(part)
    parts = [*rows, run.spiked, run.solution, *run.improvements, *run.reached, *run.state().values()]
    made = hashlib.sha256()
    for values in parts:
        array = np.asarray(values)
        made.update(np.ascontiguousarray(array, "<f8" if array.dtype.kind == "f" else "<i8").tobytes())
    return made.hexdigest()[:16]


@pytest.mark.parametrize(
    ("n", "density", "pinned"),
    [
        (1, 0.01, "62940fdb8a60a1a1"),
        (10, 0.25, "4f7cdb7b4a011b9b"),
        (63, 0.05, "8f5c4a46780a1931"),
        (64, 0.1, "c4257204e355396f"),
        (250, 0.1, "54cbad2bd5373dfc"),
        (1000, 0.01, "b7250bb584c2406e"),
        (1000, 0.05, "048dd3668d7689c0"),
        (1000, 0.25, "64afe3392f3960ad"),
    ],
)
def test_a_run_of_the_benchmark_is_the_pinned_one(mis: MakeMis, n: int, density: float, pinned: str) -> None:
    """Independent-set problems of every size give the pinned run on one chip."""
    assert digest(from_arrays(mis(n, density, 0)), Mesh(1, 32)) == pinned


@pytest.mark.parametrize(
    ("chips", "pinned"), [(1, "23c26a44c3b8694b"), (2, "fae17adde226c203"), (5, "4b84bca4294961ad")]
)
def test_a_run_with_leaves_is_the_pinned_one(mis: MakeMis, chips: int, pinned: str) -> None:
    """With the cost added up by leaves, on one chip and on several, the run is the pinned one."""
    assert digest(from_arrays(mis(300, 0.05, 1)), Mesh(chips, 32), tree=True) == pinned


@pytest.mark.parametrize(
    ("hot", "pinned"),
    [
        ({}, "4b73c9f760abaa6c"),
        ({"t_max": 8.0, "t_min": 0.5}, "b0e5e0161792bd8d"),
        ({"kind": "linear", "growth": 1}, "f01a1a619ea469cf"),
    ],
)
def test_a_run_of_any_matrix_is_the_pinned_one(qubo: MakeQubo, hot: dict[str, Any], pinned: str) -> None:
    """Weights of both signs, at low and at high temperature, give the pinned run."""
    rng = np.random.default_rng(3)
    matrix = np.triu(rng.integers(-20, 21, (130, 130)))
    assert digest(from_arrays(qubo(matrix + np.triu(matrix, 1).T)), Mesh(1, 4), hot) == pinned
