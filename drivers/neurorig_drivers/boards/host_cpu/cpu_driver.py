"""The CPU side: which solvers, which core, what this computer reports of itself. The verbs are `solving.board`'s."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import AbstractContextManager, contextmanager
from importlib.metadata import version
from pathlib import Path
from typing import Any

from neurorig_drivers.boards.host_cpu.dwave import Annealing, Tabu
from neurorig_drivers.boards.host_cpu.own_kernels import KernelAnnealing, KernelMis, KernelTabu
from neurorig_drivers.boards.solving.board import SolverBoard
from neurorig_protocols.bench import BoardConfig
from neurorig_protocols.board import BoardInfo, Placement
from neurorig_protocols.errors import InvalidConfig

PROC = Path("/proc")


def cpu_model(proc: Path = PROC) -> str:
    """Return the processor's name, or "unknown cpu"."""
    return _field(proc / "cpuinfo", ("model name", "Model", "Hardware")) or "unknown cpu"


def usable_cores() -> int:
    """Return how many logical cores this process may use."""
    return len(allowed_cores()) or os.cpu_count() or 1


def allowed_cores() -> tuple[int, ...]:
    """Return the numbers of the cores that this thread may use; empty where the system does not tell."""
    return tuple(sorted(os.sched_getaffinity(0))) if hasattr(os, "sched_getaffinity") else ()


@contextmanager
def pinned(core: int | None) -> Iterator[None]:
    """Keep this thread on one core, and let it go again as before; with None it stays free."""
    if core is None:
        yield
        return
    before = os.sched_getaffinity(0)
    os.sched_setaffinity(0, {core})
    try:
        yield
    finally:
        os.sched_setaffinity(0, before)


def available_memory_bytes(proc: Path = PROC) -> int | None:
    """Return the memory that can be had without swapping, in bytes, or None where the system does not tell."""
    text = _field(proc / "meminfo", ("MemAvailable",))
    return int(text.split()[0]) * 1024 if text else None


def _field(path: Path, names: tuple[str, ...]) -> str | None:
    try:
        lines = path.read_text("utf-8", errors="replace").splitlines()
    except OSError:
        return None
    pairs = (line.partition(":") for line in lines)
    found = {key.strip(): value.strip() for key, _, value in pairs}
    return next((found[name] for name in names if found.get(name)), None)


class HostCpu(SolverBoard):
    """NeuroBench's CPU baselines and our own kernels on this computer, on one core.

    Option `core`: the number of that core; otherwise the last one that this process may use.
    """

    name = "host-cpu"
    default_solver = Tabu.name
    extra = "neurorig[agent]"

    def __init__(self, config: BoardConfig) -> None:
        self._core = _chosen_core(dict(config.options))
        super().__init__((Tabu(), Annealing(), KernelTabu(), KernelAnnealing(), KernelMis()))
        for name in (Tabu.name, Annealing.name):
            self.warm_up(name)
        self.info = _describe(tuple(self._solvers), self._core)

    def available_memory_bytes(self) -> int | None:
        """Return the memory that can be had without swapping."""
        return available_memory_bytes()

    def placement(self, n: int, needed_bytes: int, utilisation: dict[str, float]) -> Placement:  # noqa: ARG002  # others need n
        """One core, one thread."""
        return Placement(cores=1, memory_bytes=needed_bytes, utilisation=utilisation, summary={"threads": 1})

    def told(self) -> dict[str, Any]:
        """One thread, and which core."""
        return {"threads": 1, "pinned_core": self._core}

    def held(self) -> AbstractContextManager[None]:
        """Stay on the core."""
        return pinned(self._core)


def _chosen_core(options: dict[str, object]) -> int | None:
    allowed = allowed_cores()
    core = options.pop("core", allowed[-1] if allowed else None)
    if options:
        raise InvalidConfig(f"the host-cpu board has no option {', '.join(sorted(options))}", where="board.options")
    if core is None:
        return None
    if isinstance(core, bool) or not isinstance(core, int) or core not in allowed:
        raise InvalidConfig(
            f"option 'core' is {core!r}, which is not a core that this process may use",
            where="board.options",
            next_step=f"use one of {', '.join(map(str, allowed))}" if allowed else "leave it out on this system",
        )
    return core


def _describe(solvers: tuple[str, ...], core: int | None) -> BoardInfo:
    where = "pinned to none, since this system cannot" if core is None else f"pinned to core {core} while it runs"
    notes = (
        f"{usable_cores()} logical cores, of which a solver uses one thread, {where}",
        f"dwave-samplers {version('dwave-samplers')}",
        "dwave-sa anneals between tuned temperatures; temperatures = 'library' takes the library's own",
        f"{KernelMis.name} is problem-specific: it solves maximum independent sets and nothing else",
    )
    return BoardInfo(family=cpu_model(), kinds=("qubo",), clock="host", solvers=solvers, notes=notes)
