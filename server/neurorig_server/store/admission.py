"""Refuses jobs that are well formed and that no machine could run, before they cost anything. Pure."""

from __future__ import annotations

from neurorig_protocols.api.problems import FieldProblem
from neurorig_protocols.job import JobSpec, QuboMis
from neurorig_protocols.refusals import Invalid
from neurorig_protocols.workloads.qubo import mis


def require_possible(spec: JobSpec) -> None:
    """Raise Invalid for a problem larger than the benchmark's own limit."""
    workload = spec.workload
    if not isinstance(workload, QuboMis):
        return
    edges = mis.edge_count(workload.n, workload.density)
    if edges > mis.MAX_EDGES:
        message = f"the graph would have {edges} edges, the limit is {mis.MAX_EDGES}"
        raise Invalid(message, problems=[FieldProblem(field="workload.density", message=message, code="too_large")])
