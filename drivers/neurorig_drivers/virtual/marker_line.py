"""The marker line of a virtual bench: one digital wire and the windows that its edges form."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

import numpy as np
import numpy.typing as npt

MarkerMode = Literal["level", "pulse"]
"""level: low at rest, high during a window. pulse: high at rest, falling edges alternately begin and end one."""


@dataclass(frozen=True)
class Boundary:
    """One edge that begins or ends a window."""

    at_ns: int
    begins: bool


class MarkerLine:
    """Edges alternate, so their instants and the level at rest say everything."""

    def __init__(self, mode: MarkerMode) -> None:
        self.mode = mode
        self._rest = 0 if mode == "level" else 1
        self._edges: list[int] = []
        self._forgotten = 0

    @property
    def level(self) -> int:
        """Level after the last edge."""
        return self._rest ^ (len(self._edges) & 1)

    def set(self, level: int, at_ns: int) -> Boundary | None:
        """Move the line; returns the window boundary that this makes, if any.

        A line that is there already makes no edge. ValueError for another level or an edge before the last one.
        """
        if level not in (0, 1):
            raise ValueError(f"the marker line knows the levels 0 and 1, not {level!r}")
        if level == self.level:
            return None
        if self._edges and at_ns < self._edges[-1]:
            raise ValueError(f"an edge at {at_ns} ns lies before the last one at {self._edges[-1]} ns")
        self._edges.append(at_ns)
        if self.mode == "level":
            return Boundary(at_ns, begins=level == 1)
        falls = self._forgotten + (len(self._edges) + 1) // 2
        return Boundary(at_ns, begins=falls % 2 == 1) if level == 0 else None

    def digital(self, edges_ns: npt.NDArray[np.float64]) -> npt.NDArray[np.uint8]:
        """Return the line as sampled over [edge i, edge i+1), uint8 (k,).

        It is the level at the sample's end, but 0 when the line fell inside: a short low pulse is latched.
        """
        before = np.searchsorted(np.asarray(self._edges), edges_ns, "left")
        level = self._rest ^ (before[1:] & 1)
        falls = (before + self._rest) // 2
        return np.where(np.diff(falls) > 0, 0, level).astype(np.uint8)

    def forget(self, before_ns: float, keep: int) -> None:
        """Forget edges before an instant, and all but about `keep` of the newest."""
        old = max(int(np.searchsorted(np.asarray(self._edges), before_ns)), len(self._edges) - keep)
        # Pairs only: the level at rest must stay what it is.
        old -= old % 2
        self._forgotten += old // 2
        del self._edges[:old]
