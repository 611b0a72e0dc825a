"""Where a program lay on its board, as text: the use of each limit, and the mesh as rows of characters.

Shows what a board driver put into `Placement`; a placement without a mesh has no picture.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from rich.console import RenderableType
from rich.text import Text

MOST_CELLS = 4096
_SHADES = ".:-=+*#%@"
_UNUSED = " "


def placement(found: Mapping[str, Any] | None, reality: str) -> list[RenderableType]:
    """Return a line with the use of each limit and the picture of the mesh, as far as the board told them."""
    if not found:
        return []
    shares = [f"{name.replace('_', ' ')} {100 * share:.1f} %" for name, share in found.get("utilisation", {}).items()]
    lines = [f"placement ({reality}): {found.get('cores', 0):,} cores; use of {', '.join(shares)}"] if shares else []
    return [Text("\n".join([*lines, *_picture(found.get("summary", {}).get("mesh"))]))] if lines else []


def _picture(mesh: Any) -> list[str]:
    """Return the expected work of each cell, one character each, '@' for the busiest."""
    if not isinstance(mesh, Mapping):
        return []
    columns, work = mesh.get("columns"), mesh.get("work_percent")
    if not isinstance(columns, int) or not isinstance(work, list) or not 0 < columns <= len(work) <= MOST_CELLS:
        return []
    if not all(isinstance(share, int) and -1 <= share <= 100 for share in work):
        return []
    cells = [_UNUSED if share < 0 else _SHADES[share * (len(_SHADES) - 1) // 100] for share in work]
    rows = [f"  |{''.join(cells[at : at + columns])}|" for at in range(0, len(cells), columns)]
    return [f"  expected work of each {str(mesh.get('grain', 'cell'))[:16]}, '@' is the busiest", *rows]
