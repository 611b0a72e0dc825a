"""Which GPU the board takes, what it says when there is none, how it spreads a problem, and what it refuses."""

from __future__ import annotations

from collections import namedtuple
from dataclasses import replace
from types import SimpleNamespace

import numpy as np
import pytest

from neurorig_drivers.boards.host_gpu import gpu_device, gpu_driver
from neurorig_drivers.boards.host_gpu.gpu_device import Gpu, choose, driver_version, free_bytes
from neurorig_drivers.boards.host_gpu.gpu_driver import GpuAnnealing, usual_layout
from neurorig_drivers.boards.solving.problem import Problem
from neurorig_drivers.process.host import HostedBoard
from neurorig_protocols.bench import BoardConfig
from neurorig_protocols.errors import DoesNotFit, DriverMissing, InvalidConfig, UserError

Memory = namedtuple("Memory", "free, total")
LARGE = Gpu("a GPU", "GPU-1", "9.0", 132, 228 * 1024, 80 * 2**30, "580.1", "13.0")
SOLVER = GpuAnnealing(LARGE)


def problem(n=4):
    """Return a path."""
    rows = np.arange(n - 1)
    return Problem(n, np.full(n, -1), rows, rows + 1, np.full(n - 1, 4))


@pytest.fixture
def two_gpus(monkeypatch):
    """Stand in for numba on a computer with two GPUs; return which ones were made current."""
    chosen = []
    named = SimpleNamespace(
        name=b"Trial GPU", compute_capability=(9, 0), MULTIPROCESSOR_COUNT=132,
        MAX_SHARED_MEMORY_PER_MULTIPROCESSOR=233472,
    )  # fmt: skip
    cuda = SimpleNamespace(
        jit=len,
        is_available=lambda: True,
        gpus=[SimpleNamespace(uuid="GPU-aa"), SimpleNamespace(uuid="GPU-bb")],
        select_device=chosen.append,
        get_current_device=lambda: named,
        current_context=lambda: SimpleNamespace(get_memory_info=lambda: Memory(5, 2**30)),
        runtime=SimpleNamespace(get_version=lambda: (13, 0)),
    )
    monkeypatch.setattr(gpu_device, "the_cuda", lambda: cuda)
    return chosen


@pytest.mark.parametrize(("option", "index"), [(0, 0), (1, 1), ("GPU-bb", 1), ("gpu-AA", 0)])
def test_a_gpu_is_named_by_index_or_uuid(two_gpus, option, index):
    """The GPU that the option names is made current and described in its own words."""
    found = choose(option)

    assert two_gpus == [index]
    assert (found.name, found.compute_capability, found.multiprocessors) == ("Trial GPU", "9.0", 132)
    assert found.uuid == ("GPU-aa", "GPU-bb")[index]
    assert (found.memory_bytes, found.cuda, found.simulated) == (2**30, "13.0", False)
    assert free_bytes() == 5


@pytest.mark.parametrize("option", [2, -1, True, 0.0, "GPU-cc", "", None])
def test_another_gpu_is_refused(two_gpus, option):
    """An index or UUID of no GPU is refused with those that there are, and no GPU is taken instead."""
    with pytest.raises(InvalidConfig, match="'device'") as refusal:
        choose(option)

    assert "1 (GPU-bb)" in (refusal.value.next_step or "")
    assert two_gpus == []


def test_no_gpu_says_what_to_install(monkeypatch):
    """Where numba finds no GPU that it can use, the board says why, and what to install."""
    monkeypatch.setenv("NUMBA_DISABLE_CUDA", "1")
    monkeypatch.delenv("NUMBA_ENABLE_CUDASIM", raising=False)
    with pytest.raises(DriverMissing) as caught:
        HostedBoard(BoardConfig(driver="host-gpu")).ensure_running()

    assert "no NVIDIA GPU can be used" in caught.value.message
    assert "pip install 'neurorig[cuda]'" in (caught.value.next_step or "")
    assert "nvidia-smi" in (caught.value.next_step or "")


