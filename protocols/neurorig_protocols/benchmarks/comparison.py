"""Two sides on the same problems: what may be compared, and the ratio or the reason why there is none. Pure.

`REQUIRED` is the one table of what must be equal for which number. Costs and gaps compare everywhere: a solution is a
solution. Times and energies never cross a reality, energies and powers neither a boundary nor a grade.
Not for means over seeds of one side: those are `summary`.
"""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Mapping, Sequence
from typing import Annotated, Any, Literal

from pydantic import Field

from neurorig_protocols.benchmarks import ratios
from neurorig_protocols.benchmarks.ratios import Difference, Ratio, Refusal
from neurorig_protocols.benchmarks.statistics import Run
from neurorig_protocols.benchmarks.trial_results import NOT_MEASURED, Outcome, Result, limit_s
from neurorig_protocols.clocks import timed
from neurorig_protocols.quantities import Absent, Quantity, Reality
from neurorig_protocols.records import Finite, Record
from neurorig_protocols.workloads.qubo.qubo_records import Qubo, QuboMis, Scenario, TimeToSolution

Metric = Literal["cost", "gap to official", "gap to best verified", "latency", "power", "energy"]
Rule = Literal["problem", "reality", "start_event", "boundary", "grade"]

REQUIRED: dict[Metric, tuple[Rule, ...]] = {
    "cost": ("problem",),
    "gap to official": ("problem",),
    "gap to best verified": ("problem",),
    "latency": ("problem", "reality", "start_event"),
    "power": ("problem", "reality", "boundary", "grade"),
    "energy": ("problem", "reality", "start_event", "boundary", "grade"),
}
"""What both sides must share before a number is compared. "problem" means instance and scenario."""


class Machine(Record):
    """Who solved the problems of one side."""

    bench: str
    board: str
    reality: Reality
    solver: str


Compared = Annotated[Ratio | Difference | Refusal, Field(discriminator="kind")]
"""What the two sides give: a ratio or a difference, or why there is none."""


class Entry(Record):
    """One number of both sides. `to_gap` is set where it belongs to a gap of the time-to-solution scenario."""

    metric: Metric
    to_gap: Finite | None = None
    left: Quantity | Absent
    right: Quantity | Absent
    result: Compared


class Pair(Record):
    """The same problem in the same scenario on both sides."""

    problem: dict[str, Any]
    scenario: Scenario
    left_job: str
    right_job: str
    entries: tuple[Entry, ...]


class Unpaired(Record):
    """A job without its counterpart or without a result, and why."""

    side: Literal["left", "right"]
    job: str
    refusal: Refusal


class Total(Record):
    """One number over all pairs: the geometric mean and the median of ratios, or the mean of differences."""

    metric: Metric
    to_gap: Finite | None
    pairs: int
    compared: int
    mean: Compared
    median: Ratio | Refusal | None = None
    refused: dict[str, int] = Field(default_factory=dict)


class Comparison(Record):
    """All pairs, their totals, and what has no counterpart."""

    left: tuple[Machine, ...]
    right: tuple[Machine, ...]
    pairs: tuple[Pair, ...]
    totals: tuple[Total, ...]
    unpaired: tuple[Unpaired, ...]
    pending: int
    required: dict[Metric, tuple[Rule, ...]] = Field(default_factory=lambda: dict(REQUIRED))


Done = tuple[Result, Outcome]


def compare(left: Sequence[Result], right: Sequence[Result]) -> Comparison:
    """Pair the results of two sides by problem and scenario, and compare each pair."""
    found = {"left": _by_problem(left), "right": _by_problem(right)}
    shared = [key for key in found["left"] if key in found["right"]]
    pairs, ready = [], []
    for key in shared:
        a, b = found["left"][key], found["right"][key]
        if a.outcome is not None and b.outcome is not None:
            ready.append(((a, a.outcome), (b, b.outcome)))
            pairs.append(_pair((a, a.outcome), (b, b.outcome)))
    lonely = [
        Unpaired(side=side, job=result.job, refusal=_alone(result))
        for side, other in (("left", found["right"]), ("right", found["left"]))
        for key, result in found[side].items()
        if result.outcome is None or key not in other
    ]
    return Comparison(
        left=_machines(left),
        right=_machines(right),
        pairs=tuple(pairs),
        totals=_totals(pairs, ready),
        unpaired=tuple(lonely),
        pending=sum(result.pending for result in (*left, *right)),
    )


def _machines(results: Sequence[Result]) -> tuple[Machine, ...]:
    found = [
        Machine(bench=o.bench, board=o.board, reality=o.reality, solver=o.solver)
        for o in (result.outcome for result in results)
        if o is not None
    ]
    return tuple(dict.fromkeys(found))


