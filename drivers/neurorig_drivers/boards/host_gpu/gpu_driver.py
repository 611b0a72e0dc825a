"""The NVIDIA GPU as a board: annealing with many replicas. The verbs are `solving.board`'s."""

from __future__ import annotations

from importlib.metadata import version
from typing import Any

from neurorig_drivers.boards.host_gpu import gpu_device
from neurorig_drivers.boards.host_gpu.gpu_device import Gpu, free_bytes
from neurorig_drivers.boards.solving.board import SolverBoard, must_fit
from neurorig_drivers.boards.solving.kernel_search import KernelSearch, exact_matrix, given_temperatures
from neurorig_drivers.boards.solving.problem import Problem
from neurorig_drivers.boards.solving.scenarios import Params, refuse_unknown, whole_number
from neurorig_drivers.solvers import gpu_search
from neurorig_drivers.solvers.gpu_search import Layout
from neurorig_protocols.bench import BoardConfig
from neurorig_protocols.board import BoardInfo, Placement
from neurorig_protocols.errors import InvalidConfig, UserError

PARAMS = ("replicas", "threads", "temperature_hot", "temperature_cold", "first_sweeps")
MOST_REPLICAS = 1 << 20
MOST_THREADS = 1024
REPLICAS_PER_MULTIPROCESSOR = 16
REPLICAS_IN_GLOBAL_MEMORY = 8
THREADS_PER_MULTIPROCESSOR = 704
"""The kernel takes 82 registers of a thread, handed out by eights, and a multiprocessor has 65 536."""
WARP = 32
MOST_USUAL_THREADS = 256
_OWN_SHARED_BYTES = 1 << 10
"""Shared memory that CUDA keeps for itself of each block."""
_SIMULATED = Layout(replicas=2, threads=2)


def usual_layout(gpu: Gpu, n: int) -> Layout:
    """Return how many replicas and threads a problem of n variables gets by default, a function of GPU and size alone.

    As many replicas as are in residence at once, up to a number; as many threads as then keep a multiprocessor busy.
    """
    if gpu.simulated:
        return _SIMULATED
    size = gpu_search.state_bytes(n, wide=False)
    each = REPLICAS_IN_GLOBAL_MEMORY
    if size <= gpu_search.SHARED_BYTES:
        each = max(1, min(REPLICAS_PER_MULTIPROCESSOR, gpu.shared_bytes // (size + _OWN_SHARED_BYTES)))
    threads = WARP
    while 2 * threads * each <= THREADS_PER_MULTIPROCESSOR and threads < min(n, MOST_USUAL_THREADS):
        threads *= 2
    return Layout(each * gpu.multiprocessors, threads)


class GpuAnnealing:
    """Simulated annealing for any QUBO, many replicas at once."""

    name = "neurorig-sa-gpu"

    def __init__(self, gpu: Gpu) -> None:
        self._gpu = gpu

    def memory_bytes(self, n: int, edges: int) -> int:
        """Return the device memory of the rows and of the replicas that a problem gets by default."""
        return _memory_bytes(n, edges, usual_layout(self._gpu, n).replicas)

    def layout(self, n: int, params: Params) -> Layout:
        """Return the layout that the parameters ask for; UserError when one is out of range."""
        usual = usual_layout(self._gpu, n)
        replicas = whole_number(params, "replicas", usual.replicas, 1) or 1
        threads = whole_number(params, "threads", usual.threads, 1) or 1
        for name, value, most in (("replicas", replicas, MOST_REPLICAS), ("threads", threads, MOST_THREADS)):
            if value > most:
                raise UserError(f"solver parameter '{name}' is {value}, the limit is {most}", where="solver.params")
        return Layout(replicas, threads)

    def prepare(self, problem: Problem, params: Params) -> KernelSearch:
        """Bring the problem to the GPU; UserError on bad parameters and costs beyond int64, DoesNotFit on replicas."""
        refuse_unknown(self.name, params, PARAMS)
        hot, cold = given_temperatures(params)
        layout = self.layout(problem.n, params)
        first_sweeps = whole_number(params, "first_sweeps", gpu_search.GpuAnnealingParams.first_sweeps, 1) or 1
        must_fit(_memory_bytes(problem.n, problem.edges, layout.replicas), free_bytes(), self.name)
        chosen = gpu_search.GpuAnnealingParams(hot, cold, first_sweeps)
        search = gpu_search.GpuAnnealingSearch(exact_matrix(problem), layout, chosen)
        return KernelSearch(
            search, labels={"replicas": float(layout.replicas), "threads_per_replica": float(layout.threads)}
        )


def _memory_bytes(n: int, edges: int, replicas: int) -> int:
    # The widest of each: couplings, fields and the diagonal of 64 bits, two bits of a state as bytes.
    return 2 * edges * (4 + 8) + n * 16 + replicas * (n * (8 + 1 + 1) + 64)


SIMULATED = (
    f"functional only: numba's {gpu_device.SIMULATOR} runs the kernels as Python threads; "
    "no GPU is used and none measured"
)


class HostGpu(SolverBoard):
    """Our annealing on one NVIDIA GPU of this computer, the first one unless option `device` names another.

    Not yet run on a real GPU.

    Option `device`: the GPU's index or its UUID. While idle, no kernel runs; while it runs, one thread of this computer
    launches the kernels and waits for them.
    """

    name = "host-gpu"
    default_solver = GpuAnnealing.name
    extra = gpu_device.INSTALL

    def __init__(self, config: BoardConfig) -> None:
        options = dict(config.options)
        chosen = options.pop("device", 0)
        if options:
            raise InvalidConfig(f"the host-gpu board has no option {', '.join(sorted(options))}", where="board.options")
        self._gpu = gpu_device.choose(chosen)
        super().__init__((GpuAnnealing(self._gpu),))
        self.warm_up(self.default_solver)
        self.info = _describe(self._gpu, tuple(self._solvers))

    def available_memory_bytes(self) -> int | None:
        """Return the free memory of the GPU."""
        return gpu_device.free_bytes()

    def placement(self, n: int, needed_bytes: int, utilisation: dict[str, float]) -> Placement:
        """Say over how many multiprocessors the replicas are spread."""
        layout = usual_layout(self._gpu, n)
        spread = {"replicas": layout.replicas, "threads per replica": layout.threads}
        cores = min(self._gpu.multiprocessors, layout.replicas)
        return Placement(cores=cores, memory_bytes=needed_bytes, utilisation=utilisation, summary=spread)

    def told(self) -> dict[str, Any]:
        """One thread of the host."""
        return {"host_threads": 1}


def _describe(gpu: gpu_device.Gpu, solvers: tuple[str, ...]) -> BoardInfo:
    if gpu.simulated:
        return BoardInfo(
            family=f"{gpu_device.SIMULATOR} (no GPU)", kinds=("qubo",), solvers=solvers,
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
