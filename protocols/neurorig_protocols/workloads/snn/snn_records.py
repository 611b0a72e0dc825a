"""Records of spiking networks: what is asked for, what a board answers, what the server makes of it."""

from __future__ import annotations

import base64
import binascii
from typing import Annotated, Any, Literal

import numpy as np
import numpy.typing as npt
from pydantic import Field, StrictInt

from neurorig_protocols.records import Digest, Finite, Record
from neurorig_protocols.workloads.contract import ReportedAnswer, VerifiedAnswer, WorkloadSpec
from neurorig_protocols.workloads.snn.network import MAX_TEXT


class Snn(WorkloadSpec):
    """A spiking network, uploaded beforehand, driven by uploaded input events."""

    name: Literal["snn"]
    model: Digest = Field(description="the uploaded NIR graph")
    events: Digest = Field(description="the uploaded input events")
    steps: Annotated[StrictInt, Field(ge=1, le=1_000_000)] = Field(description="time steps per sample")
    samples: Annotated[StrictInt, Field(ge=1, le=100_000)] = 1
    dt: Finite | None = Field(
        default=None, gt=0, description="duration of a step in the graph's unit of time; None: as the graph tells"
    )


class PopulationSpikes(Record):
    """What one population of a spiking network did, all samples together."""

    name: str = Field(max_length=200)
    neurons: int = Field(ge=1)
    spikes: int = Field(ge=0)


class SnnAnswer(ReportedAnswer):
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


class VerifiedSnn(VerifiedAnswer):
    """The answer of a spiking network: checked for consistency, and run again where the report carries the network."""

    kind: Literal["snn"] = "snn"
    output_spikes: int
    spikes: int
    silent_samples: int = Field(description="samples in which no output spiked")
    winners: tuple[int, ...] = Field(description="output with the most spikes of each sample, -1 for none; bounded")
    recomputed: str | None = Field(default=None, description="what was run again, and what that does not show")
    not_recomputed: str | None = Field(default=None, description="why the network was not run again")


class SnnAnswerView(SnnAnswer):
    """A reported answer of a spiking network with its check; None until it is done, or when it is malformed."""

    verified: VerifiedSnn | None


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
