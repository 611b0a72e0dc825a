"""What all charts share: colours, layout and the way to JSON. Page colours are filled in by charts.js."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from neurorig_protocols.quantities import Reality

# Mid tones that hold three to one against both the light and the dark page.
SERIES = ("#2f7ec0", "#c8641e", "#2a9168", "#a45bc0", "#9c7a00", "#d0487a", "#008a94", "#8a6a4f")
NEUTRAL = "#808a94"
BLUE, ORANGE, GREEN = SERIES[:3]


@dataclass(frozen=True)
class Chart:
    """A figure, ready for a page: `json` is Plotly's own format, `note` says how to read it."""

    name: str
    title: str
    json: str
    height_px: int
    note: str = ""


def as_chart(
    figure: Any,
    *,
    name: str,
    title: str,
    height_px: int,
    reality: Reality,
    note: str = "",
    labels_px: float = 12,
) -> Chart:
    """Lay out a Plotly figure; one of a virtual bench says so inside the picture, which may travel alone.

    `labels_px` is the height of what stands above the plot.
    """
    top_px = labels_px + (34 if reality == "virtual" else 10)
    figure.update_layout(
        template=None,
        autosize=True,
        height=height_px,
        margin={"l": 8, "r": 12, "t": top_px, "b": 8, "autoexpand": True},
        legend={"orientation": "h", "x": 0, "xanchor": "left", "y": 0, "yref": "container", "yanchor": "bottom"},
        hoverlabel={"namelength": -1},
    )
    figure.update_xaxes(automargin=True, zeroline=False, ticks="outside", ticklen=4)
    figure.update_yaxes(automargin=True, zeroline=False)
    if reality == "virtual":
        figure.add_annotation(
            text="VIRTUAL", name="reality", xref="paper", yref="paper", x=1, y=1, yshift=labels_px, xanchor="right",
            yanchor="bottom", showarrow=False, font={"size": 16, "color": SERIES[3]},
        )  # fmt: skip
    return Chart(name=name, title=title, json=figure.to_json(), height_px=height_px, note=note)
