"""What every board and every monitor driver implements. Six verbs each, all blocking.

A driver class is called with its part of the bench file and nothing else, `Class(BoardConfig)` or
`Class(MonitorConfig)`, and connects and identifies what it operates before it returns. A driver stays open from job
to job: `compile` may be called again after any verb but `close`. A verb out of order raises a NeurorigError.

Failures are `NeurorigError`s; anything else that escapes is treated as a crash of the driver.
"""

from __future__ import annotations

import time
from collections.abc import Iterator, Sequence
from typing import Protocol

from neurorig_protocols.board import Artifact, Batch, BoardInfo, Compiled, Placement, RunOutput
from neurorig_protocols.plan import PhaseName
from neurorig_protocols.trace import AcquisitionPlan, AcquisitionReport, ChannelInfo, SampleBlock, TraceHead


class MarkerSink(Protocol):
    """Keeps the host's view of each phase edge. Moving the physical line is the driver's own business."""

    def begin(self, phase: PhaseName, index: int) -> None:
        """Note that a window begins now."""

    def end(self, phase: PhaseName, index: int) -> None:
        """Note that the window ends now."""


class BoardDriver(Protocol):
    """Operates one DUT: compile -> map -> load -> (idle | run)* -> close."""

    info: BoardInfo

    def compile(self, model: Artifact) -> Compiled:
        """Translate a model; touches no hardware."""

    def map(self, compiled: Compiled) -> Placement:
        """Place the program; DoesNotFit names the limit and by how much."""

    def load(self, placement: Placement) -> None:
        """Bring the program onto the board: afterwards it is configured and ready."""

    def idle(self, seconds: float, index: int | None, markers: MarkerSink) -> None:
        """Stay configured and ready for `seconds` of the bench's clock; mark idle window `index` unless None."""

    def run(self, batch: Batch, markers: MarkerSink) -> RunOutput:
        """Run one batch; each marked window is bracketed by `markers` and by the board's own line if it has one."""

    def close(self) -> None:
        """Leave the board safe. Idempotent, never raises."""


class PowerMonitor(Protocol):
    """Reads one power monitor: (arm -> stream -> disarm)* -> close."""

    channels: Sequence[ChannelInfo]
    head: TraceHead
    """Valid after `arm`: clock, first sample's instant, period, channels."""

    def arm(self, plan: AcquisitionPlan) -> None:
        """Set ranges and rate; return once samples are being taken."""

    def stream(self) -> Iterator[SampleBlock]:
        """Yield what has been sampled and not yet fetched; ends when nothing is waiting."""

    def disarm(self) -> AcquisitionReport:
        """Stop sampling and say what was sampled and lost. Fetch the rest with `stream` before."""

    def close(self) -> None:
        """Restore the instrument's state. Idempotent, never raises."""


def host_ns() -> int:
    """Return the instant on the clock "host": monotonic nanoseconds, the same in all processes of a machine."""
    return time.monotonic_ns()


def supported_rates(rates_hz: Sequence[float], wanted_hz: float) -> float:
    """Return the slowest supported rate at or above the wanted one, or the fastest there is."""
    above = [rate for rate in rates_hz if rate >= wanted_hz]
    return min(above) if above else max(rates_hz)
