"""What passes between an agent and a board driver, whichever board it is.

Small facts travel in `meta` (JSON values), bulk in `arrays`; so a driver can live in another process and under
another interpreter. The keys of each kind are listed here and nowhere else.

any kind, optional
    Artifact.meta, Batch.meta: session, the label under which a virtual bench keeps its truth (the attempt's id)

kind "qubo" (minimise xᵀQx, x binary, Q symmetric and integer)
    Artifact.arrays: diagonal int64 (n,), rows and cols int64 (m,) with rows < cols, weights int64 (m,) = Q[row, col]
    Artifact.meta:   n, params (the solver's, for boards that must know one to compile)
    Batch.meta:      scenario "fixed-timeout" | "time-to-solution", limit_s (timeout of one run), seed, solver, params
    Batch.arrays:    gaps float64 (g,), target_costs float64 (g,): cost at or below which a gap counts as reached
    RunOutput.meta:  solver, solver_cost, requested_s, setup_s, solve_s (clock named by "clock"), stopped_by
                     "target" | "timeout", windows (marked windows of this batch), and any activity counts as floats;
                     optional: onboard, an OnboardPower (neurorig_protocols.onboard) as JSON, or an Absent that says
                     why the board's own power sensors gave nothing
    RunOutput.arrays: solution uint8 (n,); improvement_s float64 (k,), improvement_cost int64 (k,);
                     reached_s float64 (g,) seconds since the start event, NaN where not reached;
                     reached_window int64 (g,) which window of the batch; reached_solution uint8 (g, n)

kind "snn" (a spiking network in the chip's own integers, time step by time step; see workloads.snn.network)
    Artifact.meta:   name, inputs (number of input lines), populations (list of names, by number)
    Artifact.arrays: du, dv int64 (n,) decays in 1/4096 (du 1…4096, dv 0…4096); vth int64 (n,) threshold and
                     bias int64 (n,) in membrane units; population int64 (n,); outputs int64 (k,) observed neurons;
                     start int64 (inputs + n + 1,), target int64 (m,), weight int64 (m,), -256…255: the synapses of
                     source s are [start[s], start[s + 1]), sources are the input lines first and then the neurons
    Batch.meta:      steps (per sample), samples; neurons are reset between samples
    Batch.arrays:    event_sample, event_step, event_input int64 (e,), in that order of sorting
    RunOutput.meta:  solve_s (clock named by "clock"), clock, windows, spikes (total), and any activity counts;
                     inexact (text) where the board's own numbers cannot give every spike of the integers: why
    RunOutput.arrays: counts int64 (samples, k) spikes of each output; first_step int64 (samples, k), -1 for none;
                     population_spikes int64 (samples, populations)

kind "classifier" (images through a network that is already on the board or is loaded by `load`)
    Artifact.meta:   model, input_bytes, classes
    Batch.meta:      iterations (inferences per window), warmups
    Batch.arrays:    inputs uint8 (count, input_bytes)
    RunOutput.meta:  clock, windows
    RunOutput.arrays: labels int64 (count,), scores float64 (count, classes), latency_s float64 (count,) per inference,
                     NaN where the board does not tell
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

import numpy as np
import numpy.typing as npt
from pydantic import Field

from neurorig_protocols.plan import PhaseName
from neurorig_protocols.records import Digest, Name, Record

Kind = Name
"""What a board runs: one of the kinds above, or one that a workload and a driver of other packages agree on."""

KINDS: tuple[Kind, ...] = ("qubo", "classifier", "snn")
"""The kinds above."""
Arrays = dict[str, npt.NDArray[Any]]
Meta = dict[str, Any]


class BoardInfo(Record):
    """What a board says of itself."""

    family: str
    serial_number: str = ""
    firmware: str = ""
    kinds: tuple[Kind, ...] = Field(description="kinds of artifact the driver accepts")
    clock: str = Field(default="host", description="clock of the latencies the board reports")
    solvers: tuple[str, ...] = ()
    notes: tuple[str, ...] = ()
    no_energy: str | None = Field(
        default=None, description="why no energy may be told of this board's runs, whatever monitors there are"
    )


@dataclass(frozen=True)
class Artifact:
    """A workload's model or problem, ready to compile."""

    kind: Kind
    meta: Meta
    arrays: Arrays = field(default_factory=dict)


class Compiled(Record):
    """The result of a compile: the same digest means the same program. The program stays with the driver."""

    digest: Digest
    summary: dict[str, Any] = Field(default_factory=dict)


class Placement(Record):
    """Where a program sits: cores, memory, utilisation of each limit (0…1)."""

    cores: int = Field(ge=0)
    memory_bytes: int = Field(ge=0)
    utilisation: dict[str, float] = Field(default_factory=dict)
    summary: dict[str, Any] = Field(default_factory=dict)


@dataclass(frozen=True)
class Batch:
    """One call of `run`. `phase` None leaves the marker line alone (the ranging pass)."""

    kind: Kind
    phase: PhaseName | None
    index: int
    meta: Meta
    arrays: Arrays = field(default_factory=dict)


@dataclass(frozen=True)
class RunOutput:
    """What one batch gave."""

    meta: Meta
    arrays: Arrays = field(default_factory=dict)


def as_bits(values: npt.NDArray[Any]) -> npt.NDArray[np.uint8]:
    """Return a 0/1 vector as uint8; ValueError when any value is something else."""
    bits = np.asarray(values)
    if not np.isin(bits, (0, 1)).all():
        raise ValueError("a solution may hold 0 and 1 only")
    return bits.astype(np.uint8)
