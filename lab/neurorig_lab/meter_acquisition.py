"""One acquisition of the virtual analyser: which samples exist, wait, or have been overwritten. Not for SCPI.

Nothing runs between two questions: the world remembers its past, so a sample is taken when it is fetched. What the
caller sees is the same as with a memory that fills by itself.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Protocol

import numpy as np
import numpy.typing as npt

from neurorig_lab.meter_frontend import Frontend
from neurorig_lab.world import FloatArray, Forgotten

MARKER_BIT = 1
OVERLOAD_BIT = 1


class SampledWorld(Protocol):
    """What an analyser can do with a world: look at its clock and its taps."""

    def now_ns(self) -> int:
        """See WorldAccess."""

    def sample(self, t_edges_ns: FloatArray, rails: Sequence[str]) -> tuple[FloatArray, npt.NDArray[np.uint8]]:
        """See WorldAccess."""


class Acquisition:
    """Samples number 0, 1, 2 ... since the trigger; `drops` are (first number, count) that get lost on the way.

    Methods that take `now_ns` mean the world's time; it never runs backwards.
    """

    def __init__(
        self,
        world: SampledWorld,
        rails: Sequence[str],
        frontend: Frontend,
        *,
        ranges_w: tuple[float, ...],
        integration_s: float,
        now_ns: int,
        fifo_s: float,
        drops: Sequence[tuple[int, int]] = (),
    ) -> None:
        self._world, self._rails, self._frontend = world, tuple(rails), frontend
        self._ranges_w, self._integration_s = ranges_w, integration_s
        self._dt_ns = round(integration_s * 1e9)
        self._depth = math.floor(fifo_s / integration_s)
        self._drops = sorted(drops)
        self.t0_ns = math.ceil(frontend.clock.reading_ns(now_ns))
        self._end: int | None = None
        self.position = 0
        self.dropped = 0
        self.overloads = 0

    @property
    def running(self) -> bool:
        """Whether samples are still being taken."""
        return self._end is None

    def elapsed_s(self, now_ns: int) -> float:
        """Seconds since the trigger, on the analyser's clock."""
        return (self._frontend.clock.reading_ns(now_ns) - self.t0_ns) * 1e-9

    def taken(self, now_ns: int) -> int:
        """Number of samples taken since the trigger, lost ones included."""
        if self._end is not None:
            return self._end
        count = max(math.floor((self._frontend.clock.reading_ns(now_ns) - self.t0_ns) / self._dt_ns), 0)
        # Rounding may put the end of the last sample a hair into the world's future.
        return count - 1 if count and self._edges_ns(count, 0)[0] > now_ns else count

    def settle(self, now_ns: int) -> None:
        """Overwrite what no longer fits into the memory."""
        self._lose(self.taken(now_ns) - self._depth - self.position)

    def stop(self, now_ns: int) -> None:
        """Take no more samples; those that wait can still be fetched."""
        self.settle(now_ns)
        self._end = self.taken(now_ns)

    def fetch(self, most: int, now_ns: int) -> npt.NDArray[np.float32]:
        """Take up to `most` waiting samples out of the memory, oldest first.

        Returns big-endian float32 (k, channels + 2): watts, then the marker line, then the flags. The samples of one
        call are consecutive: where some are lost, a call ends.
        """
        self.settle(now_ns)
        while count := self._available(most, now_ns):
            edges_ns = self._edges_ns(self.position, count)
            try:
                power_w, digital = self._world.sample(edges_ns, self._rails)
            except Forgotten:
                self._lose(count)
                continue
            self.position += count
            return self._packed(power_w, digital)
        return np.empty((0, len(self._rails) + 2), ">f4")

    def _available(self, most: int, now_ns: int) -> int:
        """Number of samples that one fetch may give, after stepping over a loss that begins here."""
        taken = self.taken(now_ns)
        while self._drops and self._drops[0][0] <= self.position:
            behind = sum(self._drops[0])
            if taken < behind:
                return 0
            self._lose(behind - self.position)
            del self._drops[0]
        until = min(taken, self._drops[0][0]) if self._drops else taken
        return min(most, until - self.position)

    def _lose(self, count: int) -> None:
        self.position += max(count, 0)
        self.dropped += max(count, 0)

    def _edges_ns(self, first: int, count: int) -> npt.NDArray[np.float64]:
        """The world's time at the begin of samples first ... first + count."""
        numbers = np.arange(first, first + count + 1, dtype=np.float64)
        return self._frontend.clock.world_ns(self.t0_ns + numbers * self._dt_ns)

    def _packed(self, power_w: FloatArray, digital: npt.NDArray[np.uint8]) -> npt.NDArray[np.float32]:
        readings, overload = self._frontend.measure(power_w, self._ranges_w, self._integration_s)
        self.overloads += int(overload.sum())
        block = np.empty((len(readings), readings.shape[1] + 2), ">f4")
        block[:, :-2] = readings
        block[:, -2] = digital & MARKER_BIT
        block[:, -1] = overload * OVERLOAD_BIT
        return block
