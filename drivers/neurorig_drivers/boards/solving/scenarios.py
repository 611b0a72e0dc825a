"""A solver as a board runs it, and the benchmark's two scenarios: fixed timeout and time to solution."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from time import perf_counter_ns
from typing import Protocol

import numpy as np
import numpy.typing as npt

from neurorig_drivers.boards.solving.problem import Problem
from neurorig_drivers.interface import MarkerSink
from neurorig_protocols import wording
from neurorig_protocols.board import Batch, RunOutput
from neurorig_protocols.errors import UserError, WrongAnswer
from neurorig_protocols.plan import PhaseName

Params = Mapping[str, int | float | str]


@dataclass(frozen=True)
class Found:
    """What one search gave. `elapsed_s` is the search alone, from "problem loaded" until the solver stopped.

    improvements: (seconds since the start, best cost from then on), as far as the solver lets them be seen.
    """

    bits: npt.NDArray[np.uint8]
    cost: int
    elapsed_s: float
    improvements: tuple[tuple[float, int], ...]
    activity: dict[str, float] = field(default_factory=dict)


class Window:
    """The measured stretch of a search: marks its edges and takes its time. Used once, as a context."""

    def __init__(self, phase: PhaseName | None, index: int, markers: MarkerSink) -> None:
        self._phase: PhaseName | None = phase
        self._index = index
        self._markers = markers
        self._begin_ns = self._end_ns = 0

    def __enter__(self) -> Window:
        if self._phase is not None:
            self._markers.begin(self._phase, self._index)
        self._begin_ns = perf_counter_ns()
        return self

    def __exit__(self, *_: object) -> None:
        self._end_ns = perf_counter_ns()
        if self._phase is not None:
            self._markers.end(self._phase, self._index)

    @property
    def elapsed_s(self) -> float:
        """Seconds since the beginning, or the whole length once it has ended."""
        return ((self._end_ns or perf_counter_ns()) - self._begin_ns) * 1e-9


class Search(Protocol):
    """A solver that holds one problem, ready to start."""

    def run(self, limit_s: float, stop_at: int | None, seed: int, window: Window) -> Found:
        """Search inside `window` until the cost is at most `stop_at` or the time is over.

        The library may overrun the limit. Drawing a start and fetching the answer lie outside the window.
        """


class Solver(Protocol):
    """An algorithm of the board."""

    name: str

    def memory_bytes(self, n: int, edges: int) -> int:
        """Return how much memory a problem of this size takes, in bytes."""

    def prepare(self, problem: Problem, params: Params) -> Search:
        """Convert the problem into the library's own form; UserError on unknown parameters."""


LARGEST_PARAM = 2**31 - 1


def whole_number(params: Params, name: str, default: int | None, minimum: int) -> int | None:
    """Return an integer parameter, or its default; UserError when it is something else or out of range."""
    value = params.get(name, default)
    if value is None:
        return None
    if isinstance(value, bool) or not isinstance(value, int) or not minimum <= value <= LARGEST_PARAM:
        limits = f"{minimum} to {LARGEST_PARAM}"
        raise UserError(f"solver parameter '{name}' must be an integer of {limits}, not {value!r}")
    return value


def positive(params: Params, name: str, default: float) -> float:
    """Return a positive number parameter, or its default; UserError when it is something else."""
    value = params.get(name, default)
    if isinstance(value, str | bool) or not 0 < value < float("inf"):
        raise UserError(f"solver parameter '{name}' must be a positive number, not {value!r}")
    return float(value)


def refuse_unknown(solver: str, params: Params, known: tuple[str, ...]) -> None:
    """Raise UserError when a parameter is not one of the solver's."""
    unknown = sorted(set(params) - set(known))
    if unknown:
        raise UserError(
            f"the solver '{solver}' has no parameter {', '.join(map(repr, unknown))}"
            f"{wording.hint(unknown[0], known, 'its parameters')}",
            where="solver.params",
            next_step=f"use only {', '.join(known)}",
        )


