"""The search for better targets: one problem's search, the folder that keeps solutions, the file that ships."""

from __future__ import annotations

import platform
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

from neurorig_agents.spool import write_whole
from neurorig_drivers.solvers import independence_proof
from neurorig_drivers.solvers.mis_search import MisSearch
from neurorig_protocols.errors import UserError
from neurorig_protocols.workloads.qubo import mis, targets_shipped
from neurorig_protocols.workloads.qubo.qubo_records import pack_bits, unpack_bits
from neurorig_protocols.workloads.qubo.qubo_targets import MisProblem, SolutionFile, parse, recompute
from neurorig_protocols.workloads.qubo.targets_shipped import Row, Source


class Folder:
    """Solutions by problem. What is read is believed only as far as its form; costs are recomputed by the reader."""

    def __init__(self, path: Path) -> None:
        self._path = path

    def get(self, problem: MisProblem) -> SolutionFile | None:
        """Return the solution of a problem, None when there is none; UserError for a file of something else."""
        path = self._file(problem)
        try:
            found = parse(path.read_text("utf-8"))
        except FileNotFoundError:
            return None
        if not isinstance(found, SolutionFile) or found.problem.key != problem.key:
            raise UserError(f"'{path}' is not a solution file of {problem.key}", where=str(path))
        return found

    def keep(self, found: SolutionFile) -> bool:
        """Write a solution down if the folder has no better one of its problem; say whether it did."""
        problem = found.problem
        if not isinstance(problem, MisProblem):
            raise TypeError(f"a folder of solutions holds graphs, not '{problem.key}'")
        present = self.get(problem)
        if present is not None and present.cost <= found.cost:
            return False
        self._path.mkdir(parents=True, exist_ok=True)
        write_whole(self._file(problem), (found.model_dump_json(indent=1) + "\n").encode())
        return True

    def _file(self, problem: MisProblem) -> Path:
        # A key holds letters, digits and dashes only.
        return self._path / f"{problem.key}.json"


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
        target = mis.official_target(self.problem.n, self.problem.density, self.problem.seed)
        return target.cost if target else None


def improve(problem: MisProblem, *, before: int | None, seconds: float, solver_seed: int, finder: Finder) -> Outcome:
    """Search for `seconds` on one core, or until a proof says that nothing better exists; recompute what is found.

    Raises BelowBound for a cost that is proven to be impossible.
    """
    graph = mis.instance(problem.n, problem.density, problem.seed)
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


def rows(problems: Iterable[MisProblem], present: Iterable[Row], folder: Folder, *, proof_nodes: int) -> Iterator[Row]:
    """Yield the best row of each problem that has a solution, then the present rows of all other problems.

    A row keeps its provenance and its proof as long as nothing better is found. `proof_nodes`: how much is spent on
    a proof that is missing; 0 for none.
    """
    held = {row.problem.key: row for row in present}
    for problem in problems:
        row = better(held.pop(problem.key, None), folder.get(problem))
        if row is not None:
            yield checked(row, proof_nodes)
    yield from held.values()


def better(present: Row | None, found: SolutionFile | None) -> Row | None:
    """Return the row of lower cost; at equal costs the present one stays."""
    if found is None or (present is not None and present.cost <= found.cost):
        return present
    problem = found.problem
    if not isinstance(problem, MisProblem):
        raise UserError(f"'{problem.key}' is not a graph", where="--solutions")
    members = unpack_bits(found.solution, problem.n).nonzero()[0]
    source = Source(found_by=found.found_by, found_on=found.found_on, found_at=found.found_at)
    return Row(
        **problem.model_dump(exclude={"workload"}),
        cost=found.cost,
        source=source,
        proof=None,
        vertices=tuple(members.tolist()),
    )


def checked(row: Row, proof_nodes: int) -> Row:
    """Recompute a row's cost and try to prove it; UserError when the cost is not that of its solution."""
    graph = mis.instance(row.n, row.density, row.seed)
    cost = recompute(graph, pack_bits(row.bits()))
    if cost != row.cost:
        raise UserError(f"{row.problem.key}: the solution costs {cost}, not {row.cost}", where="export")
    if row.proof or not proof_nodes:
        return row
    size = independence_proof.largest(row.n, graph.rows, graph.cols, nodes=proof_nodes)
    if size is None or size != -row.cost:
        return row
    return row.model_copy(update={"proof": independence_proof.METHOD})
