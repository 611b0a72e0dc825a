"""A campaign as the tables that NeuroBench asks for: one row per machine, solver, problem size and scenario. Pure.

A row is a mean over five seeds. One with fewer says so and is incomplete; one whose parameters hang on the instance
is refused. Fixed timeout gives gap and mean power, time to solution gives right-censored latency and the energy.
Source of the rules: NeuroBench system_benchmarks, QUBO.md. Not for comparing rows: that is `comparison`.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass

from neurorig_protocols.bench import Boundary
from neurorig_protocols.benchmarks.statistics import Censored, Run, mean_quantity, mean_value, observed, summarise
from neurorig_protocols.benchmarks.trial_results import Outcome, Result, Target, limit_s
from neurorig_protocols.benchmarks.tuning import Finding, find_per_instance_tuning
from neurorig_protocols.clocks import timed
from neurorig_protocols.quantities import Absent, Quantity, Reality
from neurorig_protocols.records import Digest, Finite, Name, Record
from neurorig_protocols.workloads.qubo.mis import edge_count
from neurorig_protocols.workloads.qubo.qubo_records import QuboMis, Scenario, TimeToSolution

SEEDS = 5
"""A reported number is the mean over so many seeds."""

START_RULE = "The clock starts when the problem is loaded."
STOP_RULE = (
    "A run to a target stops when the solver itself detects the target; tracking the cost is part of its time and "
    "energy. Every answer is recomputed by the server."
)


class MissingSeed(Record):
    """A seed of the row without a result, and why."""

    seed: int
    code: str
    reason: str


class GapRun(Record):
    """One seed's way to a gap; latency None is a run that did not reach it.

    `believed_s`: when a board that rounds weights gave up because its own cost reached the gap and the exact one
    did not; None otherwise.
    """

    seed: int
    latency_s: Finite | None
    energy: Quantity | Absent
    believed_s: Finite | None = None

    def run(self, limit_s: float) -> Run:
        """Return what was observed of the time to the gap within a limit."""
        return observed(self.latency_s, limit_s, self.believed_s)


class ToGap(Record):
    """Time and energy to one gap, over the seeds."""

    gap: Finite
    latency: Censored
    energy: Quantity | Absent
    runs: tuple[GapRun, ...]


class Row(Record):
    """One machine, solver and parameters on one problem size in one scenario; means over `seeds`.

    `infeasible` names the seeds whose answer is not an independent set. `to_gaps` is empty for a fixed timeout.
    """

    board: str
    bench: str | None
    reality: Reality | None
    solver: str
    params: dict[str, int | float | str]
    tuning: Digest | None
    n: int
    density: Finite
    scenario: Scenario
    seeds: tuple[int, ...]
    missing: tuple[MissingSeed, ...]
    complete: bool
    infeasible: tuple[int, ...]
    refused: Absent | None
    start_event: str | None
    clock: str | None
    requested_s: Finite
    solve: Quantity | Absent
    gap_official: Quantity | Absent
    gap_best: Quantity | Absent
    power: Quantity | Absent
    energy: Quantity | Absent
    boundary: Boundary | None
    to_gaps: tuple[ToGap, ...]
    jobs: tuple[Name, ...]

    @property
    def seeds_text(self) -> str:
        """Such as "4 of 5 seeds"."""
        return f"{len(self.seeds)} of {max(SEEDS, len(self.seeds) + len(self.missing))} seeds"


class Summary(Record):
    """The rows of a campaign, and the rules that its numbers follow."""

    rows: tuple[Row, ...]
    jobs: int
    pending: int
    left_out: int
    start_rule: str = START_RULE
    stop_rule: str = STOP_RULE


_Size = tuple[str | None, str, int, int, str]
"""Board, solver, variables, edges and scenario: where NeuroBench allows one set of parameters for all graphs."""

Refusals = Mapping[_Size, Absent]


@dataclass(frozen=True)
class _Asked:
    """What makes jobs the repetitions of one row, before a bench is known."""

    board: str | None
    bench: str | None
    solver: str
    params: str
    tuning: str | None
    n: int
    density: float
    scenario: str


def summarise_campaign(results: Sequence[Result]) -> Summary:
    """Return the rows of a campaign's results; jobs of other workloads are counted as left out."""
    findings = find_per_instance_tuning(result.spec for result in results)
    refusals = {_found_size(finding): _refusal(finding) for finding in findings}
    groups: dict[_Asked, list[Result]] = {}
    for result in results:
        if isinstance(result.spec.workload, QuboMis):
            groups.setdefault(_asked(result), []).append(result)
    counted = sum(len(group) for group in groups.values())
    rows = [row for group in groups.values() for row in _rows(group, refusals)]
    return Summary(
        rows=tuple(sorted(rows, key=_order)),
        jobs=len(results),
        pending=sum(result.pending for result in results),
        left_out=len(results) - counted,
    )