def test_no_numba_says_what_to_install(monkeypatch):
    """Without numba the board says so, and what to install."""

    def missing():
        raise ModuleNotFoundError("No module named 'numba'")

    monkeypatch.setattr(gpu_device, "the_cuda", missing)
    with pytest.raises(DriverMissing, match="numba is not installed") as refusal:
        choose()

    assert "neurorig[cuda]" in (refusal.value.next_step or "")


@pytest.mark.parametrize(
    ("text", "version"),
    [
        ("NVRM version: NVIDIA UNIX x86_64 Kernel Module  580.159.04  Tue\nGCC version: 13\n", "580.159.04"),
        ("nothing", "unknown"),
        (None, "unknown"),
    ],
)
def test_the_drivers_version_is_read_or_unknown(tmp_path, text, version):
    """The version of NVIDIA's driver comes from /proc; without one it is unknown, not invented."""
    if text is not None:
        (tmp_path / "driver" / "nvidia").mkdir(parents=True)
        (tmp_path / "driver" / "nvidia" / "version").write_text(text)

    assert driver_version(tmp_path) == version


@pytest.mark.parametrize("n", [1, 10, 250, 1000, 2500, 5000, 9000, 20_000])
def test_the_usual_layout_fills_every_multiprocessor(n):
    """Each multiprocessor gets replicas that its threads, registers and shared memory hold at once."""
    layout = usual_layout(LARGE, n)
    each = layout.replicas // LARGE.multiprocessors

    assert layout.replicas == each * LARGE.multiprocessors >= LARGE.multiprocessors
    assert layout.threads % 32 == 0
    assert each * layout.threads * 88 <= 65_536
    if n <= 9000:
        assert each * (5 * n + 1024) <= LARGE.shared_bytes


def test_a_simulated_gpu_gets_a_layout_that_python_can_run():
    """In the simulator every thread is one of Python's: two replicas of two."""
    assert usual_layout(replace(LARGE, simulated=True), 5000) == (2, 2)


def test_parameters_win_over_the_usual_layout():
    """Replicas and threads are as asked; what is not asked stays as usual."""
    assert SOLVER.layout(1000, {"replicas": 7}) == (7, usual_layout(LARGE, 1000).threads)
    assert SOLVER.layout(1000, {"threads": 96}) == (usual_layout(LARGE, 1000).replicas, 96)


@pytest.mark.parametrize(
    ("params", "message"),
    [
        ({"replicas": 0}, "replicas"),
        ({"replicas": 2**20 + 1}, "replicas"),
        ({"replicas": True}, "replicas"),
        ({"threads": 0}, "threads"),
        ({"threads": 1025}, "threads"),
        ({"threads": 1.5}, "threads"),
        ({"first_sweeps": 0}, "first_sweeps"),
        ({"temperature_hot": 0}, "temperature_hot"),
        ({"temperature_cold": "cold"}, "temperature_cold"),
        ({"temperature_hot": 1, "temperature_cold": 2}, "cools down"),
        ({"first_anneal_s": 1}, "no parameter 'first_anneal_s'"),
    ],
)
def test_bad_parameters_are_refused(params, message):
    """A parameter out of range, of another type or of another solver is the user's error, before any GPU is used."""
    with pytest.raises(UserError, match=message):
        SOLVER.prepare(problem(), params)


def test_replicas_beyond_the_memory_do_not_fit(monkeypatch):
    """More replicas than the free memory holds are refused with need and limit, before any is taken."""
    monkeypatch.setattr(gpu_driver, "free_bytes", lambda: 10_000)
    with pytest.raises(DoesNotFit) as refusal:
        SOLVER.prepare(problem(), {"replicas": 1000})

    assert refusal.value.detail["available"] == 10_000 < refusal.value.detail["needed"]


def test_costs_beyond_int64_are_refused(monkeypatch):
    """Coefficients whose sum int64 might not hold are the user's error, not a wrong cost."""
    monkeypatch.setattr(gpu_driver, "free_bytes", lambda: None)
    with pytest.raises(UserError, match="exactly"):
        SOLVER.prepare(replace(problem(), weights=np.full(3, 2**60)), {})
