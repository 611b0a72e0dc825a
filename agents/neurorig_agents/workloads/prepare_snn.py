"""A spiking network as a board runs it: the NIR graph in a chip's integers, its input events, and the spike counts.

The graph is lowered here and not by the drivers, so that every board gets the same integers; in a process of its own,
because a NIR file is HDF5 from a user (see neurorig_drivers.snn.lowering_process).
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from neurorig_agents.workloads.board_figures import activity, number, whole
from neurorig_drivers.snn.lowering_process import lower_file
from neurorig_protocols.board import Artifact, Batch, RunOutput
from neurorig_protocols.errors import DoesNotFit, JobError, WrongAnswer
from neurorig_protocols.job import JobSpec, workload_of
from neurorig_protocols.plan import PhaseName
from neurorig_protocols.workloads.snn.events import MAX_BYTES, Events, parse_events
from neurorig_protocols.workloads.snn.network import SpikingNetwork, pack_network
from neurorig_protocols.workloads.snn.snn_records import MAX_COUNTS, PopulationSpikes, Snn, SnnAnswer, pack_counts

SLOW_STEP_S = 1e-3
"""A step of a chip that is held to real time; free-running ones take microseconds. It sets the ranging pass's rate."""

_KNOWN = frozenset(("solve_s", "clock", "windows", "spikes", "inexact"))


class SnnWork:
    """One network and its samples, all of them in every run."""

    def __init__(self, workload: Snn, session: str, files: Mapping[str, Path]) -> None:
        self._workload = workload
        self.longest_s: float | None = SLOW_STEP_S * workload.steps * workload.samples
        lowered = lower_file(files[workload.model], workload.dt)
        self._quantisation = lowered.meta["quantisation"]
        self._populations: list[str] = lowered.meta["populations"]
        self._population: npt.NDArray[np.int64] = lowered.arrays["population"]
        self._outputs = len(lowered.arrays["outputs"])
        self._packed = pack_network(SpikingNetwork.from_arrays(int(lowered.meta["inputs"]), lowered.arrays))
        events = _read(files[workload.events])
        _check_span(events, workload, int(lowered.meta["inputs"]))
        _check_answer(workload.samples * self._outputs)
        self._events = events.arrays()
        self._meta = {"steps": workload.steps, "samples": workload.samples, "session": session}
        meta = {"name": workload.model[:19], "session": session, **lowered.meta}
        self.artifact = Artifact("snn", meta, lowered.arrays)

    def batch(self, phase: PhaseName | None, index: int, trial: int) -> Batch:  # noqa: ARG002 - trials are equal
        """See Prepared."""
        return Batch("snn", phase, index, dict(self._meta), self._events)

    def share(self, output: RunOutput) -> float:  # noqa: ARG002 - an unmeasured run is a whole run
        """See Prepared."""
        return 1.0

    def shortest_s(self, output: RunOutput) -> float | None:
        """See Prepared."""
        seconds = number(output.meta, "solve_s")
        return seconds if seconds > 0 else None

    def window_times_s(self, output: RunOutput) -> list[float]:
        """See Prepared."""
        return [number(output.meta, "solve_s")] if whole(output.meta, "windows") == 1 else []

    def answer(self, output: RunOutput, index: int) -> SnnAnswer:  # noqa: ARG002 - every trial gives all samples
        """See Prepared."""
        shape = (self._workload.samples, self._outputs)
        spikes = self._array(output, "population_spikes", (self._workload.samples, len(self._populations))).sum(axis=0)
        neurons = np.bincount(self._population, minlength=len(self._populations))
        return SnnAnswer(
            model=self._workload.model,
            events=self._workload.events,
            steps=self._workload.steps,
            samples=self._workload.samples,
            outputs=self._outputs,
            counts=pack_counts(self._array(output, "counts", shape)),
            first_steps=pack_counts(self._array(output, "first_step", shape)),
            spikes=whole(output.meta, "spikes"),
            populations=tuple(
                PopulationSpikes(name=name[:200], neurons=int(size), spikes=int(count))
                for name, size, count in zip(self._populations, neurons, spikes, strict=True)
            ),
            solve_s=number(output.meta, "solve_s"),
            clock=str(output.meta.get("clock", "host")),
            quantisation=self._quantisation,
            inexact=None if output.meta.get("inexact") is None else str(output.meta["inexact"])[:300],
            network=self._packed,
            activity=activity(output.meta, _KNOWN),
        )

    def summary(self, output: RunOutput) -> dict[str, Any]:
        """See Prepared."""
        return {key: output.meta[key] for key in ("spikes", "solve_s", "windows") if key in output.meta}

    @staticmethod
    def _array(output: RunOutput, name: str, shape: tuple[int, int]) -> npt.NDArray[np.int64]:
        found = np.asarray(output.arrays[name])
        if found.shape != shape or not np.issubdtype(found.dtype, np.integer):
            raise WrongAnswer(f"'{name}' is due as whole numbers {shape}, the board gave {found.shape}", where="run")
        return found.astype(np.int64)


def _read(path: Path) -> Events:
    with path.open("rb") as file:
        return parse_events(file.read(MAX_BYTES + 1))


def _check_span(events: Events, workload: Snn, inputs: int) -> None:
    allowed = {"samples": workload.samples, "steps": workload.steps, "inputs": inputs}
    found = events.facts()
    for what, limit in allowed.items():
        if found[what] > limit:
            raise JobError(
                f"the events name {what[:-1]} {found[what] - 1}, there are {limit}: 0 to {limit - 1}",
                where="workload.events",
                next_step="Give more steps or samples, or the events of this network.",
            )


def _check_answer(needed: int) -> None:
    if needed > MAX_COUNTS:
        raise DoesNotFit(
            f"{needed:,} counts (samples times outputs) are to be reported, a report holds {MAX_COUNTS:,}",
            where="workload.samples",
            next_step="Split the samples over several jobs.",
            limit="reported counts",
            needed=needed,
            available=MAX_COUNTS,
        )


def prepare_snn(job: JobSpec, session: str, files: Mapping[str, Path]) -> SnnWork:
    """See Prepare."""
    return SnnWork(workload_of(job, Snn), session, files)