def problem_of(result: Result) -> dict[str, Any]:
    """Return what names a job's problem: its workload without the scenario."""
    return result.spec.workload.model_dump(mode="json", exclude={"scenario"})


def _by_problem(results: Sequence[Result]) -> dict[str, Result]:
    """Key results by problem and scenario; of several the first stands, never the best."""
    found: dict[str, Result] = {}
    for result in results:
        scenario = _scenario(result)
        if scenario is not None:
            # With the target's cost: gaps from two targets are two scenarios.
            shape = scenario.model_dump(mode="json")
            found.setdefault(json.dumps([problem_of(result), shape], sort_keys=True), result)
    return found


def _scenario(result: Result) -> Scenario | None:
    workload = result.spec.workload
    return workload.scenario if isinstance(workload, QuboMis | Qubo) else None


def _alone(result: Result) -> Refusal:
    if result.outcome is not None:
        sentence = "The other side has no job with this problem and scenario."
        return Refusal(code="different_problem", sentence=sentence)
    reason = f"the job is {result.state}" if result.pending else result.why.reason
    return Refusal(code="no_result", sentence=f"This job has no result: {reason}.")


def _pair(left: Done, right: Done) -> Pair:
    scenario = _scenario(left[0])
    if scenario is None:
        raise TypeError("only jobs with a scenario are paired")
    entries = [_quality(metric, left[1], right[1]) for metric in _QUALITIES]
    entries.append(_measured("power", left[1], right[1], left[1].power, right[1].power))
    if isinstance(scenario, TimeToSolution):
        for gap in scenario.gaps:
            entries += _to_gap(gap, limit_s(scenario), left[1], right[1])
    else:
        entries.append(_measured("energy", left[1], right[1], left[1].energy, right[1].energy))
    return Pair(
        problem=problem_of(left[0]),
        scenario=scenario,
        left_job=left[0].job,
        right_job=right[0].job,
        entries=tuple(entries),
    )


_QUALITIES: tuple[Metric, ...] = ("cost", "gap to official", "gap to best verified")


def _quality(metric: Metric, left: Outcome, right: Outcome) -> Entry:
    a, b = _exact(metric, left), _exact(metric, right)
    return Entry(metric=metric, left=a, right=b, result=ratios.difference(a, b))


def _exact(metric: Metric, outcome: Outcome) -> Quantity | Absent:
    if metric == "cost":
        value: float | Absent | None = float(outcome.cost)
    else:
        value = outcome.gaps.get("official" if metric == "gap to official" else "best-verified")
    if isinstance(value, float):
        return Quantity(value=value, unit="1", u=0, grade="derived")
    return value or Absent(reason_code="no_target", reason="no target is known for this problem")


def _measured(
    metric: Metric,
    left: Outcome,
    right: Outcome,
    a: Quantity | Absent,
    b: Quantity | Absent,
) -> Entry:
    refusal = _broken_rule(metric, left, right, a, b)
    result = refusal or ratios.of_quantities(a, b, _who(left), _who(right))
    return Entry(metric=metric, left=a, right=b, result=result)


def _who(outcome: Outcome) -> tuple[str, str]:
    return outcome.bench, outcome.attempt


def _to_gap(gap: float, limit: float, left: Outcome, right: Outcome) -> list[Entry]:
    a, b = ((_run(outcome, gap, limit), _energy(outcome, gap, limit)) for outcome in (left, right))
    refusal = _broken_rule("latency", left, right, None, None)
    latency = Entry(
        metric="latency",
        to_gap=gap,
        left=_seconds(a[0], left.clock),
        right=_seconds(b[0], right.clock),
        result=refusal or ratios.of_runs(a[0], b[0]),
    )
    energy = _measured("energy", left, right, a[1], b[1])
    return [latency, energy.model_copy(update={"to_gap": gap})]


def _run(outcome: Outcome, gap: float, limit: float) -> Run | None:
    reached = next((r for r in outcome.reached if r.gap == gap), None)
    return None if reached is None else reached.run(limit)


def _energy(outcome: Outcome, gap: float, limit: float) -> Quantity | Absent:
    reached = next((r for r in outcome.reached if r.gap == gap), None)
    if reached is None:
        return NOT_MEASURED
    if not reached.run(limit).reached:
        return Absent(reason_code="not_reached", reason="the gap was not reached")
    return reached.energy


