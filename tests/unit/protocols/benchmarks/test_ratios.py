"""Ratios of measured numbers, held against GTC, which knows nothing of benches."""

from __future__ import annotations

import math
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from neurorig_protocols.benchmarks import ratios
from neurorig_protocols.benchmarks.ratios import COMMON, Ratio, Refusal
from neurorig_protocols.benchmarks.statistics import Run
from neurorig_protocols.quantities import Absent, BudgetLine, Quantity
from neurorig_protocols.uncertain import Inputs, as_quantity

shares = st.floats(1e-4, 0.1)
lines = st.dictionaries(st.sampled_from(["gain", "offset", "timebase", "noise", "edges"]), shares, min_size=1)
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
        number = number + line.u * inputs.normal(f"{line.name}:{bench if line.name in COMMON else attempt}", 1.0)
    return number


@settings(deadline=None)
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
