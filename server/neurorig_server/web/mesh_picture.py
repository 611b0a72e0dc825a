"""The picture of a placement: cells of a chip's mesh, as dark as they are busy or full, drawn as inline SVG.

The numbers come from an agent and are shown only when they are what a board driver says in `Placement.summary`:
    mesh = {grain, columns, rows, work_percent, memory_percent}, each list one whole number per cell, -1 for unused
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from markupsafe import Markup, escape

MOST_CELLS = 4096
_CELL, _GAP = 10, 1
_TITLES = (("work_percent", "Expected work per step, of the busiest"), ("memory_percent", "Synaptic memory in use"))


def pictures(summary: Mapping[str, Any]) -> list[tuple[str, Markup]]:
    """Return (title, svg) for each picture that a placement's summary holds; none when it is malformed."""
    mesh = summary.get("mesh")
    if not isinstance(mesh, Mapping):
        return []
    columns, rows = _count(mesh.get("columns")), _count(mesh.get("rows"))
    if not 1 <= columns * rows <= MOST_CELLS:
        return []
    grain = str(mesh.get("grain", "cell"))[:16]
    found = []
    for name, title in _TITLES:
        shares = mesh.get(name)
        if isinstance(shares, list) and len(shares) == columns * rows and all(_share(share) for share in shares):
            found.append((f"{title}, by {grain}", _svg(title, grain, columns, shares)))
    return found


def _count(value: object) -> int:
    """Return a number of cells, 0 when it is none."""
    return value if isinstance(value, int) and not isinstance(value, bool) and value > 0 else 0


def _share(value: object) -> bool:
    return isinstance(value, int) and not isinstance(value, bool) and -1 <= value <= 100


def _svg(title: str, grain: str, columns: int, shares: list[int]) -> Markup:
    width, height = columns * _CELL, len(shares) // columns * _CELL
    cells = Markup("").join(_cell(at % columns, at // columns, share) for at, share in enumerate(shares))
    label = f"{title}, one cell for each {grain}; {sum(share >= 0 for share in shares)} of {len(shares)} are in use"
    return Markup(  # noqa: S704 - every part is a number or escaped
        f'<svg class="mesh" viewBox="0 0 {width} {height}" role="img" aria-label="{escape(label)}">{cells}</svg>'
    )


def _cell(column: int, row: int, share: int) -> Markup:
    x, y, side = column * _CELL, row * _CELL, _CELL - _GAP
    look = 'class="unused"' if share < 0 else f'fill-opacity="{0.06 + 0.0094 * share:.3f}"'
    told = "unused" if share < 0 else f"{share} %"
    return Markup(  # noqa: S704 - numbers only
        f'<rect x="{x}" y="{y}" width="{side}" height="{side}" {look}><title>{told}</title></rect>'
    )
