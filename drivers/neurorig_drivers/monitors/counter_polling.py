"""Energy counters as a monitor: read in a thread, then turned into mean powers on an even time axis.

Knows nothing of what counts or in which unit, nor of a bench's channels; those are the drivers' business.
"""

from __future__ import annotations

import threading
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol

import numpy as np
import numpy.typing as npt

from neurorig_drivers.interface import host_ns
from neurorig_protocols.errors import MonitorLost
from neurorig_protocols.trace import SampleBlock

Instants = npt.NDArray[np.int64]
Flags = npt.NDArray[np.uint8]


class Counter(Protocol):
    """A cumulative counter of energy; `wrap` is the value at which it begins again from 0."""

    @property
    def wrap(self) -> int:
        """See above."""

    def read(self) -> int:
        """Return the counter; OSError or ValueError when it cannot be read."""


@dataclass(frozen=True)
class Polls:
    """Consecutive readings: begin and end of each on the host clock in ns (k,), what was counted since the start.

    counts: int64 (k, counters), unwrapped, in the counters' own unit.
    """

    begin_ns: Instants
    end_ns: Instants
    counts: npt.NDArray[np.int64]

    @property
    def t_ns(self) -> Instants:
        """The middle of each reading (k,)."""
        return self.begin_ns + (self.end_ns - self.begin_ns) // 2


class Poller:
    """Reads counters every `period_s` in a thread. A reading that comes late is late, none is made up.

    `where` and `next_step` are said when reading fails.
    """

    def __init__(self, counters: Sequence[Counter], period_s: float, *, where: str, next_step: str) -> None:
        self._counters = tuple(counters)
        self._period_s = period_s
        self._where, self._next_step = where, next_step
        self._lock = threading.Lock()
        self._rows: list[tuple[int, int, tuple[int, ...]]] = []
        self._failure: Exception | None = None
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._run, name="counter-poller", daemon=True)
        self.longest_s = 0.0
        """Longest time in seconds between two readings so far."""

    def start(self) -> None:
        """Begin; the first reading is there when this returns. OSError or ValueError when it cannot be had."""
        begin_ns = host_ns()
        self._raw = tuple(counter.read() for counter in self._counters)
        self._total = (0,) * len(self._counters)
        self._last_ns = host_ns()
        self._rows.append((begin_ns, self._last_ns, self._total))
        self._thread.start()

    def take(self) -> Polls:
        """Return and forget what was read since the last call; MonitorLost once that is over and reading has failed."""
        with self._lock:
            rows, self._rows = self._rows, []
        if not rows:
            self.check()
        counts = np.array([count for _, _, count in rows], np.int64).reshape(-1, len(self._counters))
        return Polls(np.array([b for b, _, _ in rows], np.int64), np.array([e for _, e, _ in rows], np.int64), counts)

    def check(self) -> None:
        """Raise MonitorLost when reading has failed."""
        with self._lock:
            failure = self._failure
        if failure is not None:
            raise MonitorLost(
                f"the energy counters can be read no longer: {failure}", where=self._where, next_step=self._next_step
            ) from failure

    def stop(self) -> None:
        """End the thread. Idempotent."""
        self._stop.set()
        if self._thread.ident is not None:
            self._thread.join()

    def _run(self) -> None:
        begin_ns, turn = self._last_ns, 0
        while True:
            # After a late reading the next full period counts: a burst would only read the same numbers again.
            turn = max(turn + 1, int((host_ns() - begin_ns) * 1e-9 / self._period_s))
            if self._stop.wait(max(turn * self._period_s - (host_ns() - begin_ns) * 1e-9, 0.0)):
                return
            try:
                self._read()
            except (OSError, ValueError) as error:
                with self._lock:
                    self._failure = error
                return

    def _read(self) -> None:
        begin_ns = host_ns()
        raw = tuple(counter.read() for counter in self._counters)
        end_ns = host_ns()
        steps = ((new - old) % counter.wrap for new, old, counter in zip(raw, self._raw, self._counters, strict=True))
        total = tuple(old + step for old, step in zip(self._total, steps, strict=True))
        with self._lock:
            self.longest_s = max(self.longest_s, (end_ns - self._last_ns) * 1e-9)
            self._rows.append((begin_ns, end_ns, total))
            self._raw, self._total, self._last_ns = raw, total, end_ns


class EvenPowers:
    """Mean powers between even instants at which energies are known by interpolation of two readings.

    Energy is conserved: a late reading spreads its energy evenly over the time it covers. Channels may be read at
    instants of their own; samples come as far as every channel is known.
    """

    def __init__(self, t0_ns: int, dt_ns: int, channels: int) -> None:
        self._t0_ns, self._dt_ns = t0_ns, dt_ns
        self._t_ns = [np.empty(0) for _ in range(channels)]
        self._energy_j = [np.empty(0) for _ in range(channels)]
        self.samples = 0
        """Number of samples taken so far."""

    def add(self, channel: int, t_ns: Instants, energy_j: npt.NDArray[np.floating]) -> None:
        """Add cumulative energies of a channel at later instants; its first instant must not come after t0."""
        # Small numbers before floats: monotonic nanoseconds do not fit a float to the nanosecond.
        self._t_ns[channel] = np.append(self._t_ns[channel], (t_ns - self._t0_ns).astype(np.float64))
        self._energy_j[channel] = np.append(self._energy_j[channel], energy_j)

    def take(self) -> tuple[int, npt.NDArray[np.float32]]:
        """Return the number of the first new sample, and the new samples in watts (k, channels)."""
        begin, known_ns = self.samples, min(t[-1] if len(t) else 0.0 for t in self._t_ns)
        self.samples = max(int(known_ns // self._dt_ns), begin)
        edges_ns = np.arange(begin, self.samples + 1, dtype=np.float64) * self._dt_ns
        powers = [mean_powers_w(edges_ns, t, e) for t, e in zip(self._t_ns, self._energy_j, strict=True)]
        for channel, t_ns in enumerate(self._t_ns):
            # The reading at or before the last edge is the first that the next samples need.
            keep = max(int(np.searchsorted(t_ns, edges_ns[-1], "right")) - 1, 0)
            self._t_ns[channel], self._energy_j[channel] = t_ns[keep:], self._energy_j[channel][keep:]
        return begin, np.stack(powers, axis=1).astype(np.float32)


def mean_powers_w(
    edges_ns: npt.NDArray[np.float64], t_ns: npt.NDArray[np.float64], energy_j: npt.NDArray[np.float64]
) -> npt.NDArray[np.float64]:
    """Return the mean powers (k,) between edges (k+1,), from cumulative energies at other instants (n,)."""
    if len(edges_ns) < 2:
        return np.empty(0)
    # Differences of small numbers: a counter's total has outgrown the step between two of its readings.
    at_edges = np.interp(edges_ns, t_ns, energy_j - energy_j[0])
    return np.asarray(np.diff(at_edges) / (np.diff(edges_ns) * 1e-9))


def unmarked_block(index: int, values: npt.NDArray[np.float32], flags: Flags | None = None) -> SampleBlock:
    """Return samples (k, channels) in watts as a block: no line is wired to a counter, and it has no range to leave."""
    nothing = np.zeros(len(values), np.uint8)
    return SampleBlock(index=index, values=values, digital=nothing, flags=nothing.copy() if flags is None else flags)