def _asked(result: Result) -> _Asked:
    spec, workload = result.spec, _workload(result)
    return _Asked(
        board=spec.needs.board,
        bench=spec.needs.bench,
        solver=spec.solver.name,
        params=json.dumps(spec.solver.params, sort_keys=True),
        tuning=spec.solver.tuning,
        n=workload.n,
        density=workload.density,
        # The target itself differs from seed to seed; the gaps and the limit make the scenario.
        scenario=workload.scenario.model_dump_json(exclude={"target_cost"}),
    )


def _workload(result: Result) -> QuboMis:
    workload = result.spec.workload
    if not isinstance(workload, QuboMis):
        raise TypeError("rows are made of qubo-mis jobs")
    return workload


def _rows(group: Sequence[Result], refusals: Refusals) -> list[Row]:
    """Split the repetitions by the bench and solver that ran them: numbers of two machines make no mean."""
    done: dict[tuple[str, str], dict[int, tuple[Result, Outcome]]] = {}
    for result in group:
        if result.outcome is not None:
            found = done.setdefault((result.outcome.bench, result.outcome.solver), {})
            # The first result of a seed stands, never the best of several.
            found.setdefault(_workload(result).seed, (result, result.outcome))
    return [_row(group, found, refusals) for found in done.values() or [{}]]


def _row(group: Sequence[Result], found: Mapping[int, tuple[Result, Outcome]], refusals: Refusals) -> Row:
    spec, workload = group[0].spec, _workload(group[0])
    outcomes = {seed: found[seed][1] for seed in sorted(found)}
    first = next(iter(outcomes.values()), None)
    missing = _missing(group, outcomes)
    refused = refusals.get(_size(group[0]))
    scenario = workload.scenario
    if isinstance(scenario, TimeToSolution):
        scenario = scenario.model_copy(update={"target_cost": None})
    means = _means(list(outcomes.values())) if refused is None else dict.fromkeys(_MEANS, refused)
    return Row(
        board=first.board if first else spec.needs.board or "any",
        bench=first.bench if first else spec.needs.bench,
        reality=first.reality if first else spec.needs.reality,
        solver=first.solver if first else spec.solver.name,
        params=spec.solver.params,
        tuning=spec.solver.tuning,
        n=workload.n,
        density=workload.density,
        scenario=scenario,
        seeds=tuple(outcomes),
        missing=missing,
        complete=len(outcomes) >= SEEDS and not missing,
        infeasible=tuple(seed for seed, outcome in outcomes.items() if outcome.independent_set is False),
        refused=refused,
        start_event=_shared(outcomes.values(), lambda o: o.start_event),
        clock=_shared(outcomes.values(), lambda o: o.clock),
        requested_s=limit_s(scenario),
        boundary=first.boundary if first else None,
        to_gaps=() if refused else _to_gaps(scenario, outcomes),
        jobs=tuple(result.job for result in group),
        **means,
    )


def _missing(group: Sequence[Result], outcomes: Mapping[int, Outcome]) -> tuple[MissingSeed, ...]:
    found: dict[int, MissingSeed] = {}
    for result in group:
        seed = _workload(result).seed
        if seed not in outcomes:
            code, reason = ("pending", f"the job is {result.state}") if result.pending else _why(result)
            found[seed] = MissingSeed(seed=seed, code=code, reason=reason)
    asked = set(found) | set(outcomes)
    # The open seeds are 0 to 4; which others a campaign should have had, nobody can say.
    unasked = set(range(SEEDS)) - asked if asked <= set(range(SEEDS)) else set()
    for seed in unasked:
        found[seed] = MissingSeed(seed=seed, code="not_asked", reason="the campaign has no job for it")
    return tuple(found[seed] for seed in sorted(found))


def _why(result: Result) -> tuple[str, str]:
    if result.outcome is not None:
        return "other_machine", f"{result.outcome.bench} ran it with solver {result.outcome.solver}"
    return result.why.reason_code, result.why.reason


def _size(result: Result) -> _Size:
    spec, workload = result.spec, _workload(result)
    scenario = workload.scenario.model_dump(mode="json", exclude={"target_cost"})
    return _key(spec.needs.board, spec.solver.name, workload.n, workload.density, scenario)


