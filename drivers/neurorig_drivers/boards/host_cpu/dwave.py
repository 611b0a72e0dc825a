"""D-Wave's tabu search and simulated annealing as solvers of the board, timed without their samplers' overhead."""

from __future__ import annotations

from collections.abc import Callable
from time import perf_counter_ns
from typing import Any

import numpy as np
import numpy.typing as npt

from neurorig_drivers.boards.solving.problem import Problem
from neurorig_drivers.boards.solving.scenarios import Found, Params, Window, positive, refuse_unknown, whole_number
from neurorig_protocols.errors import UserError

ANNEALING_PARAMS = ("num_sweeps", "temperatures", "beta_hot", "beta_cold")
FIRST_SWEEPS = 8


class Annealing:
    """Simulated annealing. `beta_hot` and `beta_cold` set the first and last inverse temperature per unit of cost.

    By default they are tuned, 0.5 and 8 divided by the smallest gain of one variable: at n = 1000, 1 %, 1 s that
    reaches -309 where the library's own choice (`temperatures` = "library") reaches -259.
    """

    name = "dwave-sa"

    def memory_bytes(self, n: int, edges: int) -> int:
        """Return the memory of the coupling lists, as Python lists and as the library's vectors."""
        return 200 * (n + edges)

    def prepare(self, problem: Problem, params: Params) -> AnnealingSearch:
        """Convert to the Ising form and choose the temperatures."""
        refuse_unknown(self.name, params, ANNEALING_PARAMS)
        choose = _TEMPERATURES.get(str(params.get("temperatures", "tuned")))
        if choose is None:
            raise UserError(f"solver parameter 'temperatures' must be one of {', '.join(_TEMPERATURES)}")
        hot, cold = choose(problem)
        fields, couplings = problem.ising()
        return AnnealingSearch(
            problem,
            fields.tolist(),
            couplings.tolist(),
            betas=(positive(params, "beta_hot", hot), positive(params, "beta_cold", cold)),
            most_sweeps=whole_number(params, "num_sweeps", 1000, 1) or 1,
        )


def _tuned(problem: Problem) -> tuple[float, float]:
    gains = np.abs(problem.diagonal[problem.diagonal != 0])
    unit = float(gains.min()) if gains.size else 1.0
    return 0.5 / unit, 8.0 / unit


def _librarys(problem: Problem) -> tuple[float, float]:
    import dimod
    from dwave.samplers.sa import sampler

    fields, couplings = problem.ising()
    if not (fields.any() or couplings.any()):
        return 1.0, 1.0  # every answer costs the same, so no temperature matters
    model = dimod.BinaryQuadraticModel.from_numpy_vectors(
        fields, (problem.rows, problem.cols, couplings), 0.0, dimod.SPIN
    )
    default_beta_range: Any = sampler.default_beta_range
    hot, cold = default_beta_range(model)
    return float(hot), float(cold)


_TEMPERATURES: dict[str, Callable[[Problem], tuple[float, float]]] = {"tuned": _tuned, "library": _librarys}


