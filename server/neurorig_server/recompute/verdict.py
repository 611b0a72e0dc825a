"""What goes into a recomputation and what comes out: the attempt's input, its state, quality, answer, energy."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from neurorig_protocols.api.jobs import Quality
from neurorig_protocols.energy import EnergyMatrix
from neurorig_protocols.errors import ErrorRecord
from neurorig_protocols.job import BenchRecord, JobSpec
from neurorig_protocols.records import Record
from neurorig_protocols.report import AttemptReport
from neurorig_protocols.workloads.qubo.qubo_targets import BestVerified
from neurorig_protocols.workloads.registry import InstalledVerified


class Verdict(Record):
    """The result of a recomputation. `energy` and `energy_absent` exclude each other; one of them is given."""

    state: Literal["succeeded", "measurement_invalid"]
    quality: Quality
    codes: tuple[str, ...] = ()
    verified: InstalledVerified | None = None
    energy: EnergyMatrix | None = None
    energy_absent: str | None = None
    error: ErrorRecord | None = None


@dataclass(frozen=True)
class AnalysisInput:
    """All that a recomputation needs but the traces."""

    attempt_id: str
    spec: JobSpec
    bench: BenchRecord
    report: AttemptReport
    best: BestVerified | None = None
    """The best verified target of the job's problem when the analysis begins."""
