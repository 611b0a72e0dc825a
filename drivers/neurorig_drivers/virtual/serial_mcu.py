"""The microcontroller of the virtual serial board: how long it computes, what it draws, how it stamps time.

Results are not its business: `serial_network.py` computes them, and every one of N inferences of an input is the same.
"""

from __future__ import annotations

import threading
from dataclasses import dataclass
from typing import Literal

import numpy as np

from neurorig_drivers.virtual.serial_constants import DYNAMIC_POWER_W, HOLD_S, inference_s
from neurorig_drivers.virtual.world import WorldAccess

Mode = Literal["energy", "performance"]
"""Compiled into the firmware: timestamps are pulses on the marker line, or lines of text."""

RAIL = "mcu"

_HOLD_NS = round(HOLD_S * 1e9)
_REST_S = 2 * HOLD_S
"""A pulse and as much rest: two pulses are never one to a meter."""


@dataclass(frozen=True)
class Span:
    """Instants of the two timestamps around N inferences, in the world's nanoseconds."""

    begin_ns: int
    end_ns: int


class VirtualMcu:
    """Plays computing into the world; its counter starts when it does."""

    def __init__(self, world: WorldAccess, mode: Mode, macs: int, stopped: threading.Event) -> None:
        if RAIL not in world.rails:
            raise ValueError(f"the world has no rail '{RAIL}', it has {', '.join(world.rails)}")
        if mode == "energy" and world.marker_mode != "pulse":
            raise ValueError("timestamps are pulses, the world's marker line is in the mode 'level'")
        self._world = world
        self._mode = mode
        self._inference_s = inference_s(macs)
        self._stopped = stopped
        self._power_w = DYNAMIC_POWER_W * (np.array(world.rails) == RAIL)
        self._boot_ns = world.now_ns()
        self._pulses = 0
        # The idle power of such a board is not published; see the table of constants.
        world.standing({RAIL: 0.0})

    def timestamp(self) -> int | None:
        """Stamp this instant: return it in microseconds, or move the marker line and return None."""
        if self._mode == "performance":
            return self._micros(self._world.now_ns())
        self._pulse()
        return None

    def session(self, label: str) -> None:
        """Begin a new count of windows in the world's truth; a window that was left open is closed before."""
        if self._pulses % 2:
            self._pulse()
        self._world.session(label)

    def warm_up(self, count: int) -> None:
        """Compute outside the timestamps."""
        if count:
            self._sleep_until(self._play(count).end_ns)

    def start(self, count: int) -> Span:
        """Begin to compute between two timestamps; in energy mode their edges lie exactly at begin and end."""
        if self._mode == "performance":
            return self._play(count)
        self._pulses += 2
        return self._play(count, stamped=True)

    def finish(self, span: Span) -> tuple[int, ...]:
        """Wait for the end and return the two timestamps in microseconds; none when they were pulses."""
        self._sleep_until(span.end_ns + _HOLD_NS)
        return () if self._mode == "energy" else (self._micros(span.begin_ns), self._micros(span.end_ns))

    def _play(self, count: int, *, stamped: bool = False) -> Span:
        """Draw the power of `count` inferences, then none for so long that the line is at rest before anything else."""
        length_ns = round(count * self._inference_s * 1e9)
        durations_s, power_w = [length_ns * 1e-9], [self._power_w]
        marks: list[tuple[int, int]] = []
        if stamped:
            marks = [(0, 0), (_HOLD_NS, 1), (length_ns, 0), (length_ns + _HOLD_NS, 1)]
            durations_s, power_w = [*durations_s, _REST_S], [*power_w, 0 * self._power_w]
        begin_ns = self._world.play(np.array(durations_s), np.array(power_w), marks)
        return Span(begin_ns, begin_ns + length_ns)

    def _pulse(self) -> None:
        """Hold the line low for one timestamp, and high for as long after it."""
        begin_ns = self._world.play(np.array([_REST_S]), 0 * self._power_w[np.newaxis], [(0, 0), (_HOLD_NS, 1)])
        self._pulses += 1
        self._sleep_until(begin_ns + 2 * _HOLD_NS)

    def _sleep_until(self, at_ns: int) -> None:
        if (left_ns := at_ns - self._world.now_ns()) > 0:
            self._stopped.wait(left_ns * 1e-9)

    def _micros(self, at_ns: int) -> int:
        return (at_ns - self._boot_ns) // 1000 % 2**32