def _seconds(run: Run | None, clock: str) -> Quantity | Absent:
    if run is None:
        return Absent(reason_code="not_measured", reason="the gap is not in the report")
    if not run.reached:
        return Absent(reason_code="not_reached", reason=f"not reached within {run.time_s:g} s")
    return timed(Quantity(value=run.time_s, unit="s", u=None, grade="derived"), [clock])


def _broken_rule(
    metric: Metric, left: Outcome, right: Outcome, a: Quantity | Absent | None, b: Quantity | Absent | None
) -> Refusal | None:
    """Return the first rule of the table that the two sides break. Values are None where no meter is involved."""
    required = REQUIRED[metric]
    if "reality" in required and left.reality != right.reality:
        sentence = f"A {left.reality} and a {right.reality} number have no ratio."
        return Refusal(code="different_reality", sentence=sentence)
    if "start_event" in required and left.start_event != right.start_event:
        sentence = f"One clock starts at '{left.start_event}', the other at '{right.start_event}'."
        return Refusal(code="different_start_event", sentence=sentence)
    if (missing := ratios.missing(a, b)) is not None:
        return missing
    if "boundary" in required and (sentence := _other_boundary(left, right)):
        return Refusal(code="different_boundary", sentence=sentence)
    if isinstance(a, Quantity) and isinstance(b, Quantity) and "grade" in required and a.grade != b.grade:
        sentence = f"One side is {a.grade}, the other {b.grade}."
        return Refusal(code="different_grade", sentence=sentence)
    return None


def _other_boundary(left: Outcome, right: Outcome) -> str:
    """Say which components only one side includes, or leaves out; empty when both are the same."""
    (in_a, out_a), (in_b, out_b) = (_boundary(o) for o in (left, right))
    if in_a != in_b:
        only = [f"{who} alone includes {', '.join(sorted(x))}" for who, x in _sides(in_a - in_b, in_b - in_a) if x]
        return f"{left.bench} and {right.bench} include other components: {'; '.join(only)}."
    if out_a != out_b:
        only = [
            f"{who} alone leaves out {', '.join(sorted(x))}" for who, x in _sides(out_a - out_b, out_b - out_a) if x
        ]
        return f"{left.bench} and {right.bench} leave out other components: {'; '.join(only)}."
    return ""


def _sides(a: frozenset[str], b: frozenset[str]) -> tuple[tuple[str, frozenset[str]], ...]:
    return ("the left", a), ("the right", b)


def _boundary(outcome: Outcome) -> tuple[frozenset[str], frozenset[str]]:
    if outcome.boundary is None:
        return frozenset(), frozenset()
    omitted = frozenset(item.component for item in outcome.boundary.omitted)
    return frozenset(outcome.boundary.components), omitted


def _totals(pairs: Sequence[Pair], ready: Sequence[tuple[Done, Done]]) -> tuple[Total, ...]:
    """Total every number over the pairs; `ready` are the same pairs with the outcomes behind them."""
    whos = [(_who(left[1]), _who(right[1])) for left, right in ready]
    grouped: dict[tuple[Metric, float | None], list[tuple[Entry, ratios.Whos]]] = {}
    for pair, who in zip(pairs, whos, strict=True):
        for entry in pair.entries:
            grouped.setdefault((entry.metric, entry.to_gap), []).append((entry, who))
    order: Mapping[Metric, int] = {metric: k for k, metric in enumerate(REQUIRED)}
    keys = sorted(grouped, key=lambda key: (order[key[0]], -(key[1] or 0)))
    return tuple(_total(metric, gap, grouped[metric, gap]) for metric, gap in keys)


def _total(metric: Metric, gap: float | None, entries: Sequence[tuple[Entry, ratios.Whos]]) -> Total:
    refused = Counter(e.result.code for e, _ in entries if isinstance(e.result, Refusal))
    known = [(e, who) for e, who in entries if not isinstance(e.result, Refusal)]
    mean: Ratio | Difference | Refusal
    median: Ratio | Refusal | None = None
    if not known:
        code, count = refused.most_common(1)[0]
        first = next(e.result for e, _ in entries if isinstance(e.result, Refusal) and e.result.code == code)
        mean = Refusal(code=code, sentence=f"{first.sentence} ({count} of {len(entries)} pairs)")
    elif metric in _QUALITIES:
        mean = ratios.mean_difference([e.result for e, _ in known if isinstance(e.result, Difference)])
    else:
        found = [e.result for e, _ in known if isinstance(e.result, Ratio)]
        mean = ratios.geometric_mean(found, [(e.left, e.right, who) for e, who in known])
        median = ratios.median(found)
    return Total(
        metric=metric,
        to_gap=gap,
        pairs=len(entries),
        compared=len(known),
        mean=mean,
        median=median,
        refused=dict(refused),
    )
