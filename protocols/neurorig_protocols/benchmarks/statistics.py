"""Statistics of runs that may not have reached their target, and means over seeds. Pure; not for tables or pages.

A run that has not reached its target by the limit is right-censored: all that is known is that it takes longer. Its
limit is never used as a latency. The curve is the product-limit estimator (Kaplan and Meier, J. Am. Stat. Assoc. 53,
1958, 457), its variance Greenwood's.

A mean over seeds of quantities measured by one meter keeps the meter's errors whole: they are the same in every run
and do not average out. Errors that are drawn anew in every run (`INDEPENDENT`) average out. The spread between the
seeds comes on top as the line "repeats"; it holds those independent errors once more, which is cautious. A single
value shows no spread: its u is the instrument's, None where none is known.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from itertools import groupby

from pydantic import Field

from neurorig_protocols.clocks import REPEATS
from neurorig_protocols.quantities import Absent, BudgetLine, Grade, Quantity, root_sum_square, worst_grade
from neurorig_protocols.records import Finite, Record

OTHER = "other"
"""Budget line of an uncertainty whose own budget does not explain it."""
INDEPENDENT = frozenset({"noise", "edges", "baseline drift", REPEATS})
"""Budget lines whose errors are drawn anew in every attempt; any other is taken to be one error of all readings."""
ROUNDING = 4
"""Values that differ by at most so many units in the last place of a float64 are equal: that is rounding, no spread."""


class Run(Record):
    """One run: how long it took to the target, or how long it went on without reaching it."""

    time_s: Finite = Field(ge=0)
    reached: bool


class Step(Record):
    """The share of runs still without a result from this instant on, and its standard uncertainty (None: unknown)."""

    time_s: Finite
    at_risk: int
    reached: int
    survival: Finite
    u: Finite | None


class Interval(Record):
    """A number known exactly (low = high), from one side (the other is None), or between two bounds.

    `u` is the standard uncertainty, None where a bound has none.
    """

    low: Finite | None
    high: Finite | None
    u: Finite | None = None
    n: int = 1

    @property
    def relation(self) -> str:
        """How the number stands to its bound: "=", ">=", "<=" or "between"."""
        if self.low is not None and self.low == self.high:
            return "="
        return ">=" if self.high is None else "<=" if self.low is None else "between"


class Censored(Record):
    """What a sample of runs says about the time to the target. Times in seconds."""

    runs: int
    reached: int
    censored: int
    limit_s: Finite
    median: Finite | Absent
    restricted_mean: Quantity | Absent
    steps: tuple[Step, ...]


def observed(latency_s: float | None, limit_s: float, believed_s: float | None = None) -> Run:
    """Return the run of a latency; none, or one beyond the limit, is a run that did not reach the target in time.

    A run that wrongly believed to have reached it was given up then, at `believed_s`: nothing is known of later.
    """
    if latency_s is None or latency_s > limit_s:
        return Run(time_s=limit_s if believed_s is None else min(believed_s, limit_s), reached=False)
    return Run(time_s=latency_s, reached=True)


def survival(runs: Sequence[Run]) -> tuple[Step, ...]:
    """Return the product-limit curve: one step per distinct time at which a run reached its target.

    `u` is Greenwood's: S * sqrt(sum of d / (r * (r - d))), which has no value where nobody is left (r = d).
    """
    steps, share, variance, at_risk = [], 1.0, 0.0, len(runs)
    ordered = sorted(runs, key=lambda run: run.time_s)
    for time_s, group in groupby(ordered, key=lambda run: run.time_s):
        found = list(group)
        reached = sum(run.reached for run in found)
        if reached:
            left = at_risk - reached
            share *= left / at_risk
            variance += reached / (at_risk * left) if left else 0.0
            u = share * math.sqrt(variance) if left else None
            steps.append(Step(time_s=time_s, at_risk=at_risk, reached=reached, survival=share, u=u))
        at_risk -= len(found)
    return tuple(steps)


def median(runs: Sequence[Run]) -> float | Absent:
    """Return the first time by which half of the runs had reached the target; Absent when more than half had not."""
    if not runs:
        return _none()
    censored = sum(not run.reached for run in runs)
    half = next((step.time_s for step in survival(runs) if step.survival <= 0.5 + 1e-12), None)
    if 2 * censored > len(runs) or half is None:
        reason = f"{censored} of {len(runs)} runs did not reach it, so half of them never did"
        return Absent(reason_code="not_reached", reason=reason)
    return half


def restricted_mean(runs: Sequence[Run], limit_s: float) -> Quantity | Absent:
    """Return the mean time that a run needs of a budget of `limit_s`, in seconds, with its standard error.

    It is the area under the curve up to the limit; a run that did not reach its target needs the whole budget.
    The error is Greenwood's, with the correction n / (n - 1) for small samples; None for a single run.
    """
    if not runs:
        return _none()
    steps = [step for step in survival(runs) if step.time_s < limit_s]
    last_s = max(run.time_s for run in runs)
    if last_s < limit_s and (not steps or steps[-1].survival > 0):
        return Absent(reason_code="not_observed", reason="the runs were given up before the limit")
    edges = [0.0, *(step.time_s for step in steps), limit_s]
    heights = [1.0, *(step.survival for step in steps)]
    areas = [h * (end - begin) for h, begin, end in zip(heights, edges, edges[1:], strict=False)]
    n = len(runs)
    variance = sum(
        sum(areas[k + 1 :]) ** 2 * step.reached / (step.at_risk * (step.at_risk - step.reached))
        for k, step in enumerate(steps)
        if step.at_risk > step.reached
    )
    u = math.sqrt(variance * n / (n - 1)) if n > 1 else None
    return Quantity(value=sum(areas), unit="s", u=u, n=n, grade="derived")


def summarise(runs: Sequence[Run], limit_s: float) -> Censored:
    """Return counts, median, restricted mean and curve of a sample."""
    reached = sum(run.reached for run in runs)
    return Censored(
        runs=len(runs),
        reached=reached,
        censored=len(runs) - reached,
        limit_s=limit_s,
        median=median(runs),
        restricted_mean=restricted_mean(runs, limit_s),
        steps=survival(runs),
    )


def ratio(left: Run, right: Run) -> Interval | Absent:
    """Return left / right: a number when both reached, a bound when one did, absent when neither did."""
    if not left.reached and not right.reached:
        return Absent(reason_code="censored", reason="neither side reached the target")
    if right.time_s <= 0 or left.time_s <= 0:
        return Absent(reason_code="zero_time", reason="a side took no time, so no ratio is defined")
    value = left.time_s / right.time_s
    return Interval(low=None if not right.reached else value, high=None if not left.reached else value)


def geometric_mean(ratios: Sequence[Interval]) -> Interval | Absent:
    """Return the geometric mean; bounds that all point the same way give a bound. `u` is its standard error.

    One ratio alone shows none.
    """
    if not ratios:
        return _none()
    low, high = (_geometric([getattr(r, side) for r in ratios]) for side in ("low", "high"))
    if low is None and high is None:
        return _both_ways()
    exact = low is not None and low == high
    return Interval(low=low, high=high, u=_geometric_u(ratios, low) if exact and low else None, n=len(ratios))


def median_ratio(ratios: Sequence[Interval]) -> Interval | Absent:
    """Return the median; a ratio that is a bound stands at its bound and may make the median a bound."""
    if not ratios:
        return _none()
    low = _middle([-math.inf if r.low is None else r.low for r in ratios])
    high = _middle([math.inf if r.high is None else r.high for r in ratios])
    if low is None and high is None:
        return _both_ways()
    return Interval(low=low, high=high, n=len(ratios))


def mean_value(values: Sequence[float], unit: str = "1", grade: Grade = "derived") -> Quantity | Absent:
    """Return the mean of values that are exact each; u is the standard error, None for a single value.

    Times are not exact: `clocks.timed` adds what their clock contributes.
    """
    if not values:
        return _none()
    u = _standard_error(values)
    lines = (BudgetLine(name=REPEATS, u=u, type="A"),) if u else ()
    return Quantity(value=_mean(values), unit=unit, u=u, n=len(values), grade=grade, budget=lines)


def mean_quantity(found: Sequence[Quantity]) -> Quantity | Absent:
    """Return the mean of quantities of one unit and one meter (module docstring); ValueError for several units.

    `n` counts the quantities; the mean of one is that one, with its own budget.
    """
    if not found:
        return _none()
    if len({q.unit for q in found}) > 1:
        raise ValueError("a mean needs one unit")
    if len(found) == 1:
        return found[0].model_copy(update={"n": 1})
    lines = _mean_lines([budget_lines(q) for q in found])
    if repeats := _standard_error([q.value for q in found]):
        lines[REPEATS] = math.hypot(lines.get(REPEATS, 0.0), repeats)
    budget = tuple(
        BudgetLine(name=name, u=u, type="A" if name == REPEATS else "B")
        for name, u in sorted(lines.items(), key=lambda line: -line[1])
    )
    return Quantity(
        value=_mean([q.value for q in found]),
        unit=found[0].unit,
        u=root_sum_square([line.u for line in budget]),
        n=len(found),
        grade=worst_grade([q.grade for q in found]),
        budget=budget,
    )


def budget_lines(quantity: Quantity) -> dict[str, float]:
    """Return the budget by name, in the quantity's unit; what it leaves of u unexplained is the line "other"."""
    if quantity.u is None:
        return {}
    lines: dict[str, float] = {}
    for line in quantity.budget:
        lines[line.name] = math.hypot(lines.get(line.name, 0.0), line.u)
    rest = quantity.u**2 - sum(u**2 for u in lines.values())
    if rest > 1e-6 * quantity.u**2:
        lines[OTHER] = math.hypot(lines.get(OTHER, 0.0), math.sqrt(rest))
    return lines


