"""The CPU side: which solvers, which core, what this computer says of itself. The verbs are `solving/board.py`'s."""

from __future__ import annotations

from contextlib import AbstractContextManager
from importlib.metadata import version
from typing import Any

from neurorig_drivers.boards.host_cpu import machine
from neurorig_drivers.boards.host_cpu.annealing import Annealing
from neurorig_drivers.boards.host_cpu.kernels import KernelAnnealing, KernelMis, KernelTabu
from neurorig_drivers.boards.host_cpu.tabu import Tabu
from neurorig_drivers.boards.solving.board import SolverBoard
from neurorig_protocols.bench import BoardConfig
from neurorig_protocols.board import BoardInfo, Placement
from neurorig_protocols.errors import InvalidConfig


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
        return machine.available_memory_bytes()

    def placement(self, n: int, needed_bytes: int, utilisation: dict[str, float]) -> Placement:  # noqa: ARG002  # others need n
        """One core, one thread."""
        return Placement(cores=1, memory_bytes=needed_bytes, utilisation=utilisation, summary={"threads": 1})

    def told(self) -> dict[str, Any]:
        """One thread, and which core."""
        return {"threads": 1, "pinned_core": self._core}

    def held(self) -> AbstractContextManager[None]:
        """Stay on the core."""
        return machine.pinned(self._core)


def _chosen_core(options: dict[str, object]) -> int | None:
    allowed = machine.allowed_cores()
    core = options.pop("core", allowed[-1] if allowed else None)
    if options:
        raise InvalidConfig(f"the host-cpu board has no option {', '.join(sorted(options))}", where="board.options")
    if core is None:
        return None
    if isinstance(core, bool) or not isinstance(core, int) or core not in allowed:
        raise InvalidConfig(
            f"option 'core' is {core!r}, which is no core that this process may use",
            where="board.options",
            next_step=f"use one of {', '.join(map(str, allowed))}" if allowed else "leave it out on this system",
        )
    return core


def _describe(solvers: tuple[str, ...], core: int | None) -> BoardInfo:
    where = "pinned to none, since this system cannot" if core is None else f"pinned to core {core} while it runs"
    notes = (
        f"{machine.usable_cores()} logical cores, of which a solver uses one thread, {where}",
        f"dwave-samplers {version('dwave-samplers')}",
        "dwave-sa anneals between tuned temperatures; temperatures = 'library' takes the library's own",
        f"{KernelMis.name} is problem-specific: it solves maximum independent sets and nothing else",
    )
    return BoardInfo(family=machine.cpu_model(), kinds=("qubo",), clock="host", solvers=solvers, notes=notes)
