"""A staircase over time, such as the best cost of a solver, with named levels and marks."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import Any

from neurorig_protocols.number_text import count_text, measured_text, plain_text
from neurorig_protocols.quantities import Reality
from neurorig_protocols.workloads.contract import Curve
from neurorig_server.web.charts.figure import BLUE, GREEN, NEUTRAL, ORANGE, SERIES, Chart, as_chart

FEW_STEPS = 12
"""So few steps are marked each, or a solver that reports one cost only would leave nothing to see."""


def step_curve(curve: Curve, reality: Reality) -> Chart | None:
    """Draw a staircase over logarithmic time; None when no step has a positive time to draw."""
    from plotly.graph_objects import Figure

    times = [t_s for t_s, _ in curve.steps if t_s > 0]
    if not times or curve.end_s <= 0:
        return None
    end_s = max(curve.end_s, *times)
    begin_s = min(min(times) / 2, end_s / 10)
    figure = Figure()
    _add_levels(figure, curve.levels, begin_s, end_s)
    _add_steps(figure, curve.steps, begin_s, end_s)
    _add_marks(figure, curve.marks)
    figure.update_xaxes(
        type="log",
        title="time since the start event",
        tickvals=(ticks := _ticks(begin_s, end_s * 1.1)),
        ticktext=[plain_text(t_s, "s") for t_s in ticks],
        range=[math.log10(begin_s), math.log10(end_s * 1.1)],
    )
    bounds = _bounds(curve)
    figure.update_yaxes(title=curve.y_title, range=bounds, separatethousands=True)
    note = curve.note
    if max(value for _, value in curve.steps) > bounds[1]:
        note += " The worst first values lie above the axis; double-click the chart to see them."
    return as_chart(figure, name="answer", title=curve.title, height_px=420, reality=reality, note=note)


_DASHES = ("solid", "dash", "dashdot", "dot", "longdash")
_LINE_COLOURS = (GREEN, SERIES[3], SERIES[4], SERIES[5], SERIES[6])


def _add_levels(figure: Any, lines: Mapping[float, str], begin_s: float, end_s: float) -> None:
    for (cost, name), dash, colour in zip(lines.items(), _DASHES, _LINE_COLOURS, strict=False):
        figure.add_scatter(
            x=[begin_s, end_s * 1.1],
            y=[cost, cost],
            mode="lines",
            name=f"{name}: {count_text(int(cost))}",
            line={"width": 1.5, "dash": dash, "color": colour},
            hoverinfo="skip",
        )


def _add_steps(figure: Any, steps: Sequence[tuple[float, float]], begin_s: float, end_s: float) -> None:
    # A log axis has no zero: the value at the start event holds from the axis's left end.
    t = [max(t_s, begin_s) for t_s, _ in steps]
    values = [value for _, value in steps]
    figure.add_scatter(
        x=[*t, end_s],
        y=[*values, values[-1]],
        mode="lines+markers" if len(steps) <= FEW_STEPS else "lines",
        name="best cost so far",
        line={"shape": "hv", "width": 2, "color": BLUE},
        marker={"size": 5 if len(steps) > 1 else 9},
        customdata=[measured_text(t_s, "s") for t_s, _ in steps] + [f"the end, {measured_text(end_s, 's')}"],
        hovertemplate="%{y:,} at %{customdata}<extra></extra>",
    )


def _add_marks(figure: Any, marks: Sequence[tuple[float, float, str]]) -> None:
    if not marks:
        return
    figure.add_scatter(
        x=[x for x, _, _ in marks],
        y=[y for _, y, _ in marks],
        mode="markers",
        name="gap reached",
        marker={"size": 9, "color": ORANGE, "symbol": "diamond", "line": {"width": 1, "color": NEUTRAL}},
        customdata=[name for _, _, name in marks],
        hovertemplate="%{customdata}<extra></extra>",
    )


def _ticks(begin_s: float, end_s: float) -> list[float]:
    """Return round times on a log axis: decades, and 2 and 5 between them where there are few."""
    steps = (1, 2, 5) if end_s < 100 * begin_s else (1,)
    exponents = range(math.floor(math.log10(begin_s)), math.ceil(math.log10(end_s)) + 1)
    times = [float(f"{step}e{exponent}") for exponent in exponents for step in steps]
    return [t_s for t_s in times if begin_s <= t_s <= end_s]


def _bounds(curve: Curve) -> list[float]:
    values = [value for _, value in curve.steps]
    low, high = min(*values, *curve.levels, values[0]), max(*values, *curve.levels, values[0])
    if curve.top is not None:
        high = max(min(high, curve.top), min(values), *curve.levels)
    margin = max((high - low) * 0.06, 0.5)
    return [low - margin, high + margin]
