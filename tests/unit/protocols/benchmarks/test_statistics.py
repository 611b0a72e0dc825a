"""Right-censored runs and means over seeds, against what is known of them."""

from __future__ import annotations

import math
import statistics as stdlib

import pytest
from hypothesis import given
from hypothesis import strategies as st

from neurorig_protocols.benchmarks import statistics
from neurorig_protocols.benchmarks.statistics import Interval, Run
from neurorig_protocols.quantities import Absent, BudgetLine, Quantity
from neurorig_protocols.uncertain import Inputs

times = st.floats(1e-4, 50)
latencies = st.lists(st.one_of(st.none(), times), min_size=1, max_size=30)
LIMIT_S = 60.0


def runs_of(found: list[float | None], limit_s: float = LIMIT_S) -> list[Run]:
    """Runs of latencies; None did not reach the target."""
    return [statistics.observed(latency_s, limit_s) for latency_s in found]


def test_curve_equals_a_published_example() -> None:
    """The remission times of 6-mercaptopurine patients give the product-limit values of every textbook."""
    reached = [6, 6, 6, 7, 10, 13, 16, 22, 23]
    censored = [6, 9, 10, 11, 17, 19, 20, 25, 32, 32, 34, 35]
    runs = [Run(time_s=t, reached=True) for t in reached] + [Run(time_s=t, reached=False) for t in censored]

    steps = statistics.survival(runs)

    assert [step.time_s for step in steps] == [6, 7, 10, 13, 16, 22, 23]
    shares = [0.857, 0.807, 0.753, 0.690, 0.627, 0.538, 0.448]
    assert [step.survival for step in steps] == pytest.approx(shares, abs=6e-4)
    errors = [0.0764, 0.0869, 0.0963, 0.1068, 0.1141, 0.1282, 0.1346]
    assert [step.u for step in steps] == pytest.approx(errors, abs=6e-4)


@given(latencies)
def test_curve_falls_from_one_to_the_share_of_runs_that_never_reached(found: list[float | None]) -> None:
    """With one limit for all, the curve ends at the censored share and never rises."""
    runs = runs_of(found)
    shares = [1.0, *(step.survival for step in statistics.survival(runs))]

    assert shares == sorted(shares, reverse=True)
    assert shares[-1] == pytest.approx(found.count(None) / len(found), abs=1e-9)


@given(latencies)
def test_median_is_not_reached_when_more_than_half_did_not(found: list[float | None]) -> None:
    """A median exists if and only if half of the runs reached the target, and is one of their latencies."""
    middle = statistics.median(runs_of(found))

    if 2 * found.count(None) > len(found):
        assert isinstance(middle, Absent)
        assert middle.reason_code == "not_reached"
        return
    ordered = sorted(latency_s for latency_s in found if latency_s is not None)
    assert middle == ordered[math.ceil(len(found) / 2) - 1]


@given(latencies, st.floats(61, 1000))
def test_median_does_not_hang_on_the_limit(found: list[float | None], limit_s: float) -> None:
    """The limit of the runs that never reached is no latency: raising it changes no median."""
    assert statistics.median(runs_of(found)) == statistics.median(runs_of(found, limit_s))


@given(st.lists(st.one_of(st.none(), times), min_size=2, max_size=30))
def test_restricted_mean_is_the_mean_of_the_budget_used(found: list[float | None]) -> None:
    """With one limit for all, area and Greenwood's error are mean and standard error of min(latency, limit)."""
    used = [LIMIT_S if latency_s is None else latency_s for latency_s in found]

    mean = statistics.restricted_mean(runs_of(found), LIMIT_S)

    assert isinstance(mean, Quantity)
    assert mean.value == pytest.approx(stdlib.fmean(used))
    assert mean.u == pytest.approx(stdlib.stdev(used) / math.sqrt(len(used)), rel=1e-6, abs=1e-6)


def test_runs_given_up_before_the_limit_have_no_restricted_mean() -> None:
    """Nothing is said about a stretch that no run has seen."""
    given_up = [Run(time_s=1, reached=False), Run(time_s=0.5, reached=True)]

    assert isinstance(statistics.restricted_mean(given_up, 2), Absent)
    assert isinstance(statistics.restricted_mean([], 2), Absent)


def test_a_latency_beyond_the_limit_is_not_reached() -> None:
    """The limit is the limit, also for a board that went on."""
    assert not statistics.observed(1.01, 1.0).reached
    assert statistics.observed(1.0, 1.0).reached


def test_summary_counts() -> None:
    """Counts, median and mean of a sample stand together."""
    found = statistics.summarise(runs_of([1, 2, None]), LIMIT_S)

    assert (found.runs, found.reached, found.censored) == (3, 2, 1)
    assert found.median == 2
    assert isinstance(statistics.summarise([], LIMIT_S).median, Absent)


