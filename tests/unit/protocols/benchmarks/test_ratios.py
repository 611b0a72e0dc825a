"""Ratios of measured numbers, held against GTC, which knows nothing of benches."""

from __future__ import annotations

import math
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from neurorig_protocols.benchmarks import ratios
from neurorig_protocols.benchmarks.ratios import COMMON, Ratio, Refusal
from neurorig_protocols.benchmarks.statistics import INDEPENDENT, Run
from neurorig_protocols.quantities import Absent, BudgetLine, Quantity
from neurorig_protocols.uncertain import Inputs, as_quantity

shares = st.floats(1e-4, 0.1)
names = ["gain", "offset", "timebase", "noise", "edges", "resolution", "sensor accuracy, declared by the bench"]
lines = st.dictionaries(st.sampled_from(names), shares, min_size=1)
readings = st.tuples(st.floats(0.1, 100), lines)
sides = st.sampled_from(["bench-a", "bench-b"])


def quantity(value: float, relative: dict[str, float]) -> Quantity:
    """A power with relative budget lines."""
    budget = tuple(BudgetLine(name=name, u=value * share) for name, share in relative.items())
    return Quantity(value=value, unit="W", u=math.hypot(*(b.u for b in budget)), grade="metered", budget=budget)


def in_gtc(inputs: Inputs, found: Quantity, bench: str, attempt: str) -> Any:
    """The same number in GTC: inputs of one name are one input."""
    number = inputs.zero() + found.value
    for line in found.budget:
        unshared = attempt if line.name in INDEPENDENT else f"{attempt.partition('-')[0]} of {bench}"
        owner = bench if line.name in COMMON else unshared
        number = number + line.u * inputs.normal(f"{line.name}:{owner}", 1.0)
    return number


@given(st.lists(st.tuples(readings, readings, sides, sides), min_size=1, max_size=5))
def test_uncertainties_equal_those_of_gtc(pairs: list[Any]) -> None:
    """Every ratio and the geometric mean of all have GTC's standard uncertainty, correlations included."""
    from GTC import exp, log

    inputs, made, known, total = Inputs(), [], [], 0.0
    for k, (left, right, left_bench, right_bench) in enumerate(pairs):
        a, b = quantity(*left), quantity(*right)
        whos = ((left_bench, f"left-{k}"), (right_bench, f"right-{k}"))
        ratio = ratios.of_quantities(a, b, *whos)
        expected = in_gtc(inputs, a, *whos[0]) / in_gtc(inputs, b, *whos[1])
        assert isinstance(ratio, Ratio)
        assert ratio.u == pytest.approx(float(expected.u), rel=1e-6, abs=1e-9)
        made.append(ratio)
        known.append((a, b, whos))
        total = total + log(expected)
    mean = ratios.geometric_mean(made, known)
    expected = as_quantity(exp(total / len(pairs)), "1", "derived")

    assert isinstance(mean, Ratio)
    assert mean.low == pytest.approx(expected.value)
    meters = math.hypot(*(line.u for line in mean.budget if line.name != "repeats"))
    assert meters == pytest.approx(expected.u, rel=1e-6, abs=1e-9)


def test_errors_of_unknown_kind_neither_cancel_nor_average_out() -> None:
    """One sensor's declared limit stays whole in the mean of any number of pairs, and counts on both sides."""
    a, b = (quantity(value, {"sensor accuracy, declared by the bench": 0.03}) for value in (2.0, 1.0))
    whos = [(("a", f"left-{k}"), ("a", f"right-{k}")) for k in range(4)]

    mean = ratios.geometric_mean([ratios.of_quantities(a, b, *who) for who in whos], [(a, b, who) for who in whos])

    assert isinstance(mean, Ratio)
    assert mean.u == pytest.approx(2 * math.hypot(0.03, 0.03))


def test_mean_of_one_ratio_has_the_meters_uncertainty_alone() -> None:
    """One pair shows no spread, so no line of the budget pretends to one; without a meter nothing is stated."""
    a, b, who = quantity(2, {"gain": 0.01}), quantity(1, {"gain": 0.02}), (("a", "1"), ("b", "2"))
    one = ratios.of_quantities(a, b, *who)
    bare = Quantity(value=2.0, unit="s", u=None, grade="derived")
    unstated = ratios.of_quantities(bare, bare, *who)

    assert isinstance(one, Ratio)
    assert ratios.geometric_mean([one], [(a, b, who)]) == one
    assert isinstance(unstated, Ratio)
    assert (unstated.low, unstated.u) == (1.0, None)
    assert ratios.geometric_mean([unstated], [(bare, bare, who)]) == unstated


def test_only_exact_numbers_are_subtracted() -> None:
    """A difference is told as exact, so nothing uncertain goes into it."""
    with pytest.raises(ValueError, match="only exact numbers"):
        ratios.difference(quantity(2, {"gain": 0.01}), quantity(1, {}))


def test_ratio_names_its_budget() -> None:
    """The lines of a ratio are those of its two sides, largest first."""
    found = ratios.of_quantities(quantity(2, {"gain": 0.01}), quantity(1, {"noise": 0.02}), ("a", "1"), ("b", "2"))

    assert isinstance(found, Ratio)
    assert [line.name for line in found.budget] == ["noise", "gain"]
    assert found.budget[0].u == pytest.approx(0.04)


@pytest.mark.parametrize(("left", "right"), [(0.0, 1.0), (1.0, 0.0), (-1.0, 1.0)])
def test_numbers_that_are_not_positive_have_no_ratio(left: float, right: float) -> None:
    """A dynamic energy may be negative; a ratio of it says nothing."""
    found = ratios.of_quantities(quantity(left, {}), quantity(right, {}), ("a", "1"), ("b", "2"))

    assert isinstance(found, Refusal)
    assert found.code == "not_positive"


def test_missing_numbers_are_refused() -> None:
    """Absent values and gaps that no report holds give their reason."""
    absent = Absent(reason_code="no_meter", reason="the bench has none")

    for found in (
        ratios.difference(absent, absent),
        ratios.of_quantities(quantity(1, {}), absent, ("a", "1"), ("b", "2")),
        ratios.of_runs(None, Run(time_s=1, reached=True)),
        ratios.mean_difference([]),
    ):
        assert isinstance(found, Refusal)
        assert found.code == "not_measured"
