"""The GPU side: which GPU, and what it says of itself. The verbs are `solving/board.py`'s."""

from __future__ import annotations

from importlib.metadata import version
from typing import Any

from neurorig_drivers.boards.host_gpu import device
from neurorig_drivers.boards.host_gpu.annealing import GpuAnnealing, usual_layout
from neurorig_drivers.boards.solving.board import SolverBoard
from neurorig_protocols.bench import BoardConfig
from neurorig_protocols.board import BoardInfo, Placement
from neurorig_protocols.errors import InvalidConfig

SIMULATED = (
    f"functional only: numba's {device.SIMULATOR} runs the kernels as Python threads; no GPU is used and none measured"
)


class HostGpu(SolverBoard):
    """Our annealing on one NVIDIA GPU of this computer, the first one unless option `device` names another.

    Not yet run on a real GPU.

    Option `device`: the GPU's index or its UUID. While idle, no kernel runs; while it runs, one thread of this computer
    launches the kernels and waits for them.
    """

    name = "host-gpu"
    default_solver = GpuAnnealing.name
    extra = device.INSTALL

    def __init__(self, config: BoardConfig) -> None:
        options = dict(config.options)
        chosen = options.pop("device", 0)
        if options:
            raise InvalidConfig(f"the host-gpu board has no option {', '.join(sorted(options))}", where="board.options")
        self._gpu = device.choose(chosen)
        super().__init__((GpuAnnealing(self._gpu),))
        self.warm_up(self.default_solver)
        self.info = _describe(self._gpu, tuple(self._solvers))

    def available_memory_bytes(self) -> int | None:
        """Return the free memory of the GPU."""
        return device.free_bytes()

    def placement(self, n: int, needed_bytes: int, utilisation: dict[str, float]) -> Placement:
        """Say over how many multiprocessors the replicas are spread."""
        layout = usual_layout(self._gpu, n)
        spread = {"replicas": layout.replicas, "threads per replica": layout.threads}
        cores = min(self._gpu.multiprocessors, layout.replicas)
        return Placement(cores=cores, memory_bytes=needed_bytes, utilisation=utilisation, summary=spread)

    def told(self) -> dict[str, Any]:
        """One thread of the host."""
        return {"host_threads": 1}


def _describe(gpu: device.Gpu, solvers: tuple[str, ...]) -> BoardInfo:
    if gpu.simulated:
        return BoardInfo(
            family=f"{device.SIMULATOR} (no GPU)", kinds=("qubo",), solvers=solvers,
            notes=(SIMULATED, f"numba {version('numba')}"), no_energy=SIMULATED,
        )  # fmt: skip
    memory_gib = "unknown" if gpu.memory_bytes is None else f"{gpu.memory_bytes / 2**30:.1f} GiB"
    usual = usual_layout(gpu, 1000)
    notes = (
        f"compute capability {gpu.compute_capability}, {gpu.multiprocessors} multiprocessors, {memory_gib} of memory",
        f"NVIDIA driver {gpu.driver}, CUDA runtime {gpu.cuda}, numba {version('numba')}",
        f"one block of threads per replica; at n = 1000 {usual.replicas} replicas of {usual.threads} threads",
        "a limit is kept by launches planned from the pace of those before; improvements are seen after each launch",
    )
    return BoardInfo(
        family=gpu.name, serial_number=gpu.uuid, firmware=gpu.driver, kinds=("qubo",), clock="host", solvers=solvers,
        notes=notes,
    )  # fmt: skip