@pytest.mark.parametrize(
    ("left", "right", "relation", "bound"),
    [(2.0, 1.0, "=", 2.0), (None, 1.0, ">=", 60.0), (1.0, None, "<=", 1 / 60)],
)
def test_ratio_with_a_run_that_never_reached_is_a_bound(
    left: float | None, right: float | None, relation: str, bound: float
) -> None:
    """A run at its limit makes the ratio a bound, to the side on which it is longer."""
    (a, b) = runs_of([left, right])

    found = statistics.ratio(a, b)

    assert isinstance(found, Interval)
    assert found.relation == relation
    assert next(x for x in (found.low, found.high) if x is not None) == pytest.approx(bound)


def test_two_runs_that_never_reached_have_no_ratio() -> None:
    """Neither bound says anything."""
    assert isinstance(statistics.ratio(*runs_of([None, None])), Absent)
    assert isinstance(statistics.ratio(*runs_of([1, 0])), Absent)


pairs = st.lists(st.tuples(st.floats(0.1, 20), st.floats(0.1, 20)), min_size=1, max_size=15)


@given(pairs, st.floats(0.2, 10))
def test_bounds_hold_whatever_the_hidden_latencies_are(found: list[tuple[float, float]], limit_s: float) -> None:
    """Geometric mean and median of censored pairs always enclose those of the true latencies."""
    seen = [
        statistics.ratio(*(statistics.observed(t, limit_s) for t in pair))
        for pair in found
        if min(pair) <= limit_s
    ]  # fmt: skip
    true = [left / right for left, right in found if min(left, right) <= limit_s]
    known = [interval for interval in seen if isinstance(interval, Interval)]
    for of, truth in (
        (statistics.geometric_mean, math.exp(stdlib.fmean(map(math.log, true))) if true else 1.0),
        (statistics.median_ratio, stdlib.median(true) if true else 1.0),
    ):
        total = of(known)
        if isinstance(total, Absent):
            continue
        assert total.low is None or total.low <= truth * (1 + 1e-9)
        assert total.high is None or total.high >= truth * (1 - 1e-9)


def test_exact_ratios_have_a_spread() -> None:
    """The geometric mean of known ratios carries the standard error of their logarithms."""
    found = statistics.geometric_mean([Interval(low=v, high=v) for v in (1.0, 4.0)])

    assert isinstance(found, Interval)
    assert found.low == pytest.approx(2)
    assert found.u == pytest.approx(2 * math.log(4) / 2)


def test_bounds_to_both_sides_say_nothing() -> None:
    """A lower and an upper bound have no common statement."""
    mixed = [Interval(low=2, high=None), Interval(low=None, high=3)]

    assert isinstance(statistics.geometric_mean(mixed), Absent)
    assert isinstance(statistics.median_ratio(mixed), Absent)
    assert isinstance(statistics.geometric_mean([]), Absent)
    assert isinstance(statistics.median_ratio([]), Absent)


def test_median_of_mixed_ratios_may_be_a_range() -> None:
    """One bound among exact ratios moves the median only as far as its neighbours."""
    found = statistics.median_ratio([Interval(low=1, high=1), Interval(low=3, high=3), Interval(low=2, high=None)])

    assert isinstance(found, Interval)
    assert (found.low, found.high, found.relation) == (2, 3, "between")


def quantity(value: float, **lines: float) -> Quantity:
    """A measured power with a budget."""
    budget = tuple(BudgetLine(name=name, u=u) for name, u in lines.items())
    return Quantity(value=value, unit="W", u=math.hypot(*lines.values()), grade="metered", budget=budget)


def test_common_meter_errors_do_not_average_out() -> None:
    """The gain error of five equal readings is the gain error of one."""
    mean = statistics.mean_quantity([quantity(2.0, gain=0.1)] * 5)

    assert isinstance(mean, Quantity)
    assert (mean.value, mean.u, mean.n) == (2.0, pytest.approx(0.1), 5)


names = st.sampled_from(["gain", "offset", "timebase", "noise", "edges", "baseline drift", "resolution", "unheard of"])
budgets = st.dictionaries(names, st.floats(1e-3, 0.2), max_size=5)


@given(st.lists(st.tuples(st.floats(0.5, 5), budgets), min_size=2, max_size=6))
def test_mean_has_the_uncertainty_that_gtc_gives(found: list[tuple[float, dict[str, float]]]) -> None:
    """Errors shared by all readings do not shrink with their number, those drawn anew do; the spread comes on top."""
    inputs = Inputs()
    total = inputs.zero()
    for k, (value, relative) in enumerate(found):
        total = total + value
        for name, share in relative.items():
            owner = str(k) if name in statistics.INDEPENDENT else "all"
            total = total + value * share * inputs.normal(f"{name}:{owner}", 1.0)

    mean = statistics.mean_quantity([quantity(v, **{name: v * r for name, r in rel.items()}) for v, rel in found])

    assert isinstance(mean, Quantity)
    repeats = stdlib.stdev(value for value, _ in found) / math.sqrt(len(found))
    expected = math.hypot(float((total / len(found)).u), repeats)
    assert (mean.u, mean.n) == (pytest.approx(expected, rel=1e-6, abs=1e-9), len(found))


