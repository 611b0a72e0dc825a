"""Uploaded files: their kinds, and which of them a workload needs. Not for their bytes or formats."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from neurorig_protocols.job import Digits, Qubo, QuboMis, Snn
from neurorig_protocols.records import Digest

FileKind = Literal["qubo", "nir", "events"]
"""qubo: a problem. nir: a network. events: its input."""


@dataclass(frozen=True)
class NeededFile:
    """A file that a job names: the field that names it, the kind it must have, its digest."""

    field: str
    kind: FileKind
    digest: Digest


def needed_files(workload: QuboMis | Digits | Qubo | Snn) -> tuple[NeededFile, ...]:
    """Return the uploaded files that a workload cannot run without."""
    match workload:
        case Qubo(problem=problem):
            return (NeededFile("workload.problem", "qubo", problem),)
        case Snn(model=model, events=events):
            return (NeededFile("workload.model", "nir", model), NeededFile("workload.events", "events", events))
        case _:
            return ()
