"""What every board and every monitor driver implements, and the record of phase edges they are given."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable, Iterator, Sequence
from typing import Literal, Protocol

from neurorig_protocols.board import Artifact, Batch, BoardInfo, Compiled, Placement, RunOutput
from neurorig_protocols.plan import PhaseName
from neurorig_protocols.trace import AcquisitionPlan, AcquisitionReport, ChannelInfo, Marker, SampleBlock, TraceHead


def host_ns() -> int:
    """Return the instant on the clock "host": monotonic nanoseconds, the same in all processes of a machine."""
    return time.monotonic_ns()


class MarkerLog:
    """A MarkerSink that stamps every edge with the clock "host"."""

    def __init__(self, now_ns: Callable[[], int] = host_ns) -> None:
        self.records: list[Marker] = []
        self._now_ns = now_ns

    def begin(self, phase: PhaseName, index: int) -> None:
        """Note that a window begins now."""
        self._note(phase, index, "begin")

    def end(self, phase: PhaseName, index: int) -> None:
        """Note that the window ends now."""
        self._note(phase, index, "end")

    def _note(self, phase: PhaseName, index: int, edge: Literal["begin", "end"]) -> None:
        # The instant first: building the record takes microseconds that belong to the phase.
        t_ns = self._now_ns()
        self.records.append(Marker(phase=phase, index=index, edge=edge, t_ns=t_ns))


def pass_on(records: Iterable[Marker], sink: MarkerSink) -> None:
    """Hand markers noted in another process to a sink; a MarkerLog keeps their instants, others stamp anew."""
    if isinstance(sink, MarkerLog):
        sink.records.extend(records)
        return
    for marker in records:
        (sink.begin if marker.edge == "begin" else sink.end)(marker.phase, marker.index)


def idle_on_host_clock(seconds: float, index: int | None, markers: MarkerSink) -> None:
    """Wait for so many seconds; with an index the wait is that window of idle."""
    if index is not None:
        markers.begin("idle", index)
    time.sleep(seconds)
    if index is not None:
        markers.end("idle", index)


class MarkerSink(Protocol):
    """Keeps the host's view of each phase edge. Moving the physical line is the driver's own business."""

    def begin(self, phase: PhaseName, index: int) -> None:
        """Note that a window begins now."""

    def end(self, phase: PhaseName, index: int) -> None:
        """Note that the window ends now."""


class BoardDriver(Protocol):
    """Operates one DUT: compile -> map -> load -> (idle | run)* -> close.

    When the owner cancels a job during `run`, `markers.begin` raises RunStopped instead of beginning the next window;
    let it pass. A class may set `run_may_be_killed = True` where the end of the driver's process, at any instant of a
    run, leaves the DUT safe: then a cancel does not wait for the window's end. Otherwise the window is finished.
    """

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


def supported_rates(rates_hz: Sequence[float], wanted_hz: float) -> float:
    """Return the slowest supported rate at or above the wanted one, or the fastest there is."""
    above = [rate for rate in rates_hz if rate >= wanted_hz]
    return min(above) if above else max(rates_hz)