class AnnealingSearch:
    """One problem in the library's form."""

    def __init__(
        self,
        problem: Problem,
        fields: list[float],
        couplings: list[float],
        *,
        betas: tuple[float, float],
        most_sweeps: int,
    ) -> None:
        from dwave.samplers.sa.simulated_annealing import simulated_annealing

        self._library: Any = simulated_annealing
        self._problem = problem
        # Lists, because the library walks its arguments item by item and boxes every element of an array.
        self._model = (fields, problem.rows.tolist(), problem.cols.tolist(), couplings)
        self._betas = betas
        self._most_sweeps = most_sweeps

    def run(self, limit_s: float, stop_at: int | None, seed: int, window: Window) -> Found:
        """Anneal again and again until the limit; the cost is tracked after every anneal."""
        rng = np.random.default_rng(seed)
        trail = _Trail()
        with window:
            sweeps, now_s = min(FIRST_SWEEPS, self._most_sweeps), 0.0
            while not trail.over(now_s, limit_s, stop_at):
                begun_s = now_s
                bits = self._anneal(sweeps, rng)
                now_s = window.elapsed_s
                trail.note(now_s, sweeps, self._problem.cost(bits), bits)
                fits = int((limit_s - now_s) * sweeps / (now_s - begun_s))
                sweeps = max(1, min(2 * sweeps, self._most_sweeps, fits))
        return trail.found(window.elapsed_s)

    def _anneal(self, sweeps: int, rng: np.random.Generator) -> npt.NDArray[np.uint8]:
        hot, cold = self._betas
        schedule = np.geomspace(hot, cold, sweeps).tolist() if sweeps > 1 else [cold]
        start = (2 * rng.integers(0, 2, (1, self._problem.n)) - 1).astype(np.int8)
        spins, _ = self._library(1, *self._model, 1, schedule, int(rng.integers(1, 2**63)), start)
        return np.asarray((spins[0] + 1) // 2, np.uint8)


class _Trail:
    """The best answer so far and how it was come by."""

    def __init__(self) -> None:
        self._costs: list[tuple[float, int]] = []
        self._bits = np.zeros(0, np.uint8)
        self._anneals = self._sweeps = 0

    def over(self, now_s: float, limit_s: float, stop_at: int | None) -> bool:
        # One anneal always runs: without it there would be no answer at all.
        if not self._costs:
            return False
        return now_s >= limit_s or (stop_at is not None and self._costs[-1][1] <= stop_at)

    def note(self, now_s: float, sweeps: int, cost: int, bits: npt.NDArray[np.uint8]) -> None:
        self._anneals += 1
        self._sweeps += sweeps
        if not self._costs or cost < self._costs[-1][1]:
            self._costs.append((now_s, cost))
            self._bits = bits

    def found(self, elapsed_s: float) -> Found:
        return Found(
            bits=self._bits,
            cost=self._costs[-1][1],
            elapsed_s=elapsed_s,
            improvements=tuple(self._costs),
            activity={"anneals": float(self._anneals), "sweeps": float(self._sweeps)},
        )


TABU_PARAMS = ("tenure", "coefficient_z_first", "coefficient_z_restart", "lower_bound_z")

# Never used up within the longest time limit, so a search ends by its target or its time.
RESTARTS = 1_000_000

# Ours, the library's argument, parameter, member and its copy, and the restart coefficients.
_MATRIX_COPIES = 6


class Tabu:
    """Multistart tabu search; parameters and defaults are those of `dwave.samplers.TabuSampler`."""

    name = "dwave-tabu"

    def memory_bytes(self, n: int, edges: int) -> int:  # noqa: ARG002 - dense whatever the edges
        """Return the memory of the dense matrix and the library's copies of it."""
        return _MATRIX_COPIES * 8 * n * n

    def prepare(self, problem: Problem, params: Params) -> TabuSearch:
        """Build the dense matrix and time the library's own copy of it."""
        refuse_unknown(self.name, params, TABU_PARAMS)
        tenure = whole_number(params, "tenure", min(20, problem.n // 4), 0)
        search = TabuSearch(
            matrix=problem.dense(),
            tenure=min(tenure or 0, problem.n - 1),
            limits=tuple(whole_number(params, name, None, 1) for name in TABU_PARAMS[1:]),
        )
        search.time_the_copy()
        return search


class TabuSearch:
    """One problem in the library's form."""

    def __init__(
        self,
        *,
        matrix: npt.NDArray[np.float64],
        tenure: int,
        limits: tuple[int | None, ...],
    ) -> None:
        from dwave.samplers.tabu.tabu_search import TabuSearch as Library

        self._library: Any = Library
        self._matrix = matrix
        self._tenure = tenure
        self._limits = limits
        self._copy_s = 0.0

    def time_the_copy(self) -> None:
        """Measure one call whose search ends before its first step."""
        nothing = np.zeros(len(self._matrix), np.intc)
        begin = perf_counter_ns()
        self._library(self._matrix, nothing, self._tenure, 0, 0, 0, np.inf)
        self._copy_s = (perf_counter_ns() - begin) * 1e-9

    def run(self, limit_s: float, stop_at: int | None, seed: int, window: Window) -> Found:
        """Search once. The library counts whole milliseconds, so a limit below 1 ms becomes 1 ms."""
        start, search_seed = _as_the_sampler_draws(len(self._matrix), seed)
        limit_ms = max(1, int(limit_s * 1000))
        with window:
            result = self._library(
                self._matrix,
                start,
                self._tenure,
                limit_ms,
                RESTARTS,
                search_seed,
                stop_at,
                *self._limits,
            )
        cost = round(result.bestEnergy())
        return Found(
            bits=np.array(result.bestSolution(), np.uint8),
            cost=cost,
            elapsed_s=window.elapsed_s,
            # The library shows its last state only, so the end is the one instant with a known cost.
            improvements=((window.elapsed_s, cost),),
            activity={"restarts": float(result.numRestarts()), "library_copy_s": self._copy_s},
        )


def _as_the_sampler_draws(n: int, seed: int) -> tuple[npt.NDArray[np.intc], int]:
    # Same start state and search seed as `TabuSampler.sample(seed=seed)`: the baseline stays the baseline.
    start = np.random.RandomState(seed).choice(np.array([0, 1], np.int8), size=(1, n))[0]
    return start.astype(np.intc), int(np.random.default_rng(seed).integers(2**32, dtype=np.uint32))
