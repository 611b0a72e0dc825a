"""Cost against time of a QUBO attempt, with both targets and the gaps to the official one."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from neurorig_protocols.quantities import Reality
from neurorig_protocols.report import Improvement
from neurorig_protocols.text.number_text import count_text, measured_text, plain_text
from neurorig_protocols.workloads.qubo.mis import target_cost
from neurorig_server.web.charts.figure import BLUE, GREEN, NEUTRAL, ORANGE, SERIES, Chart, as_chart

GAPS = (0.1, 0.05, 0.01)
"""The gaps of NeuroBench's time-to-solution scenario."""
MOST_STEPS = 4000
"""More steps than this cannot be told apart on a screen."""
FEW_STEPS = 12
"""So few steps are marked each, or a solver that tells one cost only would leave nothing to see."""
WORST_GAP = 1.3
"""The axis opens at this gap at most, else the first random costs flatten the part that matters."""


@dataclass(frozen=True)
class Passage:
    """A gap that was reached: after how long, and at which cost or below."""

    gap: float
    latency_s: float
    target_cost: float


def cost_curve(
    improvements: Sequence[Improvement],
    *,
    end_s: float,
    target: int | None,
    passages: Sequence[Passage],
    reality: Reality,
    best: int | None = None,
) -> Chart | None:
    """Draw the solver's best cost as steps over log time; None when no step has a positive time to draw.

    `end_s` is the length of the run in seconds, `target` the official target, `best` the best verified one.
    """
    from plotly.graph_objects import Figure

    steps = thinned(improvements)
    times = [s.t_s for s in steps if s.t_s > 0]
    if not times or end_s <= 0:
        return None
    end_s = max(end_s, *times)
    begin_s = min(min(times) / 2, end_s / 10)
    figure = Figure()
    lines = levels(target, best=best)
    _add_levels(figure, lines, begin_s, end_s)
    _add_steps(figure, steps, begin_s, end_s)
    _add_passages(figure, passages)
    figure.update_xaxes(
        type="log",
        title="time since the start event",
        tickvals=(ticks := _ticks(begin_s, end_s * 1.1)),
        ticktext=[plain_text(t_s, "s") for t_s in ticks],
        range=[math.log10(begin_s), math.log10(end_s * 1.1)],
    )
    bounds = _bounds([s.cost for s in steps], list(lines), target)
    figure.update_yaxes(title="cost xᵀQx", range=bounds, separatethousands=True)
    note = _note(steps, bounds)
    return as_chart(figure, name="cost", title="Cost against time", height_px=420, reality=reality, note=note)


_DASHES = ("solid", "dash", "dashdot", "dot", "longdash")
_LINE_COLOURS = (GREEN, SERIES[3], SERIES[4], SERIES[5], SERIES[6])


def levels(target: int | None, gaps: Sequence[float] = GAPS, *, best: int | None = None) -> Mapping[int, str]:
    """Return the costs to draw a line at, each with its name; targets and gaps of one cost share its line."""
    names: dict[int, list[str]] = {}
    if best is not None:
        names[best] = ["best verified target"]
    if target:
        names.setdefault(target, []).append("official target")
        for gap in sorted(gaps):
            names.setdefault(target_cost(target, gap), []).append(f"gap {gap:g}")
    return {cost: ", ".join(found) for cost, found in names.items()}


def thinned(improvements: Sequence[Improvement], most: int = MOST_STEPS) -> list[Improvement]:
    """Keep at most about `most` steps: the last one of each equal slice of log time, and every one at time 0."""
    if len(improvements) <= most:
        return list(improvements)
    times = [i.t_s for i in improvements if i.t_s > 0]
    if not times:
        return list(improvements[-1:])
    low, span = math.log(min(times)), math.log(max(times) / min(times)) or 1.0
    slices = {-1 if i.t_s <= 0 else int((math.log(i.t_s) - low) / span * most): i for i in improvements}
    return list(slices.values())


def _add_levels(figure: Any, lines: Mapping[int, str], begin_s: float, end_s: float) -> None:
    for (cost, name), dash, colour in zip(lines.items(), _DASHES, _LINE_COLOURS, strict=False):
        figure.add_scatter(
            x=[begin_s, end_s * 1.1],
            y=[cost, cost],
            mode="lines",
            name=f"{name}: {count_text(cost)}",
            line={"width": 1.5, "dash": dash, "color": colour},
            hoverinfo="skip",
        )


def _add_steps(figure: Any, steps: Sequence[Improvement], begin_s: float, end_s: float) -> None:
    # A log axis has no zero: the cost at the start event holds from the axis's left end.
    t = [max(step.t_s, begin_s) for step in steps]
    cost = [step.cost for step in steps]
    figure.add_scatter(
        x=[*t, end_s],
        y=[*cost, cost[-1]],
        mode="lines+markers" if len(steps) <= FEW_STEPS else "lines",
        name="best cost so far",
        line={"shape": "hv", "width": 2, "color": BLUE},
        marker={"size": 5 if len(steps) > 1 else 9},
        customdata=[measured_text(step.t_s, "s") for step in steps] + [f"the end, {measured_text(end_s, 's')}"],
        hovertemplate="cost %{y:,} at %{customdata}<extra></extra>",
    )


def _add_passages(figure: Any, passages: Sequence[Passage]) -> None:
    if not passages:
        return
    figure.add_scatter(
        x=[p.latency_s for p in passages],
        y=[p.target_cost for p in passages],
        mode="markers",
        name="gap reached",
        marker={"size": 9, "color": ORANGE, "symbol": "diamond", "line": {"width": 1, "color": NEUTRAL}},
        customdata=[[f"{p.gap:g}", measured_text(p.latency_s, "s")] for p in passages],
        hovertemplate="gap %{customdata[0]} reached after %{customdata[1]}<extra></extra>",
    )


def _ticks(begin_s: float, end_s: float) -> list[float]:
    """Return round times on a log axis: decades, and 2 and 5 between them where there are few."""
    steps = (1, 2, 5) if end_s < 100 * begin_s else (1,)
    exponents = range(math.floor(math.log10(begin_s)), math.ceil(math.log10(end_s)) + 1)
    times = [float(f"{step}e{exponent}") for exponent in exponents for step in steps]
    return [t_s for t_s in times if begin_s <= t_s <= end_s]


def _bounds(costs: Sequence[int], lines: Sequence[int], target: int | None) -> list[float]:
    low, high = min(*costs, *lines, costs[0]), float(max(*costs, *lines, costs[0]))
    if target:
        high = max(min(high, target + WORST_GAP * abs(target)), min(costs), *lines)
    margin = max((high - low) * 0.06, 0.5)
    return [low - margin, high + margin]


def _note(steps: Sequence[Improvement], bounds: Sequence[float]) -> str:
    note = "Lines: the best verified target, the official one, and the gaps to that. Lower is better."
    if len(steps) == 1:
        note += " This solver told one cost only, at its end."
    if max(step.cost for step in steps) > bounds[1]:
        note += " The worst first costs lie above the axis; double-click the chart to see them."
    return note
