"""What closes an attempt: the agent's report, and what the server makes of it."""

from __future__ import annotations

import base64
import binascii
from typing import Annotated, Any, Literal

import numpy as np
import numpy.typing as npt
from pydantic import Field

from neurorig_protocols.board import BoardInfo, Compiled, Placement
from neurorig_protocols.errors import ErrorRecord
from neurorig_protocols.onboard import OnboardPower
from neurorig_protocols.plan import PhaseName
from neurorig_protocols.quantities import Absent
from neurorig_protocols.records import Digest, Finite, Name, Record
from neurorig_protocols.trace import AcquisitionReport, Marker
from neurorig_protocols.workloads.snn.network import MAX_TEXT

Outcome = Literal["succeeded", "failed", "measurement_invalid", "cancelled"]
"""How the agent closes an attempt. "measurement_invalid": time and answer stand, energy is withheld.
An attempt whose agent never reported is `lost`; that outcome is the server's alone."""


class PhaseTime(Record):
    """Duration of one phase on a named clock."""

    phase: PhaseName
    index: int = Field(ge=0)
    duration_s: Finite = Field(ge=0)
    clock: str = "host"
    cached: bool = False


class TraceRef(Record):
    """A trace that was uploaded before the report."""

    monitor: Name
    digest: Digest
    size: int = Field(ge=0, description="bytes")
    samples: int = Field(ge=0)


class ExpectedWindow(Record):
    """A phase that was marked, in the order of marking."""

    phase: PhaseName
    index: int = Field(ge=0)


class Reached(Record):
    """A gap of the time-to-solution scenario; latency None means not reached, which is a result."""

    gap: Finite
    target_cost: Finite
    latency_s: Finite | None = None
    window: int = Field(default=0, ge=0, description="index of the run window in which it was reached")
    solution: str | None = Field(default=None, description="packed bits, base64")


class Improvement(Record):
    """The solver's own best cost from this instant on."""

    t_s: Finite = Field(ge=0, description="seconds since the start event")
    cost: int


class QuboAnswer(Record):
    """The answer to a QUBO workload."""

    kind: Literal["qubo"] = "qubo"
    solver: str
    n: int = Field(ge=1)
    solution: str = Field(description="packed bits x0…xn-1, first bit highest, base64")
    solver_cost: int
    cost_error_bound: int = Field(
        default=0, ge=0, description="how far solver_cost may be off, because the board rounds weights"
    )
    requested_s: Finite
    setup_s: Finite | None = None
    solve_s: Finite
    stopped_by: Literal["target", "timeout"]
    clock: str = "host"
    start_event: str = "problem loaded"
    reached: tuple[Reached, ...] = ()
    improvements: tuple[Improvement, ...] = Field(default=(), max_length=100_000)
    activity: dict[str, Finite] = Field(default_factory=dict)
    onboard: OnboardPower | Absent | None = Field(
        default=None, description="what the board's own power sensors said; None where it has none"
    )


class ClassifierAnswer(Record):
    """The answer to a classifier workload, image by image."""

    kind: Literal["classifier"] = "classifier"
    model: str
    labels: tuple[int, ...]
    expected: tuple[int, ...]
    inputs_digest: Digest
    iterations: int = Field(ge=1)
    latency_s: tuple[Finite | None, ...] = ()
    clock: str = "host"
    activity: dict[str, Finite] = Field(default_factory=dict)


class PopulationSpikes(Record):
    """What one population of a spiking network did, all samples together."""

    name: str = Field(max_length=200)
    neurons: int = Field(ge=1)
    spikes: int = Field(ge=0)


class SnnAnswer(Record):
    """The answer to a spiking network. Counts and first steps have the shape (samples, outputs), see `pack_counts`."""

    kind: Literal["snn"] = "snn"
    model: Digest
    events: Digest
    steps: int = Field(ge=1)
    samples: int = Field(ge=1)
    outputs: int = Field(ge=1)
    counts: str = Field(description="spikes of each output in each sample, packed")
    first_steps: str = Field(description="step of each output's first spike, -1 for none, packed")
    spikes: int = Field(ge=0, description="of all neurons in all samples, input lines left out")
    populations: tuple[PopulationSpikes, ...] = Field(max_length=500)
    solve_s: Finite
    clock: str = "host"
    quantisation: dict[str, Any] = Field(description="what rounding the network to a chip's integers cost")
    inexact: str | None = Field(
        default=None, max_length=300, description="why the board's spikes may differ from those of the integers"
    )
    network: str | None = Field(
        default=None,
        max_length=MAX_TEXT,
        description="the integers that the board ran, see `snn_packed`; None where a report has no room for them",
    )
    activity: dict[str, Finite] = Field(default_factory=dict)


Answer = Annotated[QuboAnswer | ClassifierAnswer | SnnAnswer, Field(discriminator="kind")]


class AttemptReport(Record):
    """Everything an agent says when an attempt ends. `fence` is the lease's token."""

    kind: Literal["report"] = "report"
    fence: int = Field(ge=1)
    outcome: Outcome
    error: ErrorRecord | None = None
    board: BoardInfo | None = None
    compiled: Compiled | None = None
    placement: Placement | None = None
    times: tuple[PhaseTime, ...] = ()
    markers: tuple[Marker, ...] = ()
    windows: tuple[ExpectedWindow, ...] = ()
    answer: Answer | None = None
    traces: tuple[TraceRef, ...] = ()
    acquisitions: tuple[AcquisitionReport, ...] = ()
    energy_absent: str | None = Field(default=None, description="why there is no energy, when there is none")
    provenance: dict[str, Any] = Field(default_factory=dict)


def pack_bits(bits: npt.NDArray[np.uint8]) -> str:
    """Encode x0…xn-1 as base64 of packed bits, first bit highest."""
    return base64.b64encode(np.packbits(bits).tobytes()).decode("ascii")


def unpack_bits(text: str, n: int) -> npt.NDArray[np.uint8]:
    """Decode `pack_bits`; ValueError on other text, another length or set padding bits."""
    try:
        raw = base64.b64decode(text, validate=True)
    except binascii.Error as error:
        raise ValueError(f"a solution must be base64: {error}") from error
    if len(raw) != (n + 7) // 8:
        raise ValueError(f"a solution of {n} bits packs into {(n + 7) // 8} bytes, these are {len(raw)}")
    bits = np.unpackbits(np.frombuffer(raw, np.uint8))
    if bits[n:].any():
        raise ValueError("padding bits after the solution are set")
    return bits[:n]


MAX_COUNTS = 300_000
"""Outputs times samples of one answer: what a report has room for."""


def pack_counts(counts: npt.NDArray[np.int64]) -> str:
    """Encode whole numbers of 32 bits as base64 of little-endian words, row by row."""
    return base64.b64encode(counts.astype("<i4", casting="same_kind").tobytes()).decode("ascii")


def unpack_counts(text: str, shape: tuple[int, int]) -> npt.NDArray[np.int64]:
    """Decode `pack_counts`; ValueError on other text or another shape."""
    try:
        raw = base64.b64decode(text, validate=True)
    except binascii.Error as error:
        raise ValueError(f"counts must be base64: {error}") from error
    if len(raw) != 4 * shape[0] * shape[1]:
        raise ValueError(f"counts of the shape {shape} take {4 * shape[0] * shape[1]} bytes, these are {len(raw)}")
    return np.frombuffer(raw, "<i4").reshape(shape).astype(np.int64)
