"""Recomputes proposed targets. Blocking: a route runs it in a slot, never in the event loop."""

from __future__ import annotations

from neurorig_protocols.api.problems import FieldProblem
from neurorig_protocols.api.targets import TargetDetail
from neurorig_protocols.refusals import Invalid, UnknownFile
from neurorig_protocols.workloads.qubo import mis, problem_file, targets_shipped
from neurorig_protocols.workloads.qubo.qubo_targets import (
    Costed,
    FileProblem,
    Proposal,
    SolutionFile,
    recompute,
    trivial_bound,
)
from neurorig_server.objects.files import FileStore
from neurorig_server.store.files import Files

MOST_EDGES = 5_000_000
"""Of a graph that is drawn for a proposal; the official set ends at 3 125 000."""


def recomputed(proposal: Proposal, files: Files, contents: FileStore) -> tuple[int, int]:
    """Return the number of variables and the exact cost of a proposal.

    Raises TargetRefused for a solution that is none, Invalid for a problem that is too large, UnknownFile.
    """
    problem = proposal.problem
    if isinstance(problem, FileProblem):
        return _checked(_uploaded(problem, files, contents), proposal)
    _require_small(problem.edges)
    proven = targets_shipped.bound(problem.key) or trivial_bound(problem)
    graph = mis.instance(problem.n, problem.density, problem.seed)
    return graph.n, recompute(graph, proposal.solution, proven)


def solution_file(found: TargetDetail) -> str:
    """Return a target's solution as the text of a solution file."""
    if found.best is None or found.solution is None:
        raise ValueError(f"the target {found.key} has no solution")
    told = found.best.model_dump(include={"cost", "found_by", "found_on", "found_at", "comment"})
    return SolutionFile(problem=found.problem, solution=found.solution, **told).model_dump_json(indent=1) + "\n"


def _require_small(edges: int) -> None:
    if edges > MOST_EDGES:
        message = f"the graph has {edges} edges, proposals are recomputed up to {MOST_EDGES}"
        raise Invalid(message, problems=[FieldProblem(field="problem.density", message=message, code="too_large")])


def _uploaded(problem: FileProblem, files: Files, contents: FileStore) -> Costed:
    digest = problem.problem
    known = files.find([digest]).get(digest)
    if known is None or known.kind != "qubo":
        raise UnknownFile(f"no problem '{digest}' was uploaded", next_step="Upload it, then propose again.")
    return problem_file.from_bytes(contents.read(digest.removeprefix("sha256:")))


def _checked(problem: Costed, proposal: Proposal) -> tuple[int, int]:
    return problem.n, recompute(problem, proposal.solution)
