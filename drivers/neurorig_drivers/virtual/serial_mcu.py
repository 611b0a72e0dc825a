"""The microcontroller of the virtual serial board: how long it computes, what it draws, how it stamps time.

Results are not its business: `serial_network.py` computes them, and every one of N inferences of an input is the same.
"""

from __future__ import annotations

import threading
from dataclasses import dataclass
from typing import Literal

import numpy as np

from neurorig_drivers.virtual.serial_constants import DYNAMIC_POWER_W, HOLD_S, LEAD_S, inference_s
from neurorig_drivers.virtual.world import FloatArray, WorldAccess

Mode = Literal["energy", "performance"]
"""Compiled into the firmware: timestamps are pulses on the marker line, or lines of text."""

RAIL = "mcu"

_HOLD_NS = round(HOLD_S * 1e9)


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
        self._boot_ns = self._settled_ns = world.now_ns()
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
            self._sleep_until(self._compute(count).end_ns)

    def start(self, count: int) -> Span:
        """Begin to compute between two timestamps.

        In energy mode the first edge is on the line before the first inference draws power and the second one not
        before the last has ended, so a window never lacks energy. Both are exact unless this process was held up for
        longer than the lead: then the window is longer, by time without power.
        """
        if self._mode == "performance":
            return self._compute(count)
        lead_ns = round(LEAD_S * 1e9)
        self._edge(0, self._play(lead_ns, 0 * self._power_w) + lead_ns)
        span = self._compute(count)
        self._edge(1, span.begin_ns + _HOLD_NS)
        end_ns = self._edge(0, span.end_ns)
        self._edge(1, end_ns + _HOLD_NS)
        self._pulses += 2
        return Span(span.begin_ns, end_ns)

    def finish(self, span: Span) -> tuple[int, ...]:
        """Wait for the end and return the two timestamps in microseconds; none when they were pulses."""
        self._sleep_until(span.end_ns + _HOLD_NS)
        return () if self._mode == "energy" else (self._micros(span.begin_ns), self._micros(span.end_ns))

    def _compute(self, count: int) -> Span:
        length_ns = round(count * self._inference_s * 1e9)
        begin_ns = self._play(length_ns, self._power_w)
        return Span(begin_ns, begin_ns + length_ns)

    def _play(self, length_ns: int, power_w: FloatArray) -> int:
        return self._world.play(np.array([length_ns * 1e-9]), power_w[np.newaxis])

    def _pulse(self) -> None:
        self._edge(0, self._world.now_ns())
        self._edge(1, self._settled_ns + _HOLD_NS)
        self._pulses += 1
        self._sleep_until(self._settled_ns)

    def _edge(self, level: int, at_ns: int) -> int:
        """Move the marker line at an instant, or as soon after as a meter can tell it from the edge before.

        A meter may have sampled the instant before the edge reached the world. It then sees the edge later, and would
        miss it if the line moved back at once; hence the hold counts from when the edge before was really there.
        """
        at_ns = max(at_ns, self._settled_ns + _HOLD_NS)
        self._world.mark(level, at_ns)
        self._settled_ns = max(at_ns, self._world.now_ns())
        return at_ns

    def _sleep_until(self, at_ns: int) -> None:
        if (left_ns := at_ns - self._world.now_ns()) > 0:
            self._stopped.wait(left_ns * 1e-9)

    def _micros(self, at_ns: int) -> int:
        return (at_ns - self._boot_ns) // 1000 % 2**32
