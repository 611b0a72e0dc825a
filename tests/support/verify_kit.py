"""Verifies an answer as the server does, for tests of the workloads."""

from __future__ import annotations

from typing import Any

from neurorig_protocols.job import JobSpec
from neurorig_protocols.workloads import registry
from neurorig_protocols.workloads.contract import Checked, EnergyUntil, ReportedAnswer, Sources


def check(spec: JobSpec, answer: ReportedAnswer | None, energy_until: EnergyUntil, **sources: Any) -> Checked:
    """Recompute an answer of the job's workload; `sources` are the fields of `Sources`."""
    return registry.verify(spec.workload, answer, Sources(energy_until, **sources))
