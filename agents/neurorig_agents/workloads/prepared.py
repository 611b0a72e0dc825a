"""What the executor needs of a workload, whichever it is; found by the entry point group `neurorig.workload_agents`."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from importlib.metadata import entry_points
from pathlib import Path
from typing import Any, Protocol

from neurorig_protocols.board import Artifact, Batch, RunOutput
from neurorig_protocols.errors import DriverMissing
from neurorig_protocols.job import JobSpec
from neurorig_protocols.plan import PhaseName
from neurorig_protocols.workloads.contract import ReportedAnswer

GROUP = "neurorig.workload_agents"


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

    def answer(self, output: RunOutput, index: int) -> ReportedAnswer:
        """Return the answer of the trial whose windows begin at `index`; WrongAnswer when it is malformed."""

    def summary(self, output: RunOutput) -> dict[str, Any]:
        """Return the few figures that are kept of every trial."""


Prepare = Callable[[JobSpec, str, Mapping[str, Path]], Prepared]
"""Builds the work of a job: the job, a label for virtual boards, the files that the job names by digest."""


def prepare(job: JobSpec, session: str, files: Mapping[str, Path]) -> Prepared:
    """Build the work of a job with the agent half of its workload.

    Args:
        job: the job.
        session: label under which a virtual bench keeps its truth.
        files: the files that the job names, by digest.

    Raises:
        JobError: the job has no meaning.
        DriverMissing: the agent half of the workload is not installed here.
    """
    name = job.workload.name
    points = entry_points(group=GROUP, name=name)
    try:
        build: Prepare = next(iter(points)).load()
    except (StopIteration, ImportError, AttributeError) as error:
        raise DriverMissing(
            f"this agent cannot run the workload '{name}': {str(error) or 'no package gives its agent half'}",
            where="workload.name",
            next_step=f"Install the package of the workload '{name}' beside the agent.",
        ) from error
    return build(job, session, files)
