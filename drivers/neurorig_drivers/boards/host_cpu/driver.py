"""The board driver: order, phases, scenarios and windows. How a solver works is the solvers' business.

The DUT is the computer that the driver runs on, so the clock is "host", there is no marker line, and the times are
real. Energy comes from a monitor such as RAPL, never from here.
"""

from __future__ import annotations

import time
from dataclasses import dataclass
from importlib.metadata import version
from time import perf_counter_ns
from typing import TypeVar

import numpy as np

from neurorig_drivers.boards.host_cpu import machine, scenarios
from neurorig_drivers.boards.host_cpu.annealing import Annealing
from neurorig_drivers.boards.host_cpu.kernels import KernelAnnealing, KernelMis, KernelTabu
from neurorig_drivers.boards.host_cpu.problem import Problem, read_problem
from neurorig_drivers.boards.host_cpu.solver import Params, Search, Solver, Window
from neurorig_drivers.boards.host_cpu.tabu import Tabu
from neurorig_drivers.interface import MarkerSink
from neurorig_drivers.markers import MarkerLog
from neurorig_protocols.bench import BoardConfig
from neurorig_protocols.board import Artifact, Batch, BoardInfo, Compiled, Placement, RunOutput
from neurorig_protocols.errors import DoesNotFit, DriverMissing, InfraError, InvalidConfig, UserError

T = TypeVar("T")

DEFAULT_SOLVER = "dwave-tabu"


@dataclass(frozen=True)
class _Ready:
    """A search that is set up, and how long that took in seconds."""

    search: Search
    setup_s: float


class HostCpu:
    """NeuroBench's CPU baselines and our own kernels on this computer, on one core.

    Option `core`: the number of that core; otherwise the last one that this process may use.
    """

    info: BoardInfo

    def __init__(self, config: BoardConfig) -> None:
        self._core = _chosen_core(dict(config.options))
        solvers: tuple[Solver, ...] = (Tabu(), Annealing(), KernelTabu(), KernelAnnealing(), KernelMis())
        self._solvers = {solver.name: solver for solver in solvers}
        self._warm: set[str] = set()
        self._compiled: tuple[str, Problem] | None = None
        self._mapped: Problem | None = None
        self._loaded: Problem | None = None
        self._ready: dict[tuple[str, str], _Ready] = {}
        self._closed = False
        for name in (Tabu.name, Annealing.name):
            self._warm_up(name)
        self.info = _describe(tuple(self._solvers), self._core)

    def compile(self, model: Artifact) -> Compiled:
        """Check the problem and name it by its content."""
        self._refuse_closed("compile")
        if model.kind != "qubo":
            raise UserError(f"the host-cpu board solves QUBOs, not a '{model.kind}'", where="compile")
        problem = read_problem(model)
        compiled = Compiled(digest=problem.digest(), summary={"n": problem.n, "edges": problem.edges})
        self._compiled = (compiled.digest, problem)
        self._mapped = self._loaded = None
        return compiled

    def map(self, compiled: Compiled) -> Placement:
        """Say what the default solver needs; DoesNotFit when no solver fits into the memory."""
        digest, problem = self._after("map", "compile", self._compiled)
        if digest != compiled.digest:
            raise InfraError(f"'{compiled.digest}' is not what was compiled last", where="map")
        needs = {name: s.memory_bytes(problem.n, problem.edges) for name, s in self._solvers.items()}
        _must_fit(min(needs.values()), "map")
        self._mapped = problem
        available = machine.available_memory_bytes()
        share = {"memory": needs[DEFAULT_SOLVER] / available} if available else {}
        return Placement(cores=1, memory_bytes=needs[DEFAULT_SOLVER], utilisation=share, summary={"threads": 1})

    def load(self, placement: Placement) -> None:  # noqa: ARG002 - the problem is where it will run already
        """Take the mapped problem as the one to run; a solver's own set-up is timed at its first run."""
        self._loaded = self._after("load", "map", self._mapped)
        self._ready = {}

    def idle(self, seconds: float, index: int | None, markers: MarkerSink) -> None:
        """Sleep; the rest of the computer goes on with whatever it does."""
        self._after("idle", "load", self._loaded)
        if index is not None:
            markers.begin("idle", index)
        time.sleep(seconds)
        if index is not None:
            markers.end("idle", index)

    def run(self, batch: Batch, markers: MarkerSink) -> RunOutput:
        """Run one batch; the set-up of the solver lies before the first window."""
        problem = self._after("run", "load", self._loaded)
        name = batch.meta.get("solver", "default")
        name = DEFAULT_SOLVER if name == "default" else name
        with machine.pinned(self._core):
            ready = self._prepare(name, batch.meta.get("params") or {}, problem)
            windows = scenarios.Windows(batch, problem, ready.search, markers)
            output = scenarios.run(batch, problem, windows)
        told = {"solver": name, "setup_s": ready.setup_s, "clock": "host", "threads": 1, "pinned_core": self._core}
        return RunOutput({**output.meta, **told}, output.arrays)

    def close(self) -> None:
        """Forget the problem."""
        self._closed = True
        self._compiled = self._mapped = self._loaded = None
        self._ready = {}

    def _prepare(self, name: str, params: Params, problem: Problem) -> _Ready:
        if name not in self._solvers:
            raise UserError(
                f"the host-cpu board has no solver '{name}'",
                where="solver",
                next_step=f"use one of {', '.join(self._solvers)}",
            )
        key = (name, repr(sorted(params.items())))
        if key not in self._ready:
            _must_fit(self._solvers[name].memory_bytes(problem.n, problem.edges), name)
            self._warm_up(name)
            begin = perf_counter_ns()
            search = self._solvers[name].prepare(problem, params)
            self._ready[key] = _Ready(search, (perf_counter_ns() - begin) * 1e-9)
        return self._ready[key]

    def _warm_up(self, name: str) -> None:
        # Imports, first calls and compilation cost up to tens of seconds; here they lie neither in a measured
        # window nor in the set-up time.
        if name in self._warm:
            return
        tiny = Problem(4, np.full(4, -1), np.array([0]), np.array([1]), np.array([4]))
        try:
            self._solvers[name].prepare(tiny, {}).run(0.001, -3, 0, Window(None, 0, MarkerLog()))
        except ImportError as error:
            raise DriverMissing(
                f"the solvers of the host-cpu board are not installed: {error}",
                where="board",
                next_step="pip install 'neurorig[agent]'",
            ) from error
        self._warm.add(name)

    def _refuse_closed(self, verb: str) -> None:
        if self._closed:
            raise InfraError(f"'{verb}' was called on a closed board", where="host-cpu")

    def _after(self, verb: str, needed: str, state: T | None) -> T:
        self._refuse_closed(verb)
        if state is None:
            raise InfraError(f"'{verb}' was called before '{needed}'", where="host-cpu")
        return state


def _must_fit(needed: int, where: str) -> None:
    available = machine.available_memory_bytes()
    if available is not None and needed > available:
        raise DoesNotFit(
            f"the problem needs {needed / 2**30:.1f} GiB of memory, {available / 2**30:.1f} GiB are available",
            where=where,
            next_step="ask for a smaller problem",
            limit="memory_bytes",
            needed=needed,
            available=available,
        )


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
