"""Finds the measuring windows of an attempt on a trace, from the marker line or from host timestamps.

Pure: agent and server call the same function, so a window can be recomputed for ever. Not for energy.

An edge that falls inside sample i is put at the sample's middle with the standard uncertainty dt/sqrt(12).
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Literal

import numpy as np
import numpy.typing as npt

from neurorig_protocols.errors import MarkerMismatch, WindowCut
from neurorig_protocols.report import ExpectedWindow
from neurorig_protocols.trace import Marker, Trace, Window

MARKER_BIT = 1

SOFTWARE_EDGE_U_NS = 0.5e6
"""Standard uncertainty of a host timestamp as an edge; 0.5 ms was measured as the round trip of a local
pseudo-terminal, a real link is worse (docs/explanations/uncertainty.md). Grade: assumed."""


def align(trace: Trace, expected: Sequence[ExpectedWindow], mode: Literal["level", "pulse"]) -> tuple[Window, ...]:
    """Pair the k-th window on the marker line with the k-th expected one.

    Raises MarkerMismatch when the counts differ, WindowCut when the last window has no end.
    """
    line = (trace.digital & MARKER_BIT).astype(bool)
    begins, ends = _level_edges(line) if mode == "level" else _pulse_edges(line)
    if len(begins) == len(ends) + 1:
        raise WindowCut(
            f"the marker line ends inside window {len(begins)} of {len(expected)}",
            where=trace.head.monitor,
            next_step="Repeat the attempt; a cut window never becomes a number.",
        )
    if len(ends) != len(expected):
        raise MarkerMismatch(
            f"the marker line shows {len(ends)} windows, {len(expected)} phases were marked",
            where=trace.head.monitor,
            next_step="Check the marker wire and that nothing else toggles it.",
            seen=len(ends),
            expected=len(expected),
        )
    return tuple(_line_window(trace, want, int(b), int(e)) for want, b, e in zip(expected, begins, ends, strict=True))


def _level_edges(line: npt.NDArray[np.bool_]) -> tuple[npt.NDArray[np.intp], npt.NDArray[np.intp]]:
    if line.size and line[0]:
        raise MarkerMismatch("the marker line is already high at the first sample")
    steps = np.diff(line.astype(np.int8))
    return np.flatnonzero(steps == 1) + 1, np.flatnonzero(steps == -1) + 1


def _pulse_edges(line: npt.NDArray[np.bool_]) -> tuple[npt.NDArray[np.intp], npt.NDArray[np.intp]]:
    if line.size and not line[0]:
        raise MarkerMismatch("the marker line is already low at the first sample")
    falls = np.flatnonzero(np.diff(line.astype(np.int8)) == -1) + 1
    return falls[0::2], falls[1::2]


def _line_window(trace: Trace, want: ExpectedWindow, first: int, last: int) -> Window:
    dt = trace.head.dt_ns
    return Window(
        phase=want.phase,
        index=want.index,
        begin_ns=trace.head.t0_ns + (first + 0.5) * dt,
        end_ns=trace.head.t0_ns + (last + 0.5) * dt,
        u_ns=dt / math.sqrt(12),
        clock=trace.head.clock,
    )


def from_markers(markers: Sequence[Marker], expected: Sequence[ExpectedWindow]) -> tuple[Window, ...]:
    """Take windows from host timestamps, for a bench whose marker line is not wired.

    Raises WindowCut when a phase has a begin and no end, MarkerMismatch when it was never marked.
    """
    at: dict[tuple[str, int, str], Marker] = {(m.phase, m.index, m.edge): m for m in markers}
    return tuple(_software_window(want, at) for want in expected)


def _software_window(want: ExpectedWindow, at: dict[tuple[str, int, str], Marker]) -> Window:
    begin = at.get((want.phase, want.index, "begin"))
    end = at.get((want.phase, want.index, "end"))
    if begin is None:
        raise MarkerMismatch(f"{want.phase} {want.index} was never marked")
    if end is None:
        raise WindowCut(f"{want.phase} {want.index} has no end")
    return Window(
        phase=want.phase,
        index=want.index,
        begin_ns=begin.t_ns,
        end_ns=end.t_ns,
        u_ns=SOFTWARE_EDGE_U_NS,
        clock=begin.clock,
        source="software",
    )
