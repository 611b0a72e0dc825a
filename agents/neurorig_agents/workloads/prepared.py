"""What the executor needs of a workload, whichever it is; and the way from a job to it."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any, Protocol

from neurorig_agents.workloads.prepare_digits import DigitsWork
from neurorig_agents.workloads.prepare_qubo import QuboFileWork, QuboMisWork
from neurorig_agents.workloads.prepare_snn import SnnWork
from neurorig_protocols.board import Artifact, Batch, RunOutput
from neurorig_protocols.job import Digits, JobSpec, Qubo, QuboMis, Snn
from neurorig_protocols.plan import PhaseName
from neurorig_protocols.report import Answer


class Prepared(Protocol):
    """A workload ready to be brought onto a board. Times in seconds of the bench's clock."""

    artifact: Artifact
    longest_s: float | None
    """No run takes longer; None when that is not known beforehand."""

    def batch(self, phase: PhaseName | None, index: int, trial: int) -> Batch:
        """Return the batch of one trial whose windows are numbered from `index` on; phase None is not measured."""

    def share(self, output: RunOutput) -> float:
        """Return which part of a whole run an unmeasured run did (0…1)."""

    def shortest_s(self, output: RunOutput) -> float | None:
        """Return the shortest stretch that will be integrated; None when the board does not tell."""

    def window_times_s(self, output: RunOutput) -> list[float]:
        """Return the board's own duration of each window; empty when it does not tell."""

    def answer(self, output: RunOutput, index: int) -> Answer:
        """Return the answer of the trial whose windows begin at `index`; WrongAnswer when it is malformed."""

    def summary(self, output: RunOutput) -> dict[str, Any]:
        """Return the few figures that are kept of every trial."""


def prepare(job: JobSpec, session: str, files: Mapping[str, Path]) -> Prepared:
    """Build the work of a job; `session` labels it for virtual boards, `files` are those it names, by digest.

    Raises JobError when the job has no meaning.
    """
    match job.workload:
        case QuboMis() as workload:
            return QuboMisWork(workload, job.solver, session, warmup_s=job.plan.warmup_s)
        case Qubo() as workload:
            return QuboFileWork(workload, job.solver, session, files, warmup_s=job.plan.warmup_s)
        case Digits() as workload:
            return DigitsWork(workload, session)
        case Snn() as workload:
            return SnnWork(workload, session, files)
