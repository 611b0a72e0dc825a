"""What the boards have in common whose DUT is this computer: QUBOs, several solvers, the order of the verbs, windows.

How a solver works is the solvers' business; what computes, and what it can hold, is the subclass's. The clock is
"host", there is no marker line, and the times are real. Energy comes from a monitor, never from here.
"""

from __future__ import annotations

from collections.abc import Iterable
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass
from time import perf_counter_ns
from typing import Any, ClassVar, TypeVar

import numpy as np

from neurorig_drivers.boards.solving import scenarios
from neurorig_drivers.boards.solving.problem import Problem, read_problem
from neurorig_drivers.boards.solving.scenarios import Params, Search, Solver, Window
from neurorig_drivers.interface import MarkerLog, MarkerSink, idle_on_host_clock
from neurorig_protocols import wording
from neurorig_protocols.board import Artifact, Batch, BoardInfo, Compiled, Placement, RunOutput
from neurorig_protocols.errors import DoesNotFit, DriverMissing, InfraError, UserError

T = TypeVar("T")


@dataclass(frozen=True)
class _Ready:
    """A search that is set up, and how long that took in seconds."""

    search: Search
    setup_s: float


class SolverBoard:
    """QUBOs solved in this process, by the solvers of a subclass."""

    name: ClassVar[str]
    default_solver: ClassVar[str]
    extra: ClassVar[str]
    """What must be installed for the solvers, as pip names it."""
    info: BoardInfo
    run_may_be_killed: ClassVar[bool] = True
    """The DUT is this computer: the end of the process leaves nothing behind."""

    def __init__(self, solvers: Iterable[Solver]) -> None:
        self._solvers = {solver.name: solver for solver in solvers}
        self._warm: set[str] = set()
        self._compiled: tuple[str, Problem] | None = None
        self._mapped: Problem | None = None
        self._loaded: Problem | None = None
        self._ready: dict[tuple[str, str], _Ready] = {}
        self._closed = False

    def available_memory_bytes(self) -> int | None:
        """Return the memory that a problem may take, in bytes, or None where nobody tells."""
        raise NotImplementedError

    def placement(self, n: int, needed_bytes: int, utilisation: dict[str, float]) -> Placement:
        """Return where the default solver will run a problem of n variables."""
        raise NotImplementedError

    def told(self) -> dict[str, Any]:
        """Return what every result says of how it was computed."""
        raise NotImplementedError

    def held(self) -> AbstractContextManager[None]:
        """Return what is kept to during a run, such as a core."""
        return nullcontext()

    def compile(self, model: Artifact) -> Compiled:
        """Check the problem and name it by its content."""
        self._refuse_closed("compile")
        if model.kind != "qubo":
            raise UserError(f"the {self.name} board solves QUBOs, not a '{model.kind}'", where="compile")
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
        must_fit(min(needs.values()), self.available_memory_bytes(), "map")
        self._mapped = problem
        available = self.available_memory_bytes()
        needed = needs[self.default_solver]
        return self.placement(problem.n, needed, {"memory": needed / available} if available else {})

    def load(self, placement: Placement) -> None:  # noqa: ARG002 - each solver brings the problem where it needs it
        """Take the mapped problem as the one to run; a solver's own set-up is timed at its first run."""
        self._loaded = self._after("load", "map", self._mapped)
        self._ready = {}

    def idle(self, seconds: float, index: int | None, markers: MarkerSink) -> None:
        """Sleep, with no solver running; the rest of the computer goes on with whatever it does."""
        self._after("idle", "load", self._loaded)
        idle_on_host_clock(seconds, index, markers)

    def run(self, batch: Batch, markers: MarkerSink) -> RunOutput:
        """Run one batch; the set-up of the solver lies before the first window."""
        problem = self._after("run", "load", self._loaded)
        name = batch.meta.get("solver", "default")
        name = self.default_solver if name == "default" else name
        with self.held():
            ready = self._prepare(name, batch.meta.get("params") or {}, problem)
            windows = scenarios.Windows(batch, problem, ready.search, markers)
            output = scenarios.run(batch, problem, windows)
        told = {"solver": name, "setup_s": ready.setup_s, "clock": "host", **self.told()}
        return RunOutput({**output.meta, **told}, output.arrays)

    def close(self) -> None:
        """Forget the problem."""
        self._closed = True
        self._compiled = self._mapped = self._loaded = None
        self._ready = {}

    def warm_up(self, name: str) -> None:
        """Let a solver do its first search; DriverMissing when its library is not installed.

        Imports, first calls and compilation cost up to tens of seconds; here they lie neither in a measured window nor
        in the set-up time.
        """
        if name in self._warm:
            return
        tiny = Problem(4, np.full(4, -1), np.array([0]), np.array([1]), np.array([4]))
        try:
            self._solvers[name].prepare(tiny, {}).run(0.001, -3, 0, Window(None, 0, MarkerLog()))
        except ImportError as error:
            raise DriverMissing(
                f"the solvers of the {self.name} board are not installed: {error}",
                where="board",
                next_step=f"pip install '{self.extra}'",
            ) from error
        self._warm.add(name)

    def _prepare(self, name: str, params: Params, problem: Problem) -> _Ready:
        if name not in self._solvers:
            raise UserError(
                f"the {self.name} board has no solver '{name}'{wording.hint(name, self._solvers, 'its solvers')}",
                where="solver",
                next_step=f"use one of {', '.join(self._solvers)}",
            )
        key = (name, repr(sorted(params.items())))
        if key not in self._ready:
            needed = self._solvers[name].memory_bytes(problem.n, problem.edges)
            must_fit(needed, self.available_memory_bytes(), name)
            self.warm_up(name)
            begin = perf_counter_ns()
            search = self._solvers[name].prepare(problem, params)
            self._ready[key] = _Ready(search, (perf_counter_ns() - begin) * 1e-9)
        return self._ready[key]

    def _refuse_closed(self, verb: str) -> None:
        if self._closed:
            raise InfraError(f"'{verb}' was called on a closed board", where=self.name)

    def _after(self, verb: str, needed: str, state: T | None) -> T:
        self._refuse_closed(verb)
        if state is None:
            raise InfraError(f"'{verb}' was called before '{needed}'", where=self.name)
        return state


def must_fit(needed: int, available: int | None, where: str) -> None:
    """Raise DoesNotFit unless so many bytes are available; None means that nobody tells."""
    if available is not None and needed > available:
        raise DoesNotFit(
            f"the problem needs {needed / 2**30:.1f} GiB of memory, {available / 2**30:.1f} GiB are available",
            where=where,
            next_step="ask for a smaller problem",
            limit="memory_bytes",
            needed=needed,
            available=available,
        )
