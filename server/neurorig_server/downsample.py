"""Thins a trace for drawing: extremes per bin, so that no peak is lost. Not for analysis."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import numpy.typing as npt

from neurorig_protocols.trace import Trace, Window
from neurorig_server.views import RailSeries, TraceSeries


def series(trace: Trace, points: int, windows: Sequence[Window]) -> TraceSeries:
    """Return at most `points` bins (at least 1) of minimum and maximum power in watts."""
    samples = len(trace)
    size = max(1, -(-samples // points))
    return TraceSeries(
        monitor=trace.head.monitor,
        clock=trace.head.clock,
        t0_ns=trace.head.t0_ns,
        dt_ns=trace.head.dt_ns,
        samples=samples,
        bin=size,
        rails=tuple(_rail(info.rail, trace.values[:, i], size) for i, info in enumerate(trace.head.channels)),
        windows=tuple(windows),
    )


def _rail(name: str, values: npt.NDArray[np.float32], size: int) -> RailSeries:
    starts = np.arange(0, len(values), size)
    if not starts.size:
        return RailSeries(rail=name, min_w=(), max_w=())
    # fmin and fmax pass over missing samples as long as one of the bin is there.
    return RailSeries(
        rail=name,
        min_w=_numbers(np.fmin.reduceat(values, starts)),
        max_w=_numbers(np.fmax.reduceat(values, starts)),
    )


def _numbers(values: npt.NDArray[np.float32]) -> tuple[float | None, ...]:
    return tuple(float(v) if np.isfinite(v) else None for v in values)
