"""NeuroBench's QUBO-MIS as a board runs it: problem, targets of the gaps, and the answer.

Trial k runs with the seed of the job + k, so that repetitions are independent; the answer is that of trial 0, never
the best of several.
"""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt

from neurorig_agents.workloads.prepared import activity, number, whole
from neurorig_protocols.benchmarks import qubo_mis
from neurorig_protocols.board import Artifact, Batch, RunOutput, as_bits
from neurorig_protocols.errors import JobError, WrongAnswer
from neurorig_protocols.job import QuboMis, Solver, TimeToSolution
from neurorig_protocols.plan import PhaseName
from neurorig_protocols.report import Improvement, QuboAnswer, Reached, pack_bits

MAX_IMPROVEMENTS = 100_000
"""Of a longer list the last ones are kept: how low the cost came matters more than how high it began."""

_KNOWN = frozenset(
    ("solver", "solver_cost", "requested_s", "setup_s", "solve_s", "clock", "stopped_by", "windows", "seed")
)


class QuboMisWork:
    """One problem, one scenario, one solver."""

    def __init__(self, workload: QuboMis, solver: Solver, session: str) -> None:
        problem = qubo_mis.instance(workload.n, workload.density, workload.seed)
        self._solver = solver
        self._scenario = workload.scenario
        self._n = problem.n
        self._gaps, self._targets = _goals(workload)
        limit_s = _limit_s(workload)
        self.longest_s: float | None = limit_s * max(len(self._gaps), 1)
        self._meta: dict[str, Any] = {
            "scenario": workload.scenario.kind,
            "limit_s": limit_s,
            "solver": solver.name,
            "params": dict(solver.params),
            "session": session,
        }
        self.artifact = Artifact(
            "qubo",
            {"n": problem.n, "session": session},
            {
                "diagonal": problem.diagonal,
                "rows": problem.rows,
                "cols": problem.cols,
                "weights": problem.weights,
            },
        )

    def batch(self, phase: PhaseName | None, index: int, trial: int) -> Batch:
        """See Prepared."""
        meta = {**self._meta, "seed": (self._solver.seed + trial) % 2**32}
        return Batch("qubo", phase, index, meta, {"gaps": self._gaps, "target_costs": self._targets})

    def share(self, output: RunOutput) -> float:  # noqa: ARG002 - an unmeasured run is a whole run
        """See Prepared."""
        return 1.0

    def shortest_s(self, output: RunOutput) -> float | None:
        """See Prepared: energy is integrated from a window's begin to each gap reached in it."""
        reached = np.asarray(output.arrays["reached_s"], float)
        stretches = [*reached[np.isfinite(reached)].tolist(), number(output.meta, "solve_s")]
        positive = [stretch for stretch in stretches if stretch > 0]
        return min(positive) if positive else None

    def window_times_s(self, output: RunOutput) -> list[float]:
        """See Prepared."""
        windows = whole(output.meta, "windows")
        if isinstance(times := output.meta.get("window_s"), list) and len(times) == windows:
            return [float(seconds) for seconds in times]
        return [number(output.meta, "solve_s")] if windows == 1 else []

    def answer(self, output: RunOutput, index: int) -> QuboAnswer:
        """See Prepared."""
        meta, arrays = output.meta, output.arrays
        solution = self._bits(arrays["solution"])
        return QuboAnswer(
            solver=str(meta["solver"]),
            n=self._n,
            solution=pack_bits(solution),
            solver_cost=whole(meta, "solver_cost"),
            requested_s=number(meta, "requested_s"),
            setup_s=None if meta.get("setup_s") is None else number(meta, "setup_s"),
            solve_s=number(meta, "solve_s"),
            stopped_by=meta["stopped_by"],
            clock=str(meta.get("clock", "host")),
            reached=tuple(self._reached(output, k, index) for k in range(len(self._gaps))),
            improvements=_improvements(arrays["improvement_s"], arrays["improvement_cost"]),
            activity=activity(meta, _KNOWN),
        )

    def summary(self, output: RunOutput) -> dict[str, Any]:
        """See Prepared."""
        kept = ("solver_cost", "solve_s", "stopped_by", "windows")
        figures = {key: output.meta[key] for key in kept if key in output.meta}
        reached = np.asarray(output.arrays["reached_s"], float)
        return {**figures, "reached_s": [float(t) if np.isfinite(t) else None for t in reached]}

    def _reached(self, output: RunOutput, k: int, index: int) -> Reached:
        goal = {"gap": float(self._gaps[k]), "target_cost": float(self._targets[k])}
        latency_s = float(output.arrays["reached_s"][k])
        if not np.isfinite(latency_s):
            return Reached(**goal)
        return Reached(
            **goal,
            latency_s=latency_s,
            window=index + int(output.arrays["reached_window"][k]),
            solution=pack_bits(self._bits(output.arrays["reached_solution"][k])),
        )

    def _bits(self, values: npt.NDArray[Any]) -> npt.NDArray[np.uint8]:
        try:
            bits = as_bits(values)
        except ValueError as error:
            raise WrongAnswer(str(error), where="run") from error
        if bits.shape != (self._n,):
            raise WrongAnswer(f"a solution of {self._n} bits is due, the board gave {bits.shape}", where="run")
        return bits


def _goals(workload: QuboMis) -> tuple[npt.NDArray[np.float64], npt.NDArray[np.float64]]:
    if not isinstance(workload.scenario, TimeToSolution):
        return np.zeros(0), np.zeros(0)
    target = qubo_mis.official_target(workload.n, workload.density, workload.seed)
    if target is None:
        raise JobError(
            f"no target is known for n = {workload.n}, density = {workload.density:g}, seed = {workload.seed}, "
            "so no gap can be reached",
            where="workload.scenario",
            next_step="Ask for the scenario fixed-timeout, or for a problem of the official set.",
        )
    gaps = workload.scenario.gaps
    return np.array(gaps, float), np.array([qubo_mis.target_cost(target.cost, gap) for gap in gaps], float)


def _limit_s(workload: QuboMis) -> float:
    scenario = workload.scenario
    return scenario.limit_s if isinstance(scenario, TimeToSolution) else scenario.timeout_s


def _improvements(t_s: npt.NDArray[Any], costs: npt.NDArray[Any]) -> tuple[Improvement, ...]:
    pairs = list(zip(t_s.tolist(), costs.tolist(), strict=True))[-MAX_IMPROVEMENTS:]
    return tuple(Improvement(t_s=t, cost=int(cost)) for t, cost in pairs)
