"""The host's view of phase edges, kept as records. Not for moving a physical line: drivers do that."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable
from typing import Literal

from neurorig_drivers.interface import MarkerSink, host_ns
from neurorig_protocols.plan import PhaseName
from neurorig_protocols.trace import Marker


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