class Windows:
    """The windows of one batch, numbered from the batch's own index on; phase None marks nothing."""

    def __init__(self, batch: Batch, problem: Problem, search: Search, markers: MarkerSink) -> None:
        self._batch = batch
        self._problem = problem
        self._search = search
        self._markers = markers
        self.limit_s = float(batch.meta["limit_s"])
        self.found: list[Found] = []

    @property
    def marked(self) -> int:
        """How many windows were marked."""
        return len(self.found) if self._batch.phase is not None else 0

    def search(self, stop_at: int | None) -> Found:
        """Search inside a window of its own; WrongAnswer when the solver's cost is not xᵀQx of its bits."""
        window = Window(self._batch.phase, self._batch.index + len(self.found), self._markers)
        found = self._search.run(self.limit_s, stop_at, int(self._batch.meta["seed"]), window)
        true_cost = self._problem.cost(found.bits)
        if true_cost != found.cost:
            raise WrongAnswer(f"the solver says {found.cost}, xᵀQx of its bits is {true_cost}", where="run")
        self.found.append(found)
        return found


@dataclass
class _Reached:
    """When, in which window and with which bits each gap was reached: (g,), (g,), (g, n); and why not."""

    latency_s: npt.NDArray[np.float64]
    window: npt.NDArray[np.int64]
    bits: npt.NDArray[np.uint8]
    why_not: list[str] = field(default_factory=list)

    @classmethod
    def none(cls, gaps: int, n: int) -> _Reached:
        return cls(np.full(gaps, np.nan), np.zeros(gaps, np.int64), np.zeros((gaps, n), np.uint8))

    def note(self, gap: int, found: Found, window: int) -> None:
        self.latency_s[gap], self.window[gap], self.bits[gap] = found.elapsed_s, window, found.bits


def run(batch: Batch, problem: Problem, windows: Windows) -> RunOutput:
    """Run the scenario that the batch names; UserError when the board does not know it."""
    scenario = batch.meta.get("scenario")
    if scenario == "fixed-timeout":
        windows.search(None)
        return _output(windows, _Reached.none(0, problem.n), stopped_by="timeout")
    if scenario == "time-to-solution":
        reached = _time_to_solution(batch, problem, windows)
        return _output(windows, reached, stopped_by="timeout" if reached.why_not else "target")
    raise UserError(f"this board has no scenario '{scenario}'", where="batch")


def _time_to_solution(batch: Batch, problem: Problem, windows: Windows) -> _Reached:
    """Search once per gap, easiest gap first, each time from the start: each gets a window of its own.

    A search that stops below the next gaps' targets too counts for them: another one would only repeat it.
    """
    targets = np.floor(np.asarray(batch.arrays["target_costs"], float)).astype(int)
    reached = _Reached.none(targets.size, problem.n)
    for gap in np.argsort(-targets, kind="stable").tolist():
        target = int(targets[gap])
        if reached.why_not:
            reached.why_not.append(f"cost {target}: not tried, an easier one was not reached")
            continue
        if not windows.found or windows.found[-1].cost > target:
            windows.search(target)
        if windows.found[-1].cost > target:
            reached.why_not.append(f"cost {target}: not reached within {windows.limit_s:g} s")
        else:
            reached.note(gap, windows.found[-1], len(windows.found) - 1)
    return reached


def _output(windows: Windows, reached: _Reached, *, stopped_by: str) -> RunOutput:
    best = min(windows.found, key=lambda found: found.cost)
    falling = _falling([point for found in windows.found for point in found.improvements])
    return RunOutput(
        meta={
            "solver_cost": best.cost,
            "requested_s": windows.limit_s,
            "solve_s": best.elapsed_s,
            "window_s": [found.elapsed_s for found in windows.found],
            "overrun_s": max(0.0, max(found.elapsed_s for found in windows.found) - windows.limit_s),
            "stopped_by": stopped_by,
            "unreached": reached.why_not,
            "windows": windows.marked,
            **best.activity,
        },
        arrays={
            "solution": best.bits,
            "improvement_s": np.array([t for t, _ in falling], float),
            "improvement_cost": np.array([cost for _, cost in falling], np.int64),
            "reached_s": reached.latency_s,
            "reached_window": reached.window,
            "reached_solution": reached.bits,
        },
    )


def _falling(points: list[tuple[float, int]]) -> list[tuple[float, int]]:
    """Keep the points at which the best cost so far falls, in order of time."""
    kept: list[tuple[float, int]] = []
    for t_s, cost in sorted(points):
        if not kept or cost < kept[-1][1]:
            kept.append((t_s, cost))
    return kept
