"""The power trace of one monitor: a line per rail over shaded measuring windows."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from itertools import groupby
from typing import Any

from neurorig_protocols.api.attempts import RailSeries, TraceSeries
from neurorig_protocols.number_text import axis_scale, plain_text
from neurorig_protocols.quantities import Reality
from neurorig_protocols.trace import Window
from neurorig_server.web.charts.figure import NEUTRAL, SERIES, Chart, as_chart

COLOURS = {"run": "47,126,192", "idle": "128,138,148", "warmup": "200,100,30"}
OTHER = "42,145,104"

MOST_BANDS = 300
"""With more windows than this, neighbours of one phase share a band."""
NARROW = 0.09
"""Share of the time axis below which a label is written slanted."""
SLANT = -40
"""Angle of a slanted label in degrees."""
TOUCHING = 0.035
"""Share of the time axis below which slanted labels would cover each other."""

Group = Sequence[Window]


def bands(windows: Sequence[Window], *, origin_ns: float, scale: float) -> list[dict[str, Any]]:
    """Return Plotly shapes; an instant t_ns lies at (t_ns - origin_ns)·1e-9·scale."""
    merge = len(windows) > MOST_BANDS
    pairs = [p for group in _groups(windows) for p in ([(group[0], group[-1])] if merge else [(w, w) for w in group])]
    return [
        {
            "type": "rect",
            "yref": "paper",
            "y0": 0,
            "y1": 1,
            "x0": (first.begin_ns - origin_ns) * 1e-9 * scale,
            "x1": (last.end_ns - origin_ns) * 1e-9 * scale,
            "fillcolor": f"rgba({COLOURS.get(first.phase, OTHER)},0.16)",
            "line": {"width": 0},
            "layer": "below",
        }
        for first, last in pairs
    ]


def band_labels(windows: Sequence[Window], *, origin_ns: float, scale: float, extent_ns: float) -> list[Label]:
    """Return what to write above the bands of a time axis that is `extent_ns` long."""
    placed: list[Label] = []
    for group in _groups(windows):
        begin, end = (t_ns - origin_ns for t_ns in (group[0].begin_ns, group[-1].end_ns))
        x = (begin + end) / 2 * 1e-9 * scale
        label = Label(x, is_narrow=end - begin < NARROW * extent_ns, text=_name(group))
        last = placed[-1] if placed else None
        if last and last.is_narrow and label.is_narrow and x - last.x < TOUCHING * extent_ns * 1e-9 * scale:
            placed[-1] = replace(last, text=f"{last.text}, {label.text}")
        else:
            placed.append(label)
    return placed


@dataclass(frozen=True)
class Label:
    """A text above a place on the axis, slanted where it is wider than its bands."""

    x: float
    text: str
    is_narrow: bool

    @property
    def height_px(self) -> float:
        """Roughly how far the text reaches above the plot."""
        return 18 + (len(self.text) * 4.4 if self.is_narrow else 0)

    def annotation(self, *, right_of: float) -> dict[str, Any]:
        """Return Plotly's annotation; to the right of `right_of` the slant leans left, so that nothing is cut off."""
        leans_left = self.is_narrow and self.x > right_of
        return {
            "text": self.text,
            "x": self.x,
            "y": 1,
            "yref": "paper",
            "yanchor": "bottom",
            "xanchor": "center" if not self.is_narrow else "right" if leans_left else "left",
            "textangle": 0 if not self.is_narrow else -SLANT if leans_left else SLANT,
            "showarrow": False,
            "font": {"size": 12},
        }


def _groups(windows: Sequence[Window]) -> list[list[Window]]:
    return [list(group) for _, group in groupby(windows, key=lambda window: window.phase)]


def _name(group: Group) -> str:
    return group[0].phase if len(group) == 1 else f"{group[0].phase} × {len(group)}"


HEIGHT_PX = 460


@dataclass(frozen=True)
class _Axes:
    """Units of both axes, and the instant where time begins to count."""

    t_scale: float
    t_unit: str
    p_scale: float
    p_unit: str
    origin_ns: float


def power_trace(series: TraceSeries, reality: Reality, *, total_rails: frozenset[str] = frozenset()) -> Chart:
    """Draw power against time from extreme to extreme; `total_rails` feed the others and are drawn in grey."""
    return _chart(
        series,
        _axes(series, series.t0_ns),
        total_rails,
        reality,
        name=f"trace-{series.monitor}",
        title=f"Power trace of monitor {series.monitor}",
        since="the first sample",
    )


