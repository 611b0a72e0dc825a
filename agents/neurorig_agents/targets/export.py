"""Writes the file of shipped targets anew: the better of the present file and a folder, recomputed, with proofs."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from neurorig_agents.targets.folder import Folder
from neurorig_drivers.proofs import independent_set
from neurorig_protocols.benchmarks import qubo_mis
from neurorig_protocols.benchmarks.targets import MisProblem, recompute
from neurorig_protocols.benchmarks.targets_file import SolutionFile
from neurorig_protocols.benchmarks.targets_shipped import Row, Source
from neurorig_protocols.errors import UserError
from neurorig_protocols.report import pack_bits, unpack_bits


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
        raise UserError(f"'{problem.key}' is no graph", where="--solutions")
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
    graph = qubo_mis.instance(row.n, row.density, row.seed)
    cost = recompute(graph, pack_bits(row.bits()))
    if cost != row.cost:
        raise UserError(f"{row.problem.key}: the solution costs {cost}, not {row.cost}", where="export")
    if row.proof or not proof_nodes:
        return row
    size = independent_set.largest(row.n, graph.rows, graph.cols, nodes=proof_nodes)
    if size is None or size != -row.cost:
        return row
    return row.model_copy(update={"proof": independent_set.METHOD})
