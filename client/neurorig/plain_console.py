"""A console whose output can be copied: text is never wrapped, and tables never cut what people copy."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from rich.console import Console, ConsoleOptions, RenderableType
from rich.segment import Segment
from rich.table import Table

from neurorig.cli.tables import least_width
from neurorig_protocols.number_text import NBSP, THIN

SPACES = str.maketrans({NBSP: " ", THIN: " "})
"""A terminal breaks no line between a number and its unit; what is copied and searched has common spaces."""


class PlainConsole(Console):
    """Prints strings on one line each, however narrow the terminal is, and tables at least as wide as their ids."""

    def render(self, renderable: RenderableType, options: ConsoleOptions | None = None) -> Iterable[Segment]:
        """Render as rich does, with common spaces."""
        for text, style, control in super().render(renderable, options):
            yield Segment(text.translate(SPACES), style, control)

    def print(self, *objects: Any, **options: Any) -> None:
        """Print as rich does, but leave the wrapping of strings to the terminal, which copies them whole."""
        if all(isinstance(one, str) for one in objects):
            super().print(*objects, **{"soft_wrap": True, **options})
            return
        tables = [least_width(one) for one in objects if isinstance(one, Table)]
        if max(tables, default=0) <= self.width:
            super().print(*objects, **options)
            return
        fixed, self.width = self._width, max(tables)
        try:
            super().print(*objects, **{"crop": False, **options})
        finally:
            self._width = fixed
