"""One search for a better solution of one problem, and the words that go with what it finds."""

from __future__ import annotations

import platform
from dataclasses import dataclass
from datetime import UTC, datetime

from neurorig_drivers.solvers.mis import MisSearch
from neurorig_protocols.benchmarks import qubo_mis, targets_shipped
from neurorig_protocols.benchmarks.targets import MisProblem, recompute
from neurorig_protocols.benchmarks.targets_file import SolutionFile
from neurorig_protocols.report import pack_bits

SOLVER = "neurorig-mis"


@dataclass(frozen=True)
class Finder:
    """Who searches, in free text, and on what; the machine is named when nothing is said."""

    found_by: str
    found_on: str = ""

    @property
    def place(self) -> str:
        """Solver and machine."""
        return self.found_on or f"{SOLVER} on {platform.machine()}, {platform.system()}"


@dataclass(frozen=True)
class Outcome:
    """What a search gave: the cost to beat, the solution found and the seconds until it stood."""

    problem: MisProblem
    before: int | None
    found: SolutionFile
    time_s: float

    @property
    def better(self) -> bool:
        """Whether it beats what was known before."""
        return self.before is None or self.found.cost < self.before

    @property
    def official(self) -> int | None:
        """The benchmark's own target."""
        target = qubo_mis.official_target(self.problem.n, self.problem.density, self.problem.seed)
        return target.cost if target else None


def improve(problem: MisProblem, *, before: int | None, seconds: float, solver_seed: int, finder: Finder) -> Outcome:
    """Search for `seconds` on one core, or until a proof says that nothing better exists; recompute what is found.

    Raises BelowBound for a cost that is proven to be impossible.
    """
    graph = qubo_mis.instance(problem.n, problem.density, problem.seed)
    proven = targets_shipped.bound(problem.key)
    search = MisSearch(problem.n, graph.rows, graph.cols)
    found = search.run(limit_s=seconds, seed=solver_seed, stop_at=proven.cost if proven else None)
    solution = pack_bits(found.bits)
    file = SolutionFile(
        problem=problem,
        cost=recompute(graph, solution, proven),
        solution=solution,
        found_by=finder.found_by,
        found_on=finder.place,
        found_at=datetime.now(UTC).date(),
    )
    time_s = found.improvements[-1][0] if found.improvements else found.elapsed_s
    return Outcome(problem, before, file, time_s)
