"""What really happened in each window of a virtual bench, written where no agent, driver or analyser looks."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np

from neurorig_drivers.virtual.marker_line import Boundary
from neurorig_drivers.virtual.power_history import FloatArray


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
