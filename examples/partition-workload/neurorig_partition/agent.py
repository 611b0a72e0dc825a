"""The agent's half of number partitioning: the problem as a QUBO, a board's solution as groups."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

import numpy as np

from neurorig_agents.workloads.prepare_qubo import QuboWork
from neurorig_partition.workload import PartitionAnswer, PartitionSpec
from neurorig_protocols.board import RunOutput
from neurorig_protocols.job import JobSpec, workload_of
from neurorig_protocols.workloads.qubo.problem import Problem
from neurorig_protocols.workloads.qubo.qubo_records import FixedTimeout, unpack_bits


def problem_of(spec: PartitionSpec) -> Problem:
    """Return (Σ sᵢ (2 xᵢ − 1))² / 4 without its constant: 0 would be a perfect partition's cost plus Σ² / 4."""
    numbers = np.array(spec.numbers, np.int64)
    rows, cols = np.triu_indices(len(numbers), 1)
    return Problem(
        n=len(numbers),
        rows=rows.astype(np.int64),
        cols=cols.astype(np.int64),
        weights=numbers[rows] * numbers[cols],
        diagonal=numbers * (numbers - numbers.sum()),
        name="number-partition",
    )


class PartitionWork:
    """A QUBO like any other to the board; the answer is in the workload's own words."""

    def __init__(self, spec: PartitionSpec, job: JobSpec, session: str) -> None:
        scenario = FixedTimeout(kind="fixed-timeout", timeout_s=spec.timeout_s)
        self._n = len(spec.numbers)
        self._qubo = QuboWork(problem_of(spec), scenario, job.solver, session, target=None, warmup_s=job.plan.warmup_s)
        self.artifact, self.longest_s = self._qubo.artifact, self._qubo.longest_s
        self.batch, self.share, self.shortest_s = self._qubo.batch, self._qubo.share, self._qubo.shortest_s
        self.window_times_s, self.summary = self._qubo.window_times_s, self._qubo.summary

    def answer(self, output: RunOutput, index: int) -> PartitionAnswer:
        """Return the groups."""
        solved = self._qubo.answer(output, index)
        groups = unpack_bits(solved.solution, self._n).tolist()
        return PartitionAnswer(
            groups=tuple(groups), solve_s=solved.solve_s, clock=solved.clock, activity=solved.activity
        )


def prepare_partition(job: JobSpec, session: str, files: Mapping[str, Path]) -> PartitionWork:  # noqa: ARG001
    """Build the work of a job; it names no files."""
    return PartitionWork(workload_of(job, PartitionSpec), job, session)
