"""NeuroBench's QUBO-MIS as a board runs it. How any QUBO is run and answered is `qubo.py`."""

from __future__ import annotations

from neurorig_agents.workloads.qubo import MOST_UNMEASURED_S, QuboWork
from neurorig_protocols.benchmarks import qubo_mis
from neurorig_protocols.errors import JobError
from neurorig_protocols.job import QuboMis, Solver, TimeToSolution


class QuboMisWork(QuboWork):
    """One instance of the benchmark; gaps are measured from the job's own target, else from the official one."""

    def __init__(self, workload: QuboMis, solver: Solver, session: str, *, warmup_s: float = MOST_UNMEASURED_S) -> None:
        problem = qubo_mis.instance(workload.n, workload.density, workload.seed)
        super().__init__(problem, workload.scenario, solver, session, target=_target(workload), warmup_s=warmup_s)


def _target(workload: QuboMis) -> int | None:
    scenario = workload.scenario
    if not isinstance(scenario, TimeToSolution):
        return None
    if scenario.target_cost is not None:
        return scenario.target_cost
    official = qubo_mis.official_target(workload.n, workload.density, workload.seed)
    if official is None:
        raise JobError(
            f"no target is known for n = {workload.n}, density = {workload.density:g}, seed = {workload.seed}, "
            "so no gap can be reached",
            where="workload.scenario",
            next_step="Ask for the scenario fixed-timeout, or for a problem of the official set.",
        )
    return official.cost
