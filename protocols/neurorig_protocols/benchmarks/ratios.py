"""Ratios and differences of two numbers, with what their uncertainties and bounds leave of them. Pure.

Uncertainties are propagated to first order (JCGM 100, 5.2). The lines of one meter that are the same in all its
readings (gain, offset, time base; the rate of a clock) are one input per bench, so that they cancel where both sides,
or all pairs, were read by the same meter or clock. What is drawn anew in every attempt (noise, edges, drift, repeats)
averages out over pairs. Of every other line nobody knows how it is shared: it neither cancels between the sides nor
averages out. A quotient of budgets needs no more than a sum of relative errors per input; a test holds it against GTC,
which takes a hundred times as long.
Not for whether a ratio is allowed: that is `comparison`.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Literal

from neurorig_protocols.benchmarks import statistics
from neurorig_protocols.benchmarks.statistics import Interval, Run, budget_lines
from neurorig_protocols.clocks import RATE, REPEATS
from neurorig_protocols.quantities import Absent, BudgetLine, Quantity
from neurorig_protocols.records import Finite, Record

COMMON = frozenset({"gain", "offset", "timebase", RATE})
"""Budget lines that are one and the same error in every reading of a bench's meter."""

Who = tuple[str, str]
"""Bench and attempt that a number comes from."""
Whos = tuple[Who, Who]
Errors = dict[tuple[str, str], float]
"""Relative error by input: the budget line's name, and the bench, attempt or side that it belongs to."""


class Refusal(Record):
    """There is no such number, and why."""

    kind: Literal["refusal"] = "refusal"
    code: str
    sentence: str


class Difference(Record):
    """Left minus right. `u` is 0 where both are exact, None where one pair alone stands for a mean."""

    kind: Literal["difference"] = "difference"
    value: Finite
    u: Finite | None = 0.0
    n: int = 1


class Ratio(Record):
    """Left over right: exact (low = high), a bound on one side (the other is None) or a range.

    `u` is the standard uncertainty, None where nothing is stated or the ratio is a bound.
    """

    kind: Literal["ratio"] = "ratio"
    relation: str
    low: Finite | None
    high: Finite | None
    u: Finite | None = None
    n: int = 1
    budget: tuple[BudgetLine, ...] = ()


def difference(left: Quantity | Absent, right: Quantity | Absent) -> Difference | Refusal:
    """Return left − right of two exact numbers; ValueError for others."""
    if isinstance(left, Quantity) and isinstance(right, Quantity):
        if left.u != 0 or right.u != 0:
            raise ValueError("only exact numbers are subtracted")
        return Difference(value=left.value - right.value)
    return missing(left, right) or _nothing()


def mean_difference(found: Sequence[Difference]) -> Difference | Refusal:
    """Return the mean with its standard error, None for a single pair."""
    mean = statistics.mean_value([d.value for d in found])
    return Difference(value=mean.value, u=mean.u, n=mean.n) if isinstance(mean, Quantity) else _nothing()


def of_runs(left: Run | None, right: Run | None) -> Ratio | Refusal:
    """Return the ratio of two latencies, a bound where one side did not reach the target."""
    if left is None or right is None:
        return Refusal(code="not_measured", sentence="A report does not hold this gap.")
    return _as_ratio(statistics.ratio(left, right))


def of_quantities(left: Quantity | Absent, right: Quantity | Absent, a: Who, b: Who) -> Ratio | Refusal:
    """Return the ratio of two measured numbers with its propagated uncertainty."""
    if not (isinstance(left, Quantity) and isinstance(right, Quantity)):
        return missing(left, right) or _nothing()
    if left.value <= 0 or right.value <= 0:
        return Refusal(code="not_positive", sentence="A number is not positive, so its ratio says nothing.")
    value = left.value / right.value
    if left.u is None or right.u is None:
        return Ratio(relation="=", low=value, high=value)
    return _exact(value, _relative(left, right, (a, b)), n=1)


def geometric_mean(
    found: Sequence[Ratio], measured: Sequence[tuple[Quantity | Absent, Quantity | Absent, Whos]]
) -> Ratio | Refusal:
    """Return the geometric mean over pairs. Of exact ratios, u combines the meters' errors and the spread.

    One pair shows no spread: u is then the meters' alone, None where no meter is involved.
    """
    plain = statistics.geometric_mean([Interval(low=r.low, high=r.high) for r in found])
    known = [(a, b, who) for a, b, who in measured if isinstance(a, Quantity) and isinstance(b, Quantity)]
    if isinstance(plain, Absent) or plain.relation != "=" or plain.low is None or len(known) < len(found):
        return _as_ratio(plain)
    errors: Errors = {}
    for a, b, who in known:
        for key, relative in _relative(a, b, who).items():
            errors[key] = errors.get(key, 0.0) + relative / len(known)
    number = _exact(plain.low, errors, n=len(known))
    if plain.u is None:
        return number if errors else _as_ratio(plain)
    repeats = BudgetLine(name=REPEATS, u=plain.u, type="A")
    u = math.hypot(number.u or 0.0, plain.u)
    return number.model_copy(update={"u": u, "budget": (*number.budget, repeats)})


def median(found: Sequence[Ratio]) -> Ratio | Refusal:
    """Return the median over pairs; bounds stand at their bound."""
    return _as_ratio(statistics.median_ratio([Interval(low=r.low, high=r.high) for r in found]))


def missing(left: Quantity | Absent | None, right: Quantity | Absent | None) -> Refusal | None:
    """Return why a side has no number: it was not reached (censored) or not measured; None when both have one."""
    for side, value in (("left", left), ("right", right)):
        if isinstance(value, Absent):
            code = "censored" if value.reason_code == "not_reached" else "not_measured"
            return Refusal(code=code, sentence=f"The {side} side has no number: {value.reason}.")
    return None


def _as_ratio(found: Interval | Absent) -> Ratio | Refusal:
    if isinstance(found, Absent):
        return Refusal(code=found.reason_code, sentence=f"{found.reason[:1].upper()}{found.reason[1:]}.")
    return Ratio(relation=found.relation, low=found.low, high=found.high, u=found.u, n=found.n)


def _relative(left: Quantity, right: Quantity, whos: Whos) -> Errors:
    """Return the relative error that each input makes in left / right; inputs of the same name are the same input."""
    errors: Errors = {}
    for sign, quantity, (bench, attempt) in ((1, left, whos[0]), (-1, right, whos[1])):
        for name, u in budget_lines(quantity).items():
            key = (name, _owner(name, bench, attempt, sign))
            errors[key] = errors.get(key, 0.0) + sign * u / quantity.value
    return errors


def _owner(name: str, bench: str, attempt: str, side: int) -> str:
    if name in COMMON:
        return bench
    return attempt if name in statistics.INDEPENDENT else f"{bench} {side}"


def _exact(value: float, errors: Errors, *, n: int) -> Ratio:
    lines: dict[str, float] = {}
    for (name, _), relative in errors.items():
        lines[name] = math.hypot(lines.get(name, 0.0), value * relative)
    budget = tuple(BudgetLine(name=name, u=u) for name, u in sorted(lines.items(), key=lambda line: -line[1]) if u > 0)
    return Ratio(relation="=", low=value, high=value, u=math.hypot(*lines.values()), n=n, budget=budget)


def _nothing() -> Refusal:
    return Refusal(code="not_measured", sentence="There is no number.")
