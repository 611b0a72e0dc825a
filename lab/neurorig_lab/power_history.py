"""The energy that has flown on each rail up to any instant of the recent past.

Holds cumulative energies at the edges of piecewise-constant power, so a mean over any interval is exact.
Knows nothing of clocks, markers or meters.
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

FloatArray = npt.NDArray[np.float64]


class Forgotten(ValueError):
    """The instant lies before what is still remembered."""


class PowerHistory:
    """Cumulative energy of `rails` rails, in joules since a moving origin. Instants in ns, float64."""

    def __init__(self, rails: int) -> None:
        self._start = 0
        self._stop = 1
        self._t = np.zeros(1024)
        self._e = np.zeros((1024, rails))

    def __len__(self) -> int:
        return self._stop - self._start

    @property
    def head_ns(self) -> float:
        """The oldest instant that is remembered."""
        return float(self._t[self._start])

    @property
    def tail_ns(self) -> float:
        """The instant up to which power is known."""
        return float(self._t[self._stop - 1])

    def append(self, ends_ns: FloatArray, power_w: FloatArray) -> None:
        """Add segments that end at rising `ends_ns` (k,), the first one begins at the tail; power_w is (k, rails)."""
        count = len(ends_ns)
        self._make_room(count)
        tail = self._stop - 1
        lengths_s = np.diff(ends_ns, prepend=self._t[tail]) * 1e-9
        new = slice(self._stop, self._stop + count)
        self._t[new] = ends_ns
        self._e[new] = self._e[tail] + np.cumsum(power_w * lengths_s[:, np.newaxis], axis=0)
        self._stop += count

    def energy_j(self, t_ns: FloatArray) -> FloatArray:
        """Return the cumulative energy (k, rails) at instants between head and tail; Forgotten before the head."""
        if t_ns.size and t_ns.min() < self.head_ns:
            raise Forgotten(f"{t_ns.min():.0f} ns lies before the oldest remembered {self.head_ns:.0f} ns")
        live = self._t[self._start : self._stop]
        first, last = int(np.searchsorted(live, t_ns.min(), "right")), np.searchsorted(live, t_ns.max())
        near = slice(self._start + first - 1, self._start + int(last) + 1)
        t, e = self._t[near], self._e[near]
        return np.stack([np.interp(t_ns, t, e[:, rail]) for rail in range(e.shape[1])], axis=1)

    def forget(self, before_ns: float, keep: int) -> FloatArray:
        """Forget what lies before an instant, and all but the `keep` newest edges; move the origin of energy.

        Returns the energy (rails,) by which every cumulative energy has become smaller.
        """
        live = self._t[self._start : self._stop]
        # The edge at or before the instant stays: its segment reaches into what is remembered.
        old = max(int(np.searchsorted(live, before_ns, "right")) - 1, len(live) - keep, 0)
        self._start += old
        shift: FloatArray = self._e[self._start].copy()
        # A small origin keeps the differences of close instants exact to 1e-14 J or better.
        self._e[self._start : self._stop] -= shift
        return shift

    def _make_room(self, count: int) -> None:
        if self._stop + count <= len(self._t):
            return
        live = slice(self._start, self._stop)
        size = 2 * (len(self) + count)
        t, e = np.empty(size), np.empty((size, self._e.shape[1]))
        t[: len(self)], e[: len(self)] = self._t[live], self._e[live]
        self._start, self._stop, self._t, self._e = 0, len(self), t, e
