"""The GPU board on a real GPU; skipped where there is none."""

from __future__ import annotations

import pytest
from gpu_reference import random_qubo, sequential
from gpu_simulator import GpuProcess
from host_cpu_kit import artifact, batch, load

from neurorig_drivers.interface import MarkerLog
from neurorig_drivers.process.host import HostedBoard
from neurorig_protocols.bench import BoardConfig
from neurorig_protocols.errors import DriverMissing

pytestmark = pytest.mark.hardware


@pytest.fixture(scope="module")
def board():
    """The board on the first GPU."""
    hosted = HostedBoard(BoardConfig(driver="host-gpu"))
    try:
        hosted.ensure_running()
    except DriverMissing as missing:
        pytest.skip(missing.message)
    yield hosted
    hosted.close()


@pytest.mark.parametrize("threads", [32, 96])
@pytest.mark.parametrize("shared", [True, False])
@pytest.mark.parametrize("wide", [True, False])
def test_the_gpu_comes_to_what_one_thread_would(board, threads, shared, wide):
    """On the device too, cost and bits are those of a sequential annealing."""
    q = random_qubo(70, seed=threads)
    with GpuProcess(simulated=False) as gpu:
        found = gpu.search(
            q, layout=(3, threads), memory={"shared": shared, "wide": wide}, params={"first_sweeps": 5},
            limit_s=1e6, seed=11, most_sweeps=20,
        )  # fmt: skip
    cost, bits = sequential(q, 11, 3, most_sweeps=20, first_sweeps=5)

    assert found["cost"] == cost
    assert found["bits"].tolist() == bits.tolist()


@pytest.mark.parametrize("limit_s", [0.01, 0.1])
def test_limits_are_kept(board, limit_s):
    """A search of 1000 variables ends within a millisecond of its limit, by the best of five."""
    load(board, artifact(1000, 0.05))
    times = [board.run(batch(limit_s=limit_s), MarkerLog()).meta["solve_s"] for _ in range(5)]

    assert min(abs(solve_s - limit_s) for solve_s in times) < 1e-3
    assert "CUDA simulator" not in board.info.family