def _found_size(finding: Finding) -> _Size:
    return _key(finding.board, finding.solver, finding.n, finding.density, finding.scenario)


def _key(board: str | None, solver: str, n: int, density: float, scenario: Mapping[str, object]) -> _Size:
    return board, solver, n, edge_count(n, density), json.dumps(scenario, sort_keys=True)


def _refusal(finding: Finding) -> Absent:
    return Absent(reason_code="per_instance_tuning", reason=finding.sentence)


_MEANS = ("solve", "gap_official", "gap_best", "power", "energy")


def _means(outcomes: Sequence[Outcome]) -> dict[str, Quantity | Absent]:
    one_boundary = len({_boundary_key(o) for o in outcomes}) <= 1
    mixed = Absent(reason_code="different_boundary", reason="the seeds were measured with different boundaries")
    return {
        "solve": _timed(mean_value([o.solve_s for o in outcomes], "s"), outcomes),
        "gap_official": _gap(outcomes, "official"),
        "gap_best": _gap(outcomes, "best-verified"),
        "power": _mean_of([o.power for o in outcomes]) if one_boundary else mixed,
        "energy": _mean_of([o.energy for o in outcomes]) if one_boundary else mixed,
    }


def _timed(found: Quantity | Absent, outcomes: Iterable[Outcome]) -> Quantity | Absent:
    return found if isinstance(found, Absent) else timed(found, [outcome.clock for outcome in outcomes])


def _gap(outcomes: Sequence[Outcome], target: Target) -> Quantity | Absent:
    gaps = [o.gaps.get(target) for o in outcomes]
    absent = next((gap for gap in gaps if isinstance(gap, Absent)), None)
    known = [gap for gap in gaps if isinstance(gap, float)]
    if len(known) < len(gaps):
        reason = absent.reason if absent else "no target is known for this problem"
        some = f"{len(gaps) - len(known)} of {len(gaps)} seeds: {reason}"
        return Absent(reason_code=absent.reason_code if absent else "no_target", reason=some)
    return mean_value(known)


def _mean_of(found: Sequence[Quantity | Absent]) -> Quantity | Absent:
    """Return the mean where every seed was measured; a mean of the measured ones would be of other problems."""
    known = [q for q in found if isinstance(q, Quantity)]
    absent = next((q for q in found if isinstance(q, Absent)), None)
    return mean_quantity(known) if absent is None else absent


def _to_gaps(scenario: Scenario, outcomes: Mapping[int, Outcome]) -> tuple[ToGap, ...]:
    if not isinstance(scenario, TimeToSolution):
        return ()
    return tuple(_to_gap(gap, scenario.limit_s, outcomes) for gap in scenario.gaps)


def _to_gap(gap: float, limit: float, outcomes: Mapping[int, Outcome]) -> ToGap:
    runs = tuple(run for seed, outcome in outcomes.items() for run in [_gap_run(seed, outcome, gap, limit)] if run)
    latency = summarise([run.run(limit) for run in runs], limit)
    used = _timed(latency.restricted_mean, outcomes.values())
    latency = latency.model_copy(update={"restricted_mean": used})
    energy = _mean_of([run.energy for run in runs])
    if latency.censored:
        reason = (
            f"{latency.censored} of {latency.runs} runs did not reach it; a mean of the others would be of easier ones"
        )
        energy = Absent(reason_code="censored", reason=reason)
    return ToGap(gap=gap, latency=latency, energy=energy, runs=runs)


def _gap_run(seed: int, outcome: Outcome, gap: float, limit: float) -> GapRun | None:
    reached = next((r for r in outcome.reached if r.gap == gap), None)
    if reached is None:
        return None
    latency_s = reached.latency_s if reached.run(limit).reached else None
    return GapRun(seed=seed, latency_s=latency_s, energy=reached.energy, believed_s=reached.believed_s)


def _boundary_key(outcome: Outcome) -> tuple[str, ...]:
    return tuple(sorted(outcome.boundary.components)) if outcome.boundary else ()


def _shared(outcomes: Iterable[Outcome], read: Callable[[Outcome], str]) -> str | None:
    """Return what all outcomes say, joined where they differ; None without any."""
    return " / ".join(dict.fromkeys(read(outcome) for outcome in outcomes)) or None


def _order(row: Row) -> tuple[str, str, str, str, str, str, int, float, float]:
    params = json.dumps(row.params, sort_keys=True)
    who = (row.board, row.bench or "", row.solver, params, row.tuning or "")
    return (*who, row.scenario.kind, row.n, row.density, limit_s(row.scenario))
