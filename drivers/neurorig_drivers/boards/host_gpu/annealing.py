"""Simulated annealing on the GPU as a solver of the board: how a problem is spread over the GPU, and its parameters."""

from __future__ import annotations

from neurorig_drivers.boards.host_gpu.device import Gpu, free_bytes
from neurorig_drivers.boards.solving.board import must_fit
from neurorig_drivers.boards.solving.kernel_search import KernelSearch, exact_matrix, given_temperatures
from neurorig_drivers.boards.solving.problem import Problem
from neurorig_drivers.boards.solving.solver import Params, refuse_unknown, whole_number
from neurorig_drivers.solvers import gpu_annealing
from neurorig_drivers.solvers.gpu_annealing import Layout
from neurorig_protocols.errors import UserError

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
    size = gpu_annealing.state_bytes(n, wide=False)
    each = REPLICAS_IN_GLOBAL_MEMORY
    if size <= gpu_annealing.SHARED_BYTES:
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
        first_sweeps = whole_number(params, "first_sweeps", gpu_annealing.GpuAnnealingParams.first_sweeps, 1) or 1
        must_fit(_memory_bytes(problem.n, problem.edges, layout.replicas), free_bytes(), self.name)
        chosen = gpu_annealing.GpuAnnealingParams(hot, cold, first_sweeps)
        search = gpu_annealing.GpuAnnealingSearch(exact_matrix(problem), layout, chosen)
        return KernelSearch(
            search, labels={"replicas": float(layout.replicas), "threads_per_replica": float(layout.threads)}
        )


def _memory_bytes(n: int, edges: int, replicas: int) -> int:
    # The widest of each: couplings, fields and the diagonal of 64 bits, two bits of a state as bytes.
    return 2 * edges * (4 + 8) + n * 16 + replicas * (n * (8 + 1 + 1) + 64)