def test_mean_of_one_reading_is_that_reading() -> None:
    """The meter's uncertainty stays, nothing is invented for a spread, and n counts readings, not windows."""
    one = quantity(2.0, gain=0.1, repeats=0.05).model_copy(update={"n": 10})

    mean = statistics.mean_quantity([one])

    assert mean == one.model_copy(update={"n": 1})


def test_one_value_shows_no_spread() -> None:
    """Neither a mean, nor a restricted mean, nor a ratio of one has a standard error; none is not 0."""
    value = statistics.mean_value([0.25])
    used = statistics.restricted_mean(runs_of([1.5]), LIMIT_S)
    ratio = statistics.geometric_mean([Interval(low=2, high=2)])

    assert isinstance(value, Quantity)
    assert (value.value, value.u, value.n) == (0.25, None, 1)
    assert isinstance(used, Quantity)
    assert (used.value, used.u, used.n) == (1.5, None, 1)
    assert isinstance(ratio, Interval)
    assert (ratio.low, ratio.u, ratio.n) == (pytest.approx(2), None, 1)


def test_curve_has_no_error_where_nobody_is_left() -> None:
    """Greenwood's formula divides by those who go on, so the last step of a complete sample has none."""
    steps = statistics.survival(runs_of([1.0, 2.0]))

    assert [step.u for step in steps] == [pytest.approx(math.sqrt(0.125)), None]
    assert [step.u for step in statistics.survival(runs_of([1.0]))] == [None]


def test_run_given_up_in_error_is_censored_then() -> None:
    """A run that stopped because it believed to be there is known only up to that time."""
    assert statistics.observed(None, 2.0, believed_s=0.5) == Run(time_s=0.5, reached=False)
    assert statistics.observed(None, 2.0, believed_s=3.0) == Run(time_s=2.0, reached=False)
    assert statistics.observed(None, 2.0) == Run(time_s=2.0, reached=False)
    assert isinstance(statistics.restricted_mean([statistics.observed(None, 2.0, 0.5)], 2.0), Absent)


@given(st.lists(st.floats(0.5, 5), min_size=2, max_size=8), st.floats(0, 0.2))
def test_spread_between_seeds_comes_on_top(values: list[float], gain: float) -> None:
    """u² is the square of the mean meter error plus that of the standard error."""
    mean = statistics.mean_quantity([quantity(v, gain=gain * v) for v in values])

    assert isinstance(mean, Quantity)
    repeats = stdlib.stdev(values) / math.sqrt(len(values))
    assert mean.u == pytest.approx(math.hypot(gain * stdlib.fmean(values), repeats), abs=1e-9)


def test_unexplained_uncertainty_is_kept() -> None:
    """A quantity without a budget keeps its whole u as the line "other"."""
    bare = Quantity(value=1, unit="W", u=0.3, grade="onboard")

    mean = statistics.mean_quantity([bare, bare])

    assert isinstance(mean, Quantity)
    assert mean.u == pytest.approx(0.3)
    assert [line.name for line in mean.budget] == ["other"]
    assert statistics.mean_quantity([bare]) == bare
    assert isinstance(statistics.mean_quantity([]), Absent)


def test_several_units_have_no_mean() -> None:
    """Watts and joules are refused."""
    watts = Quantity(value=1, unit="W", u=0, grade="metered")

    with pytest.raises(ValueError, match="one unit"):
        statistics.mean_quantity([watts, watts.model_copy(update={"unit": "J"})])


def test_mean_of_exact_values() -> None:
    """Gaps are exact each; their mean has the standard error of five problems."""
    mean = statistics.mean_value([0.0, 0.1, 0.2])

    assert isinstance(mean, Quantity)
    assert mean.value == pytest.approx(0.1)
    assert mean.u == pytest.approx(0.1 / math.sqrt(3))
    assert isinstance(statistics.mean_value([]), Absent)


@pytest.mark.parametrize("count", [2, 3, 5, 100])
def test_equal_values_have_no_spread(count: int) -> None:
    """Neither equal values nor ones that differ by rounding in the last place have a spread."""
    value = 0.1 + 0.2
    found = statistics.mean_value([value, 0.3] * count)
    same = statistics.mean_value([value] * count)

    assert isinstance(found, Quantity)
    assert isinstance(same, Quantity)
    assert (found.u, same.u, same.value) == (0.0, 0.0, value)


def test_a_ratio_that_never_varies_has_no_spread() -> None:
    """The geometric mean of equal ratios has no uncertainty of the last bit."""
    third = statistics.Interval(low=1 / 3, high=1 / 3)
    mean = statistics.geometric_mean([third] * 7)

    assert isinstance(mean, statistics.Interval)
    assert mean.u == 0.0
