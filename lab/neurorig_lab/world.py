"""The world of a virtual bench: one clock, the true power of every rail, the marker line, the truth of each window.

Nothing here measures: meters sample the world with errors of their own. The truth log is for comparing afterwards
and has no way to an agent, a driver or an analyser.
"""

from __future__ import annotations

import math
import threading
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Literal, Protocol

import numpy as np
import numpy.typing as npt

from neurorig_lab.power_history import FloatArray, Forgotten, PowerHistory
from neurorig_lab.truth import MarkerLine, MarkerMode, TruthLog

__all__ = ["SUPPLY", "FloatArray", "Forgotten", "Marks", "Mode", "NotYet", "World", "WorldAccess"]

Marks = Sequence[tuple[int, int]]
"""Marker edges as (nanoseconds from an origin, level), in the order of time."""

Mode = Literal["stepped", "realtime"]
"""stepped: time passes only while something plays or waits. realtime: the monotonic clock."""

SUPPLY = "supply"
"""The rail that feeds all others: always their sum."""

_HORIZON_S = 60.0
_MAX_EDGES = 2_000_000
_MAX_MARKER_EDGES = 100_000
_SHORTEST_S = 1e-12


class NotYet(ValueError):
    """The instant lies in the world's future."""


class WorldAccess(Protocol):
    """What a virtual device or meter can do with a world, in its own process (World) or another (WorldClient)."""

    rails: tuple[str, ...]
    """The rails that devices play, in the order of the columns of `play`; without the supply."""
    mode: Mode
    marker_mode: MarkerMode

    def now_ns(self) -> int:
        """Return the world's time in whole nanoseconds since it began."""

    def standing(self, power_w: dict[str, float]) -> None:
        """Set the power of the named rails, in watts, that holds whenever nothing plays."""

    def play(self, durations_s: FloatArray, power_w: FloatArray, marks: Marks = ()) -> int:
        """Add segments of constant power and return the instant in ns at which the first one begins.

        `marks` are marker edges in nanoseconds from that instant: on the line before any meter can sample there.

        durations_s (k,) >= 1e-12 in seconds, power_w (k, rails) in watts. stepped: the clock moves to their end.
        realtime: returns at once; segments begin now, or when what already plays has ended.
        """

    def wait(self, seconds: float) -> None:
        """Let time pass under the standing power."""

    def mark(self, level: int, at_ns: int | None = None) -> None:
        """Move the marker line now, or at an instant not before its last edge.

        Move it before playing what it marks: a meter that samples in between must not see the power unmarked.
        """

    def session(self, label: str) -> None:
        """Label the truth of the windows that begin from now on, and count them from 0."""

    def sample(self, t_edges_ns: FloatArray, rails: Sequence[str]) -> tuple[FloatArray, npt.NDArray[np.uint8]]:
        """Return the mean power (k, rails) in watts and the marker line (k,) between rising instants (k+1,).

        The line is its level at the sample's end, but 0 when it fell inside. Raises NotYet for the future, KeyError
        for other rails, Forgotten for a past that is no longer held (60 s or the last 2 million segments are).
        """


