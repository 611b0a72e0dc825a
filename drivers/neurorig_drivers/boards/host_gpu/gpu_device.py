"""Which GPU the board computes on, and what it says of itself. Numba's CUDA simulator is told apart, always."""

from __future__ import annotations

import math
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from neurorig_drivers.solvers.gpu_annealing_kernel import the_cuda
from neurorig_protocols.errors import DriverMissing, InvalidConfig

PROC = Path("/proc")
INSTALL = "neurorig[cuda]"
SIMULATOR = "CUDA simulator"


@dataclass(frozen=True)
class Gpu:
    """A GPU, made current in this thread. Versions are texts; `simulated` when there is none and Python stands in."""

    name: str
    uuid: str
    compute_capability: str
    multiprocessors: int
    shared_bytes: int
    """Shared memory of one multiprocessor."""
    memory_bytes: int | None
    driver: str
    cuda: str
    simulated: bool = False


def choose(device: object = 0) -> Gpu:
    """Make a GPU current and describe it; `device` is its index or its UUID.

    Raises DriverMissing where numba or a usable GPU is missing, InvalidConfig when no GPU is called that.
    """
    try:
        cuda = the_cuda()
    except ImportError as error:
        raise _missing(f"numba is not installed: {error}") from error
    if ".simulator." in f"{cuda.jit.__module__}.":
        cuda.select_device(_index(device, [_uuid(cuda, 0)]))
        return Gpu(SIMULATOR, "", "none", 1, 0, None, "none", "none", simulated=True)
    if not cuda.is_available():
        raise _missing(f"no NVIDIA GPU can be used: {_why_not(cuda)}")
    index = _index(device, [_uuid(cuda, k) for k in range(len(cuda.gpus))])
    cuda.select_device(index)
    return _describe(cuda, index)


def free_bytes() -> int | None:
    """Return the free memory of the current GPU, or None where nobody tells, as in the simulator."""
    free = the_cuda().current_context().get_memory_info().free
    return int(free) if math.isfinite(free) else None


def _index(device: object, uuids: list[str]) -> int:
    if isinstance(device, int) and not isinstance(device, bool) and 0 <= device < len(uuids):
        return device
    if isinstance(device, str) and device.lower() in [uuid.lower() for uuid in uuids]:
        return [uuid.lower() for uuid in uuids].index(device.lower())
    known = ", ".join(f"{index} ({uuid})" for index, uuid in enumerate(uuids))
    raise InvalidConfig(
        f"option 'device' is {device!r}, which is the index or UUID of no GPU here",
        where="board.options",
        next_step=f"use one of {known}",
    )


def _uuid(cuda: Any, index: int) -> str:
    return str(cuda.gpus[index].device.uuid if hasattr(cuda.gpus[index], "device") else cuda.gpus[index].uuid)


def _describe(cuda: Any, index: int) -> Gpu:
    device = cuda.get_current_device()
    name = device.name.decode() if isinstance(device.name, bytes) else str(device.name)
    return Gpu(
        name=name,
        uuid=_uuid(cuda, index),
        compute_capability=".".join(map(str, device.compute_capability)),
        multiprocessors=int(device.MULTIPROCESSOR_COUNT),
        shared_bytes=int(device.MAX_SHARED_MEMORY_PER_MULTIPROCESSOR),
        memory_bytes=int(cuda.current_context().get_memory_info().total),
        driver=driver_version(),
        cuda=".".join(map(str, cuda.runtime.get_version())),
    )


def driver_version(proc: Path = PROC) -> str:
    """Return the version of NVIDIA's kernel driver, or "unknown"."""
    try:
        words = (proc / "driver" / "nvidia" / "version").read_text("utf-8", errors="replace").split()
    except OSError:
        return "unknown"
    return next((word for word in words if word[0].isdigit() and word.count(".") >= 1), "unknown")


def _why_not(cuda: Any) -> str:
    try:
        return " ".join(str(cuda.cuda_error() or "none is listed").split()).rstrip(".")
    except Exception as error:  # noqa: BLE001 - numba's ways of failing here differ from version to version
        return f"{type(error).__name__}: {error}"


def _missing(what: str) -> DriverMissing:
    return DriverMissing(
        what,
        where="board.driver",
        next_step=f"install NVIDIA's driver until nvidia-smi lists the GPU, then pip install '{INSTALL}'",
    )
