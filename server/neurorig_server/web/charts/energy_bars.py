"""The component x phase chart of an energy matrix: one panel per phase."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from neurorig_protocols.energy import EnergyCell, EnergyMatrix
from neurorig_protocols.number_text import axis_scale, quantity_text
from neurorig_protocols.quantities import Absent, Quantity
from neurorig_server.web.charts.figure import BLUE, GREEN, NEUTRAL, ORANGE, Chart, as_chart
from neurorig_server.web.energy_tables import phases_of, windows_text

BAR_PX, TITLE_PX, LEGEND_PX = 26, 84, 40

NOTE = (
    "Each phase has its own scale. Grey is idle power times duration; the coloured rest is dynamic energy, which is "
    "signed and may point left. The mark is the measured energy with its expanded uncertainty (2u)."
)


def energy_bars(matrix: EnergyMatrix) -> Chart:
    """Draw idle share and dynamic energy as stacked bars and the measured energy ± k·u as a mark, per component."""
    from plotly.subplots import make_subplots

    panels = [[c for c in matrix.cells if c.phase == phase] for phase in phases_of(matrix)]
    bars_px = [len(cells) * BAR_PX for cells in panels]
    plot_px = sum(bars_px) + TITLE_PX * (len(panels) - 1)
    figure = make_subplots(
        rows=len(panels),
        row_heights=bars_px,
        vertical_spacing=TITLE_PX / plot_px if len(panels) > 1 else 0,
        subplot_titles=[f"<b>{cells[0].phase}</b>, {windows_text(cells[0])}" for cells in panels],
    )
    named: set[str] = set()
    for row, cells in enumerate(panels, start=1):
        named |= _panel(figure, row, cells, named)
    for title in figure.layout.annotations:
        title.update(x=0, xanchor="left", font={"size": 13})
    figure.update_layout(barmode="relative", bargap=0.4)
    return as_chart(
        figure,
        name="energy",
        title="Energy by component and phase",
        height_px=plot_px + TITLE_PX + LEGEND_PX + 16,
        reality=matrix.reality,
        note=NOTE,
        labels_px=24,
    )


def _panel(figure: Any, row: int, cells: Sequence[EnergyCell], named: set[str]) -> set[str]:
    """Add one phase; return the legend names it used."""
    scale, unit = axis_scale(max(abs(c.energy.value) + _expanded(c) for c in cells), "J")
    components = [c.component for c in cells]
    new: set[str] = set()
    for name, colour, values in (
        ("idle power × duration", NEUTRAL, [_idle_share(c) for c in cells]),
        ("dynamic (active − idle)", BLUE, [_dynamic(c) for c in cells]),
        ("energy without a baseline", GREEN, [_without_baseline(c) for c in cells]),
    ):
        if all(value is None for value in values):
            continue
        new.add(name)
        figure.add_bar(
            y=components,
            x=[None if value is None else value * scale for value in values],
            orientation="h",
            name=name,
            marker={"color": colour},
            legendgroup=name,
            showlegend=name not in named,
            hoverinfo="skip",
            row=row,
            col=1,
        )
    new.add(_marks(figure, row, cells, scale, named))
    figure.update_xaxes(title={"text": unit, "standoff": 2}, rangemode="tozero", row=row, col=1)
    figure.update_yaxes(autorange="reversed", row=row, col=1)
    return new


def _expanded(cell: EnergyCell) -> float:
    return cell.energy.k * cell.energy.known_u


def _marks(figure: Any, row: int, cells: Sequence[EnergyCell], scale: float, named: set[str]) -> str:
    name = f"energy ± {cells[0].energy.k:g}u"
    figure.add_scatter(
        y=[c.component for c in cells],
        x=[c.energy.value * scale for c in cells],
        error_x={"type": "data", "array": [scale * _expanded(c) for c in cells], "thickness": 1.5, "width": 5},
        mode="markers",
        marker={"size": 7, "color": ORANGE, "symbol": "diamond"},
        name=name,
        legendgroup=name,
        showlegend=name not in named,
        customdata=[[quantity_text(c.energy), c.energy.grade] for c in cells],
        hovertemplate="%{y}: %{customdata[0]} (%{customdata[1]})<extra></extra>",
        row=row,
        col=1,
    )
    return name


def _idle_share(cell: EnergyCell) -> float | None:
    if cell.phase == "idle":
        return cell.energy.value
    return cell.idle_power.value * cell.duration_s if isinstance(cell.idle_power, Quantity) else None


def _dynamic(cell: EnergyCell) -> float | None:
    return cell.dynamic.value if isinstance(cell.dynamic, Quantity) else None


def _without_baseline(cell: EnergyCell) -> float | None:
    return cell.energy.value if cell.phase != "idle" and isinstance(cell.idle_power, Absent) else None
