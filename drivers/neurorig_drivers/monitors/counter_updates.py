"""When a counter was updated, seen by reading it more often than that.

A counter that is updated every so often is read many times in between with nothing new. What is known is its value at
the updates; each lies between the reading that showed the old value and the one that showed the new.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from neurorig_drivers.monitors.counter_polling import Flags, Instants
from neurorig_protocols.trace import FLAG_LATE


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
