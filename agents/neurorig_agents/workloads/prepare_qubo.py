"""A QUBO as a board runs it: problem, targets of the gaps, and the answer."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from neurorig_agents.workloads.board_figures import activity, number, whole
from neurorig_protocols.board import Artifact, Batch, RunOutput, as_bits
from neurorig_protocols.errors import InfraError, InvalidProblem, JobError, WrongAnswer
from neurorig_protocols.job import JobSpec, Solver, workload_of
from neurorig_protocols.plan import PhaseName
from neurorig_protocols.workloads.qubo import mis
from neurorig_protocols.workloads.qubo.problem import Problem
from neurorig_protocols.workloads.qubo.problem_file import from_bytes
from neurorig_protocols.workloads.qubo.qubo_records import (
    FixedTimeout,
    Improvement,
    Qubo,
    QuboAnswer,
    QuboMis,
    Reached,
    TimeToSolution,
    pack_bits,
)

MAX_IMPROVEMENTS = 100_000
"""Of a longer list the last ones are kept: how low the cost came matters more than how high it began."""

MOST_UNMEASURED_S = 1.0
"""Ranging runs of longer scenarios end here: they teach ranges, nobody reads them. Warm-ups end where the plan says."""

_KNOWN = frozenset(
    (
        "solver",
        "solver_cost",
        "cost_error_bound",
        "requested_s",
        "setup_s",
        "solve_s",
        "clock",
        "stopped_by",
        "windows",
        "seed",
        "onboard",
    )
)


class QuboWork:
    """One problem, one scenario, one solver.

    `target` is the cost that gaps are measured from; the warm-up run solves for `warmup_s` at most.
    """

    def __init__(
        self,
        problem: Problem,
        scenario: FixedTimeout | TimeToSolution,
        solver: Solver,
        session: str,
        *,
        target: int | None,
        warmup_s: float = MOST_UNMEASURED_S,
    ) -> None:
        self._warmup_s = warmup_s
        self._solver = solver
        self._n = problem.n
        self._gaps, self._targets = _goals(scenario, target)
        limit_s = scenario.limit_s if isinstance(scenario, TimeToSolution) else scenario.timeout_s
        self._limit_s = limit_s
        self.longest_s: float | None = limit_s * max(len(self._gaps), 1)
        self._meta: dict[str, Any] = {
            "scenario": scenario.kind,
            "limit_s": limit_s,
            "solver": solver.name,
            "params": dict(solver.params),
            "session": session,
        }
        self.artifact = Artifact(
            "qubo",
            {"n": problem.n, "session": session, "params": dict(solver.params)},
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
        if phase in (None, "warmup"):
            meta["limit_s"] = min(self._limit_s, self._warmup_s if phase else MOST_UNMEASURED_S)
        return Batch("qubo", phase, index, meta, {"gaps": self._gaps, "target_costs": self._targets})

    def share(self, output: RunOutput) -> float:
        """See Prepared: a run that found its targets in the shortened time would have done so in the whole."""
        if output.meta.get("stopped_by") == "target":
            return 1.0
        return min(1.0, MOST_UNMEASURED_S / self._limit_s)

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
            cost_error_bound=whole(meta, "cost_error_bound") if "cost_error_bound" in meta else 0,
            requested_s=number(meta, "requested_s"),
            setup_s=None if meta.get("setup_s") is None else number(meta, "setup_s"),
            solve_s=number(meta, "solve_s"),
            stopped_by=meta["stopped_by"],
            clock=str(meta.get("clock", "host")),
            reached=tuple(self._reached(output, k, index) for k in range(len(self._gaps))),
            improvements=_improvements(arrays["improvement_s"], arrays["improvement_cost"]),
            activity=activity(meta, _KNOWN),
            onboard=meta.get("onboard"),
        )

    def summary(self, output: RunOutput) -> dict[str, Any]:
        """See Prepared."""
        kept = ("solver_cost", "solve_s", "stopped_by", "windows", "grade")
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


class QuboFileWork(QuboWork):
    """An uploaded problem; its gaps are measured from the target that the server wrote into the job."""

    def __init__(
        self, workload: Qubo, solver: Solver, session: str, files: Mapping[str, Path], *, warmup_s: float
    ) -> None:
        problem = _read(workload, files)
        scenario = workload.scenario
        target = scenario.target_cost if isinstance(scenario, TimeToSolution) else None
        super().__init__(problem, scenario, solver, session, target=target, warmup_s=warmup_s)


def _read(workload: Qubo, files: Mapping[str, Path]) -> Problem:
    try:
        return from_bytes(files[workload.problem].read_bytes())
    except (KeyError, OSError) as error:
        raise InfraError(f"the problem {workload.problem} is not at the bench", where="workload.problem") from error
    except InvalidProblem as error:
        raise JobError(error.message, where="workload.problem", next_step=error.next_step) from error


def _goals(
    scenario: FixedTimeout | TimeToSolution, target: int | None
) -> tuple[npt.NDArray[np.float64], npt.NDArray[np.float64]]:
    if not isinstance(scenario, TimeToSolution):
        return np.zeros(0), np.zeros(0)
    if not target:
        raise JobError(
            "no target is known for this problem, so no gap can be reached",
            where="workload.scenario",
            next_step="Ask for the scenario fixed-timeout, or give a target cost other than 0.",
        )
    costs = [mis.target_cost(target, gap) for gap in scenario.gaps]
    return np.array(scenario.gaps, float), np.array(costs, float)


def _improvements(t_s: npt.NDArray[Any], costs: npt.NDArray[Any]) -> tuple[Improvement, ...]:
    pairs = list(zip(t_s.tolist(), costs.tolist(), strict=True))[-MAX_IMPROVEMENTS:]
    return tuple(Improvement(t_s=t, cost=int(cost)) for t, cost in pairs)


class QuboMisWork(QuboWork):
    """One instance of the benchmark; gaps are measured from the job's own target, else from the official one."""

    def __init__(self, workload: QuboMis, solver: Solver, session: str, *, warmup_s: float = MOST_UNMEASURED_S) -> None:
        problem = mis.instance(workload.n, workload.density, workload.seed)
        super().__init__(problem, workload.scenario, solver, session, target=_target(workload), warmup_s=warmup_s)


def _target(workload: QuboMis) -> int | None:
    scenario = workload.scenario
    if not isinstance(scenario, TimeToSolution):
        return None
    if scenario.target_cost is not None:
        return scenario.target_cost
    official = mis.official_target(workload.n, workload.density, workload.seed)
    if official is None:
        raise JobError(
            f"no target is known for n = {workload.n}, density = {workload.density:g}, seed = {workload.seed}, "
            "so no gap can be reached",
            where="workload.scenario",
            next_step="Ask for the scenario fixed-timeout, or for a problem of the official set.",
        )
    return official.cost


def prepare_qubo_mis(job: JobSpec, session: str, files: Mapping[str, Path]) -> QuboWork:  # noqa: ARG001 - names no files
    """See Prepare."""
    return QuboMisWork(workload_of(job, QuboMis), job.solver, session, warmup_s=job.plan.warmup_s)


def prepare_qubo_file(job: JobSpec, session: str, files: Mapping[str, Path]) -> QuboWork:
    """See Prepare."""
    return QuboFileWork(workload_of(job, Qubo), job.solver, session, files, warmup_s=job.plan.warmup_s)