def _mean_lines(budgets: Sequence[Mapping[str, float]]) -> dict[str, float]:
    names = dict.fromkeys(name for lines in budgets for name in lines)
    sums = {name: _sum_of_errors(name, [lines.get(name, 0.0) for lines in budgets]) for name in names}
    return {name: u / len(budgets) for name, u in sums.items() if u > 0}


def _sum_of_errors(name: str, parts: Sequence[float]) -> float:
    return math.hypot(*parts) if name in INDEPENDENT else math.fsum(parts)


def _mean(values: Sequence[float]) -> float:
    return math.fsum(values) / len(values)


def _standard_error(values: Sequence[float]) -> float | None:
    n = len(values)
    if n < 2:
        return None
    if max(values) - min(values) <= ROUNDING * math.ulp(max(abs(v) for v in values)):
        return 0.0
    mean = _mean(values)
    return math.sqrt(math.fsum((v - mean) ** 2 for v in values) / (n - 1) / n)


def _geometric(bounds: Sequence[float | None]) -> float | None:
    known = [math.log(bound) for bound in bounds if bound is not None and bound > 0]
    return math.exp(_mean(known)) if len(known) == len(bounds) else None


def _geometric_u(ratios: Sequence[Interval], mean: float) -> float | None:
    error = _standard_error([math.log(r.low) for r in ratios if r.low])
    return None if error is None else mean * error


def _middle(values: Sequence[float]) -> float | None:
    ordered, half = sorted(values), len(values) // 2
    pair = ordered[half : half + 1] if len(values) % 2 else ordered[half - 1 : half + 1]
    return _mean(pair) if all(math.isfinite(v) for v in pair) else None


def _none() -> Absent:
    return Absent(reason_code="no_runs", reason="there is no run")


def _both_ways() -> Absent:
    return Absent(reason_code="censored", reason="bounds to both sides leave nothing known")
