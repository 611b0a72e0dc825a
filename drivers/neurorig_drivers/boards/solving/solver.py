"""What a solver is to a board that runs it in its own process: set-up once per problem, then timed searches."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from time import perf_counter_ns
from typing import Protocol

import numpy as np
import numpy.typing as npt

from neurorig_drivers.boards.solving.problem import Problem
from neurorig_drivers.interface import MarkerSink
from neurorig_protocols.errors import UserError
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
            f"the solver '{solver}' has no parameter {', '.join(map(repr, unknown))}",
            where="solver.params",
            next_step=f"use only {', '.join(known)}",
        )
