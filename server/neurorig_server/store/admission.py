"""Refuses jobs that are well formed and that no machine could run, before they cost anything. Pure."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from neurorig_protocols.api.problems import FieldProblem
from neurorig_protocols.job import JobSpec
from neurorig_protocols.refusals import Invalid
from neurorig_protocols.workloads import registry


def require_possible(spec: JobSpec, facts: Mapping[str, Mapping[str, Any]]) -> None:
    """Raise Invalid for a job that its workload rules out.

    Args:
        spec: the job.
        facts: what is known of the uploaded files that it names, by digest; empty where it names none.
    """
    found = registry.of_spec(spec.workload)
    violations = found.violations(spec.workload, facts) if found else ()
    if violations:
        problems = [FieldProblem(field=v.field, message=v.message, code=v.code) for v in violations]
        raise Invalid(violations[0].message, problems=problems, next_step=violations[0].next_step)