def closer_look(
    series: TraceSeries, window: Window, reality: Reality, *, total_rails: frozenset[str] = frozenset()
) -> Chart:
    """Draw the part of a trace around one window; time counts from the window's begin."""
    return _chart(
        series,
        _axes(series, window.begin_ns),
        total_rails,
        reality,
        name=f"closer-{series.monitor}",
        title=f"Closer: {window.phase} {window.index} on monitor {series.monitor}",
        since=f"the begin of {window.phase} {window.index}",
    )


def _axes(series: TraceSeries, origin_ns: float) -> _Axes:
    peak_w = max((abs(w) for rail in series.rails for w in rail.max_w if w is not None), default=0.0)
    time, power = axis_scale(series.samples * series.dt_ns * 1e-9, "s"), axis_scale(peak_w, "W")
    return _Axes(*time, *power, origin_ns)


def _chart(
    series: TraceSeries,
    axes: _Axes,
    total_rails: frozenset[str],
    reality: Reality,
    *,
    name: str,
    title: str,
    since: str,
) -> Chart:
    from plotly.graph_objects import Figure

    figure = Figure()
    colours = iter(SERIES * (len(series.rails) // len(SERIES) + 1))
    for rail in series.rails:
        total = rail.rail in total_rails
        shown = f"{rail.rail} (total)" if total else rail.rail
        _add_rail(figure, series, rail, axes, name=shown, colour=NEUTRAL if total else next(colours))
    labels = _mark_phases(figure, series, axes)
    figure.update_xaxes(title=f"time since {since}, {axes.t_unit}")
    figure.update_yaxes(title=f"power, {axes.p_unit}", rangemode="tozero")
    top_px = max((label.height_px for label in labels), default=12)
    return as_chart(
        figure,
        name=name,
        title=title,
        height_px=HEIGHT_PX,
        reality=reality,
        note=_note(series),
        labels_px=top_px,
    )


def _mark_phases(figure: Any, series: TraceSeries, axes: _Axes) -> list[Label]:
    """Add bands and labels over exactly the trace's own time; return the labels."""
    extent_ns = series.samples * series.dt_ns
    begin, end = ((t_ns - axes.origin_ns) * 1e-9 * axes.t_scale for t_ns in (series.t0_ns, series.t0_ns + extent_ns))
    place = {"origin_ns": axes.origin_ns, "scale": axes.t_scale}
    labels = band_labels(series.windows, extent_ns=extent_ns, **place)
    figure.update_layout(
        shapes=bands(series.windows, **place),
        annotations=[label.annotation(right_of=begin + 0.85 * (end - begin)) for label in labels],
    )
    figure.update_xaxes(range=[begin, end])
    return labels


def _add_rail(figure: Any, series: TraceSeries, rail: RailSeries, axes: _Axes, *, name: str, colour: str) -> None:
    t, power = _zigzag(series, rail, axes)
    # A line as thin as the trace has no colour to be told by in the legend: a thick empty one stands there.
    thick = {"line": {"width": 4, "color": colour}, "legendgroup": name}
    figure.add_scatter(x=[None], y=[None], mode="lines", name=name, **thick)
    figure.add_scatter(
        x=t,
        y=power,
        mode="lines",
        name=name,
        legendgroup=name,
        showlegend=False,
        line={"width": 1, "color": colour},
        hovertemplate=f"%{{y:.4~g}} {axes.p_unit} at %{{x:.5~g}} {axes.t_unit}",
    )


def _zigzag(series: TraceSeries, rail: RailSeries, axes: _Axes) -> tuple[list[float], list[float | None]]:
    t: list[float] = []
    power: list[float | None] = []
    for i, (low, high) in enumerate(zip(rail.min_w, rail.max_w, strict=True)):
        for share, watts in ((0.5, low),) if low == high else ((0.25, low), (0.75, high)):
            t_ns = series.t0_ns - axes.origin_ns + (i + share) * series.bin * series.dt_ns
            t.append(float(f"{t_ns * 1e-9 * axes.t_scale:.7g}"))
            power.append(None if watts is None else float(f"{watts * axes.p_scale:.6g}"))
    return t, power


def _note(series: TraceSeries) -> str:
    rate = plain_text(1e9 / series.dt_ns, "Sa/s")
    note = f"Shaded: the measured windows. {rate} on the clock {series.clock}. A click on a name hides its line."
    if series.bin > 1:
        note += f" Drawn from the least to the largest of every {series.bin} samples, so no peak is lost."
    return note
