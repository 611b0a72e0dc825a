"""Two charts of a campaign's rows of one machine: gap against timeout, and the share of runs that reached a gap."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

from neurorig_protocols.benchmarks.statistics import Run, survival
from neurorig_protocols.benchmarks.summary import Row
from neurorig_protocols.number_text import count_text, percent_text, plain_text
from neurorig_protocols.quantities import Quantity, Reality
from neurorig_protocols.workloads.qubo.qubo_records import TimeToSolution
from neurorig_server.web.charts.figure import SERIES, Chart, as_chart

PANEL_PX, TITLE_PX, LEGEND_PX = 190, 64, 56
_DASHES = ("solid", "dash", "dot")
_SYMBOLS = ("circle", "square", "diamond")


def gap_over_timeout(rows: Sequence[Row], name: str, reality: Reality) -> Chart | None:
    """Draw the mean gap to the official target with ± k·u against the timeout: a panel per density, a line per size."""
    found = [row for row in rows if row.scenario.kind == "fixed-timeout" and isinstance(row.gap_official, Quantity)]
    densities = sorted({row.density for row in found})
    if not found:
        return None
    figure = _panels([f"<b>density {percent_text(density)}</b>" for density in densities])
    named: set[int] = set()
    sizes = sorted({row.n for row in found})
    for panel, density in enumerate(densities, start=1):
        for n in sizes:
            points = sorted((r for r in found if (r.density, r.n) == (density, n)), key=lambda r: r.requested_s)
            if points:
                _add_gaps(figure, panel, points, sizes.index(n), show=n not in named)
                named.add(n)
        figure.update_yaxes(title="gap in %", rangemode="tozero", row=panel, col=1)
    _time_axes(figure, [row.requested_s for row in found], "timeout", len(densities))
    note = (
        "Mean over the seeds, bars ± 2u. Lower is better; below zero the official target is beaten. An open mark is "
        "a row with fewer than five seeds."
    )
    return as_chart(
        figure,
        name=name,
        title="Gap to the official target against the timeout",
        height_px=_height_px(len(densities)),
        reality=reality,
        note=note,
        labels_px=24,
    )


def reached_over_time(rows: Sequence[Row], name: str, reality: Reality) -> Chart | None:
    """Draw the share of runs that had reached a gap: a panel per gap, a step line per size over all densities."""
    found = [row for row in rows if row.to_gaps]
    gaps = sorted({item.gap for row in found for item in row.to_gaps}, reverse=True)
    if not found:
        return None
    figure = _panels([f"<b>to gap {percent_text(gap)}</b>" for gap in gaps])
    named: set[int] = set()
    sizes = sorted({row.n for row in found})
    pools = {(gap, n): _pool(found, gap, n) for gap in gaps for n in sizes}
    reached_s = [run.time_s for runs in pools.values() for run in runs if run.time_s > 0]
    if not reached_s:
        return None
    begin_s = min(reached_s) / 2
    for panel, gap in enumerate(gaps, start=1):
        for n in sizes:
            if runs := pools[gap, n]:
                _add_steps(figure, panel, runs, n, sizes.index(n), begin_s=begin_s, show=n not in named)
                named.add(n)
        figure.update_yaxes(title="reached in %", range=[-4, 104], row=panel, col=1)
    _time_axes(figure, [begin_s, *reached_s], "time since the start event", len(gaps))
    note = (
        "Product-limit estimate over the runs of all seeds and densities. A cross at the limit marks runs that did "
        "not reach the gap: all that is known is that they take longer."
    )
    return as_chart(
        figure,
        name=name,
        title="Share of runs that reached the gap",
        height_px=_height_px(len(gaps)),
        reality=reality,
        note=note,
        labels_px=24,
    )


def _panels(titles: Sequence[str]) -> Any:
    from plotly.subplots import make_subplots

    plot_px = PANEL_PX * len(titles) + TITLE_PX * (len(titles) - 1)
    figure = make_subplots(
        rows=len(titles),
        vertical_spacing=TITLE_PX / plot_px if len(titles) > 1 else 0,
        subplot_titles=list(titles),
    )
    for title in figure.layout.annotations:
        title.update(x=0, xanchor="left", font={"size": 13})
    return figure


def _add_gaps(figure: Any, panel: int, points: Sequence[Row], k: int, *, show: bool) -> None:
    means = [row.gap_official for row in points if isinstance(row.gap_official, Quantity)]
    filled = [_SYMBOLS[k // len(SERIES) % 3] + ("" if row.complete else "-open") for row in points]
    figure.add_scatter(
        x=[row.requested_s for row in points],
        y=[100 * mean.value for mean in means],
        # A mean of one seed has no error bar: its spread is unknown.
        error_y={"type": "data", "array": [_percent(mean.expanded) for mean in means], "thickness": 1.2, "width": 4},
        mode="lines+markers",
        name=f"n = {count_text(points[0].n)}",
        legendgroup=str(points[0].n),
        showlegend=show,
        line=_line(k),
        marker={"size": 7, "symbol": filled, "color": SERIES[k % len(SERIES)]},
        customdata=[[row.seeds_text, plain_text(row.requested_s, "s")] for row in points],
        hovertemplate="%{customdata[1]}: %{y:.2f} % (%{customdata[0]})<extra>%{fullData.name}</extra>",
        row=panel,
        col=1,
    )


def _percent(share: float | None) -> float | None:
    return None if share is None else 100 * share


def _pool(rows: Sequence[Row], gap: float, n: int) -> list[Run]:
    return [
        run.run(row.scenario.limit_s)
        for row in rows
        if row.n == n and isinstance(row.scenario, TimeToSolution)
        for item in row.to_gaps
        if item.gap == gap
        for run in item.runs
    ]


def _add_steps(figure: Any, panel: int, runs: Sequence[Run], n: int, k: int, *, begin_s: float, show: bool) -> None:
    steps = survival(runs)
    last_s = max(run.time_s for run in runs)
    share = [0.0, *(100 * (1 - step.survival) for step in steps)]
    censored = sum(not run.reached for run in runs)
    figure.add_scatter(
        x=[begin_s, *(max(step.time_s, begin_s) for step in steps), last_s],
        y=[*share, share[-1]],
        mode="lines",
        name=f"n = {count_text(n)}",
        legendgroup=str(n),
        showlegend=show,
        line={**_line(k), "shape": "hv"},
        hovertemplate="%{y:.0f} % by %{x:.3g} s<extra>%{fullData.name}</extra>",
        row=panel,
        col=1,
    )
    if censored:
        figure.add_scatter(
            x=[last_s],
            y=[share[-1]],
            mode="markers",
            legendgroup=str(n),
            showlegend=False,
            marker={"symbol": "x", "size": 9, "color": SERIES[k % len(SERIES)]},
            hovertemplate=f"{censored} of {len(runs)} runs not reached<extra>n = {count_text(n)}</extra>",
            row=panel,
            col=1,
        )


def _line(k: int) -> dict[str, Any]:
    return {"width": 2, "color": SERIES[k % len(SERIES)], "dash": _DASHES[k // len(SERIES) % 3]}


def _time_axes(figure: Any, times_s: Sequence[float], title: str, panels: int) -> None:
    low, high = math.log10(min(times_s)), math.log10(max(times_s))
    ticks = [10.0**e for e in range(math.floor(low), math.ceil(high) + 1)]
    figure.update_xaxes(
        type="log",
        tickvals=ticks,
        ticktext=[plain_text(t_s, "s") for t_s in ticks],
        range=[low - 0.15, high + 0.15],
    )
    figure.update_xaxes(title={"text": title, "standoff": 2}, row=panels, col=1)


def _height_px(panels: int) -> int:
    return PANEL_PX * panels + TITLE_PX * panels + LEGEND_PX
