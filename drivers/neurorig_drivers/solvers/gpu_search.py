"""Simulated annealing for any QUBO on an NVIDIA GPU: many replicas at once, cut into launches that end in time."""

from __future__ import annotations

import functools
import math
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass
from typing import Any, NamedTuple

import numpy as np

from neurorig_drivers.solvers import gpu_annealing_kernel as kernel
from neurorig_drivers.solvers.machine_code import SECOND_NS, clock_ns, plain
from neurorig_drivers.solvers.qubo_search import LOWEST, SMALLEST, Found, Matrix
from neurorig_drivers.solvers.sa_search import choose_temperatures

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


SHARED_BYTES = 47 * 1024
"""State of a replica up to which it lies in shared memory: what every GPU gives a block, less a little of our own."""
DESCENT_SWEEPS = 64
LOOK_VARIABLES = 1024
"""Variables tried at least between two looks whether another replica reached the target."""
NARROW = 1 << 31
PACE_S = 0.02
"""Length of the search in the set-up from which the pace is learned."""


class Layout(NamedTuple):
    """How a problem is spread: blocks, one replica each, and threads per block."""

    replicas: int
    threads: int


@dataclass(frozen=True)
class GpuAnnealingParams:
    """First and last temperature in units of cost; None leaves one to what the first descent finds."""

    temperature_hot: float | None = None
    temperature_cold: float | None = None
    first_sweeps: int = 16
    """Length of the first anneal; each further one is twice as long."""


def state_bytes(n: int, *, wide: bool) -> int:
    """Return the bytes of one replica's state; wide: rises that need 64 bits."""
    return n * ((8 if wide else 4) + 1)


