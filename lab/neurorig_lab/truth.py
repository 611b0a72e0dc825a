"""The marker line of a virtual bench and what truly happened in each of its windows, written where no driver looks."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Literal

import numpy as np
import numpy.typing as npt

from neurorig_lab.power_history import FloatArray

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


@dataclass
class _Window:
    session: str
    number: int
    begin_ns: int
    idle_w: dict[str, float]
    begin_j: FloatArray | None = field(default=None)
    end_ns: int | None = field(default=None)


class TruthLog:
    """Turns window boundaries into one JSON line per completed window.

    {"session", "window" (counted from 0 within the session), "t0_ns", "t1_ns", "energy_j": {rail: J},
    "idle_power_w": {rail: W}}
    """

    def __init__(self, path: Path | None, rails: tuple[str, ...]) -> None:
        self._path = path
        self._rails = rails
        self._session = ""
        self._count = 0
        self._windows: list[_Window] = []
        if path is not None:
            path.parent.mkdir(parents=True, exist_ok=True)

    def session(self, label: str) -> None:
        """Label the windows that begin from now on and count them from 0."""
        self._session, self._count = label, 0

    def add(self, boundary: Boundary, idle_w: dict[str, float]) -> None:
        """Take in the next boundary; `idle_w` is the standing power of each rail at that moment."""
        if boundary.begins:
            self._windows.append(_Window(self._session, self._count, boundary.at_ns, idle_w))
            self._count += 1
        else:
            self._windows[-1].end_ns = boundary.at_ns

    def settle(self, known_ns: float, energy_j: Callable[[FloatArray], FloatArray]) -> None:
        """Read the energy at every boundary up to `known_ns`, and write the windows that are complete."""
        done = [window for window in self._windows if self._is_settled(window, known_ns, energy_j)]
        self._windows = [window for window in self._windows if window not in done]

    def _is_settled(self, window: _Window, known_ns: float, energy_j: Callable[[FloatArray], FloatArray]) -> bool:
        if window.begin_j is None and window.begin_ns <= known_ns:
            window.begin_j = energy_j(np.array([window.begin_ns]))[0]
        if window.begin_j is None or window.end_ns is None or window.end_ns > known_ns:
            return False
        self._write(window, window.end_ns, energy_j(np.array([window.end_ns]))[0] - window.begin_j)
        return True

    def shift(self, energy_j: FloatArray) -> None:
        """The origin of cumulative energy has moved up by this much."""
        for window in self._windows:
            if window.begin_j is not None:
                window.begin_j = window.begin_j - energy_j

    def _write(self, window: _Window, end_ns: int, energy_j: FloatArray) -> None:
        if self._path is None:
            return
        line = {
            "session": window.session,
            "window": window.number,
            "t0_ns": window.begin_ns,
            "t1_ns": end_ns,
            "energy_j": dict(zip(self._rails, energy_j.tolist(), strict=True)),
            "idle_power_w": window.idle_w,
        }
        with self._path.open("a", encoding="utf-8") as file:
            file.write(json.dumps(line) + "\n")
