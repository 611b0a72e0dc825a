"""Energy counters as a monitor: polled in a thread, seen at their updates, turned into mean powers on an even axis."""

from __future__ import annotations

import threading
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Protocol

import numpy as np
import numpy.typing as npt

from neurorig_drivers.interface import host_ns
from neurorig_protocols.bench import MonitorConfig
from neurorig_protocols.errors import InvalidConfig, MeasurementError, MonitorLost
from neurorig_protocols.quantities import Grade
from neurorig_protocols.trace import FLAG_LATE, AcquisitionReport, ChannelInfo, SampleBlock, TraceHead

Instants = npt.NDArray[np.int64]


@dataclass(frozen=True)
class Steps:
    """Updates (k,): the middle of the instants possible for each, what was counted by then, and the update before.

    `span_ns` is the longest possible time between an update and the one before; 0 for the first of all.
    """

    t_ns: Instants
    counts: npt.NDArray[np.int64]
    since_ns: Instants
    span_ns: Instants


class Updates:
    """Follows one counter from reading to reading."""

    def __init__(self) -> None:
        self._begin_ns = np.empty(0, np.int64)
        self._count = np.empty(0, np.int64)
        # Of the last update: the earliest and the middle of its possible instants.
        self._earliest_ns = np.empty(0, np.int64)
        self._middle_ns = np.empty(0, np.int64)
        self.seen = 0
        """Number of updates so far."""
        self.longest_s = 0.0
        """Longest possible time in seconds between two of them."""
        self.first_ns: int | None = None
        self.last_ns: int | None = None

    @property
    def mean_s(self) -> float:
        """Mean time in seconds between two updates; 0 while there are fewer than two."""
        if self.seen < 2 or self.first_ns is None or self.last_ns is None:
            return 0.0
        return (self.last_ns - self.first_ns) * 1e-9 / (self.seen - 1)

    def follow(self, begin_ns: Instants, end_ns: Instants, counts: npt.NDArray[np.int64]) -> Steps:
        """Return the updates that the next readings show: begin and end of each (k,), the counter (k,)."""
        before_ns = np.append(self._begin_ns, begin_ns)
        values = np.append(self._count, counts)
        changed = np.flatnonzero(np.diff(values)) + 1
        # The first reading of all has none before it, so readings are one behind the joined ones until then.
        latest_ns = end_ns[changed - len(self._count)]
        earliest_ns = before_ns[changed - 1]
        steps = self._steps(earliest_ns, latest_ns, values[changed])
        self._begin_ns, self._count = before_ns[-1:], values[-1:]
        return steps

    def _steps(self, earliest_ns: Instants, latest_ns: Instants, counts: npt.NDArray[np.int64]) -> Steps:
        middle_ns = earliest_ns + (latest_ns - earliest_ns) // 2
        since_ns = _shifted(self._middle_ns, middle_ns)
        span_ns = latest_ns - _shifted(self._earliest_ns, earliest_ns)
        if self.seen == 0:
            span_ns[:1] = 0
        if len(middle_ns):
            self.first_ns = int(middle_ns[0]) if self.first_ns is None else self.first_ns
            self.last_ns = int(middle_ns[-1])
            self.longest_s = max(self.longest_s, float(span_ns.max()) * 1e-9)
            self._middle_ns, self._earliest_ns = middle_ns[-1:], earliest_ns[-1:]
            self.seen += len(middle_ns)
        return Steps(middle_ns, counts, since_ns, span_ns)


def _shifted(last: Instants, values: Instants) -> Instants:
    """Return for each value the one before; the first has itself while there is no `last`."""
    return np.append(last if len(last) else values[:1], values)[: len(values)]


class LateUpdates:
    """Marks samples of a trace whose power was interpolated over a longer time than was promised, in seconds each."""

    def __init__(self, promised_s: Sequence[float], t0_ns: int, dt_ns: int) -> None:
        self._promised_s = promised_s
        self._t0_ns, self._dt_ns = t0_ns, dt_ns
        self._late: list[tuple[int, int]] = []
        self.seen = [0] * len(promised_s)
        """Number of late updates of each counter so far."""

    def note(self, counter: int, steps: Steps) -> None:
        """Note which updates came late."""
        late = steps.span_ns > self._promised_s[counter] * 1e9
        self.seen[counter] += int(late.sum())
        begins = (steps.since_ns[late] - self._t0_ns) // self._dt_ns
        ends = -((self._t0_ns - steps.t_ns[late]) // self._dt_ns)
        self._late += [(int(b), int(e)) for b, e in zip(begins, ends, strict=True)]

    def flags(self, index: int, count: int) -> Flags:
        """Return the flags of the samples [index, index + count); what lies before them is asked for no more."""
        flags = np.zeros(count, np.uint8)
        for begin, end in self._late:
            flags[max(begin - index, 0) : max(end - index, 0)] |= FLAG_LATE
        self._late = [late for late in self._late if late[1] > index + count]
        return flags


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


class CounterMonitor:
    """The state of one acquisition: unarmed, armed, closed. Base of PowerMonitors; `identity` is the driver's."""

    grade: Grade = "onboard"

    channels: Sequence[ChannelInfo]
    head: TraceHead

    def __init__(self, config: MonitorConfig, options: frozenset[str]) -> None:
        if unknown := sorted(set(config.options) - options):
            raise invalid(config, f"unknown option '{unknown[0]}'")
        if not config.channels:
            raise invalid(config, "no channel is given")
        self._config = config
        self._poller: Poller | None = None
        self._closed = False

    @property
    def identity(self) -> str:
        """What is read, as it names itself."""
        raise NotImplementedError

    def close(self) -> None:
        """Stop polling if need be."""
        if self._poller is not None:
            self._poller.stop()
        self._poller, self._closed = None, True

    def _require_unarmed(self) -> None:
        if self._poller is not None or self._closed:
            raise self._out_of_order("is closed" if self._closed else "is armed already")

    def _begin(self, poller: Poller, channels: Sequence[ChannelInfo], *, t0_ns: int, dt_ns: int) -> None:
        """Note that an acquisition has begun: its first sample begins at t0."""
        self.channels = channels
        self.head = TraceHead(monitor=self._config.id, clock="host", t0_ns=t0_ns, dt_ns=dt_ns, channels=tuple(channels))
        self._powers = EvenPowers(t0_ns, dt_ns, len(channels))
        self._poller = poller

    def _present(self) -> Poller:
        if self._poller is None:
            raise self._out_of_order("is not armed")
        return self._poller

    def _end(self) -> Poller:
        """Stop polling and return the poller; MonitorLost when reading had failed."""
        poller = self._present()
        poller.stop()
        self._poller = None
        poller.check()
        return poller

    def _report(self, poller: Poller, settings: Mapping[str, str | int | float | bool]) -> AcquisitionReport:
        """Say what was sampled; a counter loses nothing between readings, `longest_poll_s` says how late one was."""
        return AcquisitionReport(
            monitor=self._config.id,
            samples=self._powers.samples,
            dropped=0,
            overloads=0,
            identity=self.identity,
            settings={
                "grade": self.grade,
                "rate_hz": self.channels[0].rate_hz,
                "longest_poll_s": poller.longest_s,
                **settings,
            },
        )

    def _out_of_order(self, state: str) -> MeasurementError:
        return MeasurementError(f"the monitor {state}", where=f"monitor {self._config.id}")


def invalid(config: MonitorConfig, problem: str) -> InvalidConfig:
    """Return the failure of a bench file's entry that cannot be right."""
    return InvalidConfig(problem, where=f"monitor {config.id}", next_step="Correct the monitor in the bench file.")
