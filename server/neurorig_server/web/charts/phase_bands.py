"""Windows on a time axis: a shaded band for each, a label for neighbours of one phase."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from itertools import groupby
from typing import Any

from neurorig_protocols.trace import Window

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


def labels(windows: Sequence[Window], *, origin_ns: float, scale: float, extent_ns: float) -> list[Label]:
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
