"""The power trace of one monitor: a line per rail over bands where a phase was measured."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import groupby
from typing import Any

from neurorig_protocols.quantities import Reality
from neurorig_protocols.trace import Window
from neurorig_server.views import RailSeries, TraceSeries
from neurorig_server.web.charts.figure import NEUTRAL, SERIES, Chart, as_chart
from neurorig_server.web.numbers import axis_scale, plain_text

BANDS = {"run": "47,126,192", "idle": "128,138,148", "warmup": "200,100,30"}
OTHER_BAND = "42,145,104"

MOST_BANDS = 300
"""With more windows than this, neighbours of one phase share a band."""
NARROW = 0.09
"""Share of the time axis below which a label is written slanted."""


def power_trace(series: TraceSeries, reality: Reality, *, total_rails: frozenset[str] = frozenset()) -> Chart:
    """Draw power against time from extreme to extreme; `total_rails` feed the others and are drawn in grey."""
    from plotly.graph_objects import Figure

    t_scale, t_unit = axis_scale(series.samples * series.dt_ns * 1e-9, "s")
    peak_w = max((abs(w) for rail in series.rails for w in rail.max_w if w is not None), default=0.0)
    p_scale, p_unit = axis_scale(peak_w, "W")
    figure = Figure()
    coloured = [rail.rail for rail in series.rails if rail.rail not in total_rails]
    for rail in series.rails:
        t, power = _zigzag(rail, series.bin * series.dt_ns * 1e-9 * t_scale, p_scale)
        part = rail.rail in coloured
        name = rail.rail if part else f"{rail.rail} (total)"
        colour = SERIES[coloured.index(rail.rail) % len(SERIES)] if part else NEUTRAL
        # A line as thin as the trace has no colour to be told by in the legend: a thick empty one stands there.
        legend = {"line": {"width": 4, "color": colour}, "legendgroup": name}
        figure.add_scatter(x=[None], y=[None], mode="lines", name=name, **legend)
        figure.add_scatter(
            x=t,
            y=power,
            mode="lines",
            name=name,
            legendgroup=name,
            showlegend=False,
            line={"width": 1, "color": colour},
            hovertemplate=f"%{{y:.4~g}} {p_unit} at %{{x:.5~g}} {t_unit}",
        )
    shapes, labels = _bands(series, t_scale)
    figure.update_layout(shapes=shapes, annotations=labels)
    figure.update_xaxes(title=f"time since the first sample, {t_unit}")
    figure.update_yaxes(title=f"power, {p_unit}", rangemode="tozero")
    return as_chart(
        figure,
        name=f"trace-{series.monitor}",
        title=f"Power trace of monitor {series.monitor}",
        height_px=460,
        reality=reality,
        note=_note(series),
    )


def _note(series: TraceSeries) -> str:
    rate = plain_text(1e9 / series.dt_ns, "Sa/s")
    note = f"Shaded: the measured windows. {rate} on the clock {series.clock}. A click on a name hides its line."
    if series.bin > 1:
        note += f" Drawn from the least to the largest of every {series.bin} samples, so no peak is lost."
    return note


def _zigzag(rail: RailSeries, bin_length: float, scale: float) -> tuple[list[float], list[float | None]]:
    t: list[float] = []
    power: list[float | None] = []
    for i, (low, high) in enumerate(zip(rail.min_w, rail.max_w, strict=True)):
        for share, watts in ((0.5, low),) if low == high else ((0.25, low), (0.75, high)):
            t.append(float(f"{(i + share) * bin_length:.7g}"))
            power.append(None if watts is None else float(f"{watts * scale:.6g}"))
    return t, power


def _bands(series: TraceSeries, scale: float) -> tuple[list[dict[str, Any]], list[dict[str, Any]]]:
    groups = [list(group) for _, group in groupby(series.windows, key=lambda window: window.phase)]
    merge = len(series.windows) > MOST_BANDS
    bands = [pair for group in groups for pair in ([(group[0], group[-1])] if merge else [(w, w) for w in group])]
    shapes = [
        {
            "type": "rect",
            "yref": "paper",
            "y0": 0,
            "y1": 1,
            "x0": _since_start_s(series, first.begin_ns) * scale,
            "x1": _since_start_s(series, last.end_ns) * scale,
            "fillcolor": f"rgba({BANDS.get(first.phase, OTHER_BAND)},0.16)",
            "line": {"width": 0},
            "layer": "below",
        }
        for first, last in bands
    ]
    return shapes, [_label(series, group, scale) for group in groups]


def _label(series: TraceSeries, group: Sequence[Window], scale: float) -> dict[str, Any]:
    begin_s, end_s = _since_start_s(series, group[0].begin_ns), _since_start_s(series, group[-1].end_ns)
    narrow = (end_s - begin_s) / (series.samples * series.dt_ns * 1e-9) < NARROW
    return {
        "text": group[0].phase if len(group) == 1 else f"{group[0].phase} × {len(group)}",
        "x": (begin_s + end_s) / 2 * scale,
        "y": 1,
        "yref": "paper",
        "yanchor": "bottom",
        "xanchor": "left" if narrow else "center",
        "textangle": -40 if narrow else 0,
        "showarrow": False,
        "font": {"size": 12},
    }


def _since_start_s(series: TraceSeries, t_ns: float) -> float:
    return (t_ns - series.t0_ns) * 1e-9
