"""How an annealing on a GPU is cut into launches that end in time. Plain arithmetic: knows no GPU and reads no clock.

A launch cannot be ended from outside, so each is planned from the pace of those before. Anneals double in length, in
sweeps; the last one takes what is left of the time, and there the temperature follows the time.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import NamedTuple

LONGEST_SLICE_S = 1e-3
SLICES = 8
"""A search is cut into at least so many launches."""
MOST_SWEEPS = 1 << 30


class Slice(NamedTuple):
    """One launch: so many sweeps; sweep k has the temperature base * exp(slope * (position + k))."""

    sweeps: int
    base: float
    slope: float
    position: int


@dataclass
class Pace:
    """Seconds that things take on this GPU with this problem, learned from one search to the next.

    launch_s: a launch of no sweeps and the look at its outcome. read_s: fetching the answer. hot_sweep_s: a sweep of
    all replicas at the beginning of an anneal.
    """

    launch_s: float = 1e-4
    read_s: float = 1e-4
    hot_sweep_s: float = 1e-4


class Schedule:
    """The launches of one search, one after the other."""

    def __init__(
        self, pace: Pace, limit_s: float, temperatures: tuple[float, float], first_sweeps: int, most_sweeps: int | None
    ) -> None:
        """`most_sweeps` ends the search after so many; then nothing but the limit depends on the pace."""
        self._pace = pace
        self._limit_s = limit_s
        self._hot, self._cold = temperatures
        self._left = most_sweeps
        self._slice_s = min(LONGEST_SLICE_S, limit_s / SLICES)
        self._sweep_s = self._mean_s = pace.hot_sweep_s
        self._length = first_sweeps
        self._done, self._spent_s = 0, 0.0
        self._part: float | None = None
        """How far the last anneal has come; None while it is not the last one."""
        self.anneals = 0

    def next(self, now_s: float) -> Slice | None:
        """Return what to launch so long after the start of the search, or None when not one sweep fits any more."""
        left_s = self._limit_s - now_s - self._pace.read_s
        if self.anneals == 0 or self._ended:
            self._begin(left_s)
        room = max(1, int(self._slice_s / self._sweep_s))
        fits = int((left_s - self._pace.launch_s) / (self._sweep_s + self._pace.launch_s / room))
        if fits < 1 or self._left == 0:
            return None
        cooled = math.log(self._cold / self._hot)
        if self._part is not None:
            sweeps = min(fits, room, MOST_SWEEPS)
            base, step = self._hot * math.exp(cooled * self._part), (1 - self._part) / fits
            self._part = 1.0 if sweeps == fits else self._part + sweeps * step
            return Slice(sweeps, base, cooled * step, 0)
        sweeps = min(fits, room, self._length - self._done, self._left or MOST_SWEEPS)
        return Slice(sweeps, self._hot, cooled / self._length, self._done)

    def took(self, sweeps: int, seconds: float) -> None:
        """Note how long the launch took that `next` asked for."""
        # Less than nothing is left where a launch was quicker than those that taught the pace.
        self._sweep_s = max(seconds - self._pace.launch_s, seconds / 10) / sweeps
        if self._done == 0:
            self._pace.hot_sweep_s = self._sweep_s
        self._done += sweeps
        self._spent_s += seconds
        if self._left is not None:
            self._left -= sweeps

    @property
    def _ended(self) -> bool:
        return self._done >= self._length if self._part is None else self._part >= 1.0

    def _begin(self, left_s: float) -> None:
        if self._done:
            self._mean_s = self._spent_s / self._done
            self._length *= 2
        self._sweep_s = self._pace.hot_sweep_s
        self._done, self._spent_s = 0, 0.0
        self.anneals += 1
        # An anneal of double length would not fit behind this one, so this one takes all the time.
        last = self._left is None and left_s < 3 * self._length * self._mean_s
        self._part = 0.0 if last else None