class GpuAnnealingSearch:
    """One problem on the GPU that is current in this thread. Building it compiles the kernels where need be."""

    def __init__(
        self,
        problem: Matrix,
        layout: Layout,
        params: GpuAnnealingParams | None = None,
        *,
        wide: bool | None = None,
        shared: bool | None = None,
    ) -> None:
        """Take a problem of `qubo.matrix` and bring it to the GPU.

        wide, shared: rises of 64 bits and states in shared memory; by default as the problem needs and allows.
        """
        if problem is not SMALLEST:
            warm_up()
        self.layout = layout
        self._params = params or GpuAnnealingParams()
        self._n = problem.n
        self._device = kernel.the_cuda()
        wide = _needs_64_bits(problem) if wide is None else wide
        size = state_bytes(self._n, wide=wide)
        shared = size <= SHARED_BYTES if shared is None else shared
        self._kernel: Any = kernel.compiled()[0 if shared else 1]
        self._shape = (layout.replicas, layout.threads, 0, size if shared else 0)
        self._arrays = self._bring(problem, np.dtype(np.int64 if wide else np.int32))
        self._seen = self._device.pinned_array(1, np.int64)
        self._pace = Pace()
        self._learn_pace()

    def run(
        self,
        *,
        limit_s: float,
        seed: int,
        stop_at: int | None = None,
        window: AbstractContextManager[object] | None = None,
        most_sweeps: int | None = None,
    ) -> Found:
        """Search until the cost is at most `stop_at`, the time is over or `most_sweeps` are done.

        `window` is entered right before the search and left once the answer is back; the seed goes to the GPU before.
        """
        self._begin(seed)
        stop_at = LOWEST if stop_at is None else max(stop_at, LOWEST)
        trail: list[tuple[float, int]] = []
        with window or nullcontext():
            began_ns = clock_ns()
            best = self._launch(Slice(DESCENT_SWEEPS, 0.0, 0.0, 0), stop_at, fresh=True)
            now_s = (clock_ns() - began_ns) / SECOND_NS
            trail.append((now_s, best))
            if best > stop_at:
                schedule = Schedule(self._pace, limit_s, self._temperatures(), self._params.first_sweeps, most_sweeps)
                now_s = (clock_ns() - began_ns) / SECOND_NS
            while best > stop_at and (part := schedule.next(now_s)) is not None:
                best = self._launch(part, stop_at)
                begun_s, now_s = now_s, (clock_ns() - began_ns) / SECOND_NS
                if best > stop_at:  # else the launch ended early and says nothing of the pace
                    schedule.took(part.sweeps, now_s - begun_s)
                if best < trail[-1][1]:
                    trail.append((now_s, best))
            bits, cost = self._answer()
            elapsed_s = (clock_ns() - began_ns) / SECOND_NS
        sweeps = int(self._arrays.scalars.copy_to_host()[kernel.SWEEPS].sum())
        return Found(bits=bits, cost=cost, elapsed_s=elapsed_s, improvements=tuple(trail), steps=sweeps)

    def _bring(self, problem: Matrix, rise: np.dtype[Any]) -> _Arrays:
        cuda, (replicas, _), n = self._device, self.layout, self._n
        start, target, coupling = problem.rows
        return _Arrays(
            cuda.to_device(start),
            # A problem without pairs has empty rows, and no memory can be had for nothing.
            cuda.to_device(target if target.size else np.zeros(1, np.int32)),
            cuda.to_device(coupling.astype(rise) if coupling.size else np.zeros(1, rise)),
            cuda.to_device(problem.diagonal.astype(rise)),
            cuda.device_array((replicas, n), rise),
            cuda.device_array((replicas, n), np.int8),
            cuda.device_array((replicas, n), np.int8),
            cuda.to_device(np.zeros((kernel.SCALARS, replicas), np.int64)),
            cuda.to_device(np.zeros(replicas, np.uint32)),
            cuda.to_device(np.zeros(1, np.int64)),
        )

    def _begin(self, seed: int) -> None:
        keys = np.random.SeedSequence(abs(seed)).generate_state(self.layout.replicas, np.uint32)
        self._arrays.keys.copy_to_device(keys)
        self._arrays.best_of_all.copy_to_device(np.zeros(1, np.int64))
        self._device.synchronize()

    def _launch(self, part: Slice, stop_at: int, *, fresh: bool = False) -> int:
        """Run one slice to its end and return the best cost of all replicas so far."""
        look = max(1, LOOK_VARIABLES // self._n) if stop_at > LOWEST else 0
        # Configured anew each time, which is cheap: the simulator has one configuration for all searches of a kernel.
        launch = self._kernel[self._shape]
        launch(*self._arrays, fresh, part.sweeps, part.base, part.slope, part.position, stop_at, look)
        self._arrays.best_of_all.copy_to_host(self._seen)
        return int(self._seen[0])

    def _temperatures(self) -> tuple[float, float]:
        given = np.array([self._params.temperature_hot or 0.0, self._params.temperature_cold or 0.0])
        # After the descent all replicas are alike.
        sign = 1 - 2 * self._arrays.bits[0].copy_to_host()
        plain(choose_temperatures)(given, (self._arrays.fields[0].copy_to_host().astype(np.int64) * sign, sign))
        return float(given[0]), float(given[1])

    def _answer(self) -> tuple[np.ndarray[Any, np.dtype[np.uint8]], int]:
        costs = self._arrays.scalars[kernel.BEST].copy_to_host()
        winner = int(costs.argmin())
        return self._arrays.best[winner].copy_to_host().astype(np.uint8), int(costs[winner])

    def _learn_pace(self) -> None:
        self._begin(0)
        self._launch(Slice(0, 0.0, 0.0, 0), LOWEST, fresh=True)
        begin_ns = clock_ns()
        self._launch(Slice(0, 0.0, 0.0, 0), LOWEST)
        launched_ns = clock_ns()
        self._answer()
        self._pace.launch_s = (launched_ns - begin_ns) / SECOND_NS
        self._pace.read_s = (clock_ns() - launched_ns) / SECOND_NS
        self.run(limit_s=PACE_S, seed=0)


class _Arrays(NamedTuple):
    """What lies on the GPU, in the order in which the kernels take it; `Any` because numba ships no types."""

    start: Any
    target: Any
    coupling: Any
    diagonal: Any
    fields: Any
    bits: Any
    best: Any
    scalars: Any
    keys: Any
    best_of_all: Any


def _needs_64_bits(problem: Matrix) -> bool:
    """Return whether a rise, or one coupling, may leave 32 bits."""
    start, _, coupling = problem.rows
    # Sums of magnitudes stay below 2**62, so neither the running sum nor a difference of it can overflow.
    sums = np.concatenate([np.zeros(1, np.int64), np.cumsum(np.abs(coupling))])
    return bool((np.abs(problem.diagonal) + sums[start[1:]] - sums[start[:-1]]).max() >= NARROW)


@functools.cache
def warm_up() -> None:
    """Compile each kernel for both widths, once in the life of the process."""
    for wide in (False, True):
        for shared in (True, False):
            GpuAnnealingSearch(SMALLEST, Layout(1, 1), wide=wide, shared=shared)
