"""What closes an attempt: the agent's report, and what the server makes of it."""

from __future__ import annotations

from typing import Any, Literal

from pydantic import Field

from neurorig_protocols.board import BoardInfo, Compiled, Placement
from neurorig_protocols.errors import ErrorRecord
from neurorig_protocols.plan import PhaseName
from neurorig_protocols.records import Digest, Finite, Name, Record
from neurorig_protocols.trace import AcquisitionReport, Marker
from neurorig_protocols.workloads.registry import InstalledAnswer

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
    answer: InstalledAnswer | None = None
    traces: tuple[TraceRef, ...] = ()
    acquisitions: tuple[AcquisitionReport, ...] = ()
    energy_absent: str | None = Field(default=None, description="why there is no energy, when there is none")
    provenance: dict[str, Any] = Field(default_factory=dict)