class World:
    """A WorldAccess in this process. Thread-safe."""

    def __init__(
        self,
        rails: Sequence[str],
        *,
        mode: Mode,
        marker_mode: MarkerMode,
        truth: Path | None = None,
        bench: str = "virtual",
        horizon_s: float = _HORIZON_S,
        max_edges: int = _MAX_EDGES,
        clock: Callable[[], int] = time.monotonic_ns,
    ) -> None:
        if not rails or len(set(rails)) != len(rails) or SUPPLY in rails:
            raise ValueError(f"rails must be given, differ and not be called '{SUPPLY}': {list(rails)}")
        if Path(bench).name != bench:
            raise ValueError(f"'{bench}' cannot name a truth log")
        self.rails = tuple(rails)
        self.mode: Mode = mode
        self.marker_mode: MarkerMode = marker_mode
        self._lock = threading.RLock()
        self._clock = clock
        self._epoch_ns = clock()
        self._history = PowerHistory(len(self.rails))
        self._standing = np.zeros(len(self.rails))
        self._line = MarkerLine(marker_mode)
        self._truth = TruthLog(truth / f"{bench}.jsonl" if truth else None, (*self.rails, SUPPLY))
        self._horizon_ns = horizon_s * 1e9
        self._max_edges = max_edges

    def now_ns(self) -> int:
        """See WorldAccess."""
        with self._lock:
            if self.mode == "stepped":
                return int(self._history.tail_ns)
            return self._clock() - self._epoch_ns

    def standing(self, power_w: dict[str, float]) -> None:
        """See WorldAccess; KeyError for an unknown rail, ValueError for a power that is not a number."""
        with self._lock:
            level = self._standing.copy()
            for rail, power in power_w.items():
                level[self._part(rail)] = power
            _check_power(level)
            self._pass_time()
            self._standing = level

    def play(self, durations_s: FloatArray, power_w: FloatArray, marks: Marks = ()) -> int:
        """See WorldAccess; ValueError for other shapes or values."""
        durations, power = np.asarray(durations_s, float), np.asarray(power_w, float)
        if durations.ndim != 1 or not len(durations) or power.shape != (len(durations), len(self.rails)):
            raise ValueError(f"durations {durations.shape} and power {power.shape} are no segments")
        if not (np.isfinite(durations).all() and (durations >= _SHORTEST_S).all()):
            raise ValueError("a segment must last a picosecond or more, and end")
        _check_power(power)
        with self._lock:
            self._pass_time()
            t0_ns = int(self._history.tail_ns)
            self._history.append(t0_ns + _ends_ns(durations), power)
            self._fill_nanosecond()
            for offset_ns, level in marks:
                self._set_line(level, t0_ns + offset_ns)
            self._tidy()
            return t0_ns

    def wait(self, seconds: float) -> None:
        """See WorldAccess; ValueError for a negative time. At least one nanosecond passes unless it is 0."""
        if not (math.isfinite(seconds) and seconds >= 0):
            raise ValueError(f"cannot wait {seconds} s")
        if self.mode == "realtime":
            time.sleep(seconds)
        elif seconds > 0:
            with self._lock:
                until = self._history.tail_ns + max(round(seconds * 1e9), 1)
                self._history.append(np.array([until]), self._standing[np.newaxis])
                self._tidy()

    def mark(self, level: int, at_ns: int | None = None) -> None:
        """See WorldAccess; ValueError for an edge before the last one, Forgotten before what is held."""
        with self._lock:
            self._pass_time()
            at = self.now_ns() if at_ns is None else at_ns
            if at < self._history.head_ns:
                raise Forgotten(f"an edge at {at} ns lies before what is remembered")
            self._set_line(level, at)
            self._tidy()

    def session(self, label: str) -> None:
        """See WorldAccess."""
        with self._lock:
            self._truth.session(label)

    def sample(self, t_edges_ns: FloatArray, rails: Sequence[str]) -> tuple[FloatArray, npt.NDArray[np.uint8]]:
        """See WorldAccess; ValueError for instants that do not rise."""
        edges = np.asarray(t_edges_ns, float)
        if edges.ndim != 1 or len(edges) < 2 or not (np.diff(edges) >= _SHORTEST_S * 1e9).all():
            raise ValueError("a sample needs instants that rise by a picosecond or more")
        columns = [self._column(rail) for rail in rails]
        with self._lock:
            now = self.now_ns()
            if edges[-1] > now:
                raise NotYet(f"{edges[-1]:.0f} ns has not come yet, it is {now} ns")
            self._pass_time()
            energy = self._with_supply(self._history.energy_j(edges))[:, columns]
            digital = self._line.digital(edges)
        return np.diff(energy, axis=0) / (np.diff(edges) * 1e-9)[:, np.newaxis], digital

    def _set_line(self, level: int, at_ns: int) -> None:
        boundary = self._line.set(level, at_ns)
        if boundary is not None:
            self._truth.add(boundary, self._by_rail(self._standing))

    def _column(self, rail: str) -> int:
        return len(self.rails) if rail == SUPPLY else self._part(rail)

    def _part(self, rail: str) -> int:
        try:
            return self.rails.index(rail)
        except ValueError:
            raise KeyError(f"there is no rail '{rail}', there are {', '.join(self.rails)}") from None

    def _pass_time(self) -> None:
        """Write down the standing power up to now. In stepped mode time has not passed by itself."""
        now = self.now_ns()
        if now > self._history.tail_ns:
            self._history.append(np.array([float(now)]), self._standing[np.newaxis])
            self._tidy()

    def _fill_nanosecond(self) -> None:
        """Let the standing power hold to the next whole nanosecond, so that every play begins on one."""
        tail = self._history.tail_ns
        if (whole := math.ceil(tail)) > tail:
            self._history.append(np.array([float(whole)]), self._standing[np.newaxis])

    def _tidy(self) -> None:
        known = self._history.tail_ns
        self._truth.settle(known, lambda t_ns: self._with_supply(self._history.energy_j(t_ns)))
        oldest = self.now_ns() - self._horizon_ns
        # Twice the horizon before anything is thrown away, so that moving the origin stays rare.
        if self._history.head_ns < oldest - self._horizon_ns or len(self._history) > 2 * self._max_edges:
            shift = self._history.forget(oldest, self._max_edges)
            self._truth.shift(self._with_supply(shift[np.newaxis])[0])
            self._line.forget(self._history.head_ns, _MAX_MARKER_EDGES)

    @staticmethod
    def _with_supply(values: FloatArray) -> FloatArray:
        return np.concatenate([values, values.sum(axis=1, keepdims=True)], axis=1)

    def _by_rail(self, power_w: FloatArray) -> dict[str, float]:
        values = self._with_supply(power_w[np.newaxis])[0]
        return dict(zip((*self.rails, SUPPLY), values.tolist(), strict=True))


def _check_power(power_w: FloatArray) -> None:
    if not np.isfinite(power_w).all():
        raise ValueError("a power must be finite")


def _ends_ns(durations_s: FloatArray) -> FloatArray:
    # Seconds times 1e9 misses whole nanoseconds by a rounding error; the world's time goes down to a picosecond.
    return np.round(np.cumsum(np.round(durations_s * 1e9, 3)), 3).astype(np.float64)
