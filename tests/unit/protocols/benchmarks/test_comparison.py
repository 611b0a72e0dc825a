"""Which numbers of two sides are compared, and what stands where one is not."""

from __future__ import annotations

import itertools
import math
from typing import Any

import pytest
from benchmark_kit import outcome, result, watts

from neurorig_protocols.bench import Boundary, Omitted
from neurorig_protocols.benchmarks.comparison import REQUIRED, Comparison, Entry, Total, compare
from neurorig_protocols.benchmarks.ratios import Difference, Ratio, Refusal
from neurorig_protocols.benchmarks.trial_results import NOT_MEASURED, Outcome, ReachedGap, Result
from neurorig_protocols.quantities import Absent, Quantity

TTS = {"kind": "time-to-solution", "gaps": [0.05], "limit_s": 2.0}


def cpu(**fields: Any) -> Outcome:
    """An outcome of another VIRTUAL machine with the same boundary."""
    return outcome(**{"bench": "cpu-0", "board": "host-cpu", **fields})


def entry(found: Comparison, metric: str) -> Entry:
    """The entry of the only pair."""
    (pair,) = found.pairs
    return next(e for e in pair.entries if e.metric == metric)


def total(found: Comparison, metric: str) -> Total:
    """The total of a number."""
    return next(t for t in found.totals if t.metric == metric)


def refusal(found: object) -> str:
    """The code of a refusal that must be there."""
    assert isinstance(found, Refusal), found
    assert found.sentence.endswith((".", ")"))
    return found.code


def ratio(found: object) -> Ratio:
    """The ratio that must be there."""
    assert isinstance(found, Ratio), found
    return found


def test_equal_conditions_give_a_ratio_with_uncertainty() -> None:
    """Powers of two meters divide, and their relative uncertainties add in squares."""
    found = compare([result(0, outcome(power=watts(2.0)))], [result(0, cpu(power=watts(8.0)))])

    power = ratio(entry(found, "power").result)

    assert power.low == power.high == pytest.approx(0.25)
    assert power.u == pytest.approx(0.25 * math.hypot(0.01, 0.01))
    assert {line.name for line in power.budget} == {"gain"}


def test_errors_of_one_meter_cancel() -> None:
    """Two readings of the same bench share their gain error, so their ratio has none."""
    found = compare([result(0, outcome(power=watts(2.0)))], [result(0, outcome(power=watts(8.0)))])

    assert ratio(entry(found, "power").result).u == pytest.approx(0, abs=1e-12)


HIDDEN: dict[str, dict[str, Any]] = {
    "different_reality": {"reality": "physical"},
    "different_start_event": {"start_event": "problem sent"},
    "different_boundary": {"boundary": Boundary(components=("processor",), rails=("package",))},
    "different_grade": {"power": watts(8.0, grade="onboard"), "energy": watts(0.1, unit="J", grade="onboard")},
    "not_measured": {"power": NOT_MEASURED, "energy": NOT_MEASURED},
}
RULE_OF = {
    "different_reality": "reality",
    "different_start_event": "start_event",
    "different_boundary": "boundary",
    "different_grade": "grade",
}


@pytest.mark.parametrize(("code", "metric"), list(itertools.product(RULE_OF, ("power", "energy"))))
def test_table_decides_what_is_refused(code: str, metric: str) -> None:
    """A number is refused with the rule's code if the table asks for the rule, and compared if not."""
    found = compare([result(0, outcome())], [result(0, cpu(**HIDDEN[code]))])

    compared = entry(found, metric).result

    if RULE_OF[code] in REQUIRED[metric]:
        assert refusal(compared) == code
    else:
        assert isinstance(compared, Ratio)


@pytest.mark.parametrize("code", HIDDEN)
def test_costs_and_gaps_always_compare(code: str) -> None:
    """A solution is a solution, whatever the clocks, meters and realities are."""
    found = compare([result(0, outcome(0.2))], [result(0, cpu(official=0.05, cost=-8, **HIDDEN[code]))])

    gap, cost = (entry(found, name).result for name in ("gap to official", "cost"))

    assert isinstance(gap, Difference)
    assert isinstance(cost, Difference)
    assert (gap.value, cost.value) == (pytest.approx(0.15), -1)


def test_what_was_not_measured_is_said() -> None:
    """An unmetered side gives no ratio and names the side."""
    found = compare([result(0, outcome())], [result(0, cpu(power=NOT_MEASURED))])

    power = entry(found, "power").result

    assert refusal(power) == "not_measured"
    assert isinstance(power, Refusal)
    assert "right" in power.sentence


def test_left_out_components_count_too() -> None:
    """The same components inside with others left out is another boundary."""
    inside = ("neurocores", "memory")
    other = Boundary(components=inside, rails=("a",), omitted=(Omitted(component="host", reason="no channel"),))

    found = compare([result(0, outcome())], [result(0, cpu(boundary=other))])

    assert refusal(entry(found, "power").result) == "different_boundary"


def reached(latency_s: float | None) -> dict[str, Any]:
    """An outcome's field for the only gap."""
    energy: Quantity | Absent = watts(0.5, unit="J")
    return {"reached": (ReachedGap(0.05, latency_s, energy if latency_s else NOT_MEASURED),)}


def to_gap(seed: int, made: Outcome) -> Result:
    """A result of the time-to-solution scenario."""
    return result(seed, made, scenario=TTS)


@pytest.mark.parametrize(
    ("left", "right", "relation", "bound"), [(0.5, 1.0, "=", 0.5), (None, 1.0, ">=", 2.0), (1.0, None, "<=", 0.5)]
)
def test_runs_that_never_reached_give_bounds(
    left: float | None, right: float | None, relation: str, bound: float
) -> None:
    """A censored latency makes the ratio a bound and leaves the energy without one."""
    found = compare([to_gap(0, outcome(**reached(left)))], [to_gap(0, cpu(**reached(right)))])

    latency = ratio(entry(found, "latency").result)
    energy = entry(found, "energy")

    assert latency.relation == relation
    assert bound in (latency.low, latency.high)
    assert energy.to_gap == 0.05
    if relation == "=":
        assert ratio(energy.result).low == pytest.approx(1)
    else:
        assert refusal(energy.result) == "censored"


def test_neither_side_reached_it() -> None:
    """Two censored runs have no ratio at all."""
    found = compare([to_gap(0, outcome(**reached(None)))], [to_gap(0, cpu(**reached(None)))])

    assert refusal(entry(found, "latency").result) == "censored"


def test_a_gap_beyond_the_limit_is_not_reached() -> None:
    """A board that went on past the limit has not reached the gap in time."""
    found = compare([to_gap(0, outcome(**reached(2.5)))], [to_gap(0, cpu(**reached(1.0)))])

    assert ratio(entry(found, "latency").result).relation == ">="


def test_totals_keep_the_common_error_and_add_the_spread() -> None:
    """The geometric mean over seeds has the meters' errors once and the standard error of the seeds."""
    left = [result(seed, outcome(power=watts(2.0))) for seed in range(4)]
    right = [result(seed, cpu(power=watts(w))) for seed, w in enumerate((4.0, 4.0, 16.0, 16.0))]

    power = total(compare(left, right), "power")
    mean = ratio(power.mean)

    assert (power.pairs, power.compared) == (4, 4)
    assert mean.low == pytest.approx(0.25)
    spread = 0.25 * math.log(4) / 2 / math.sqrt(3)
    assert mean.u == pytest.approx(math.hypot(0.25 * math.hypot(0.01, 0.01), spread))
    assert isinstance(power.median, Ratio)


def test_total_over_one_pair_has_no_spread() -> None:
    """A difference of one pair states no uncertainty; latencies keep their clocks', a power its meters'."""
    found = compare([to_gap(0, outcome(**reached(1.0)))], [to_gap(0, cpu(**reached(2.0)))])
    gap, latency, power = (total(found, name).mean for name in ("gap to official", "latency", "power"))

    assert isinstance(gap, Difference)
    assert (gap.u, gap.n) == (None, 1)
    clocks = math.hypot(500e-6, 500e-6) / math.sqrt(3)
    assert (ratio(latency).low, ratio(latency).u, ratio(latency).n) == (0.5, pytest.approx(0.5 * clocks, rel=1e-3), 1)
    assert "repeats" not in {line.name for line in ratio(latency).budget}
    assert ratio(power).u == ratio(entry(found, "power").result).u == pytest.approx(math.hypot(0.01, 0.01))
    assert "repeats" not in {line.name for line in ratio(power).budget}


def test_rounded_cost_gives_a_bound_from_when_the_board_gave_up() -> None:
    """A board that stopped at its own, wrong cost has run for that long without reaching it, not to the limit."""
    believed = ReachedGap(0.05, None, NOT_MEASURED, believed_s=0.5)
    found = compare([to_gap(0, outcome(reached=(believed,)))], [to_gap(0, cpu(**reached(1.0)))])

    latency = ratio(entry(found, "latency").result)

    assert (latency.relation, latency.low, latency.high) == (">=", 0.5, None)


def test_totals_count_what_was_refused() -> None:
    """A refused number says in its total why and how often."""
    left = [result(seed, outcome()) for seed in range(3)]
    right = [result(seed, cpu(reality="physical")) for seed in range(3)]

    power = total(compare(left, right), "power")

    assert refusal(power.mean) == "different_reality"
    assert power.refused == {"different_reality": 3}
    assert (power.compared, power.median) == (0, None)


def test_bounds_stay_bounds_in_the_total() -> None:
    """The mean of an exact ratio and a lower bound is a lower bound."""
    left = [to_gap(0, outcome(**reached(1.0))), to_gap(1, outcome(**reached(None)))]
    right = [to_gap(seed, cpu(**reached(0.5))) for seed in range(2)]

    mean = ratio(total(compare(left, right), "latency").mean)

    assert (mean.relation, mean.low, mean.u) == (">=", pytest.approx(math.sqrt(2 * 4)), None)


def test_numbers_that_are_not_positive_have_no_geometric_mean() -> None:
    """A signed energy is not forced into a logarithm."""
    zero = Quantity(value=0.0, unit="W", u=0.1, grade="metered")
    found = compare([result(0, outcome())], [result(0, cpu(power=zero))])

    assert refusal(entry(found, "power").result) == "not_positive"


def test_jobs_without_counterpart_are_listed() -> None:
    """Another problem, another scenario, a failed job and a waiting one stand beside the pairs."""
    failed = Absent(reason_code="does_not_fit", reason="too few synapses")
    left = [result(0, outcome()), result(1, outcome()), result(2, outcome()), result(3, state="queued")]
    right = [
        result(0, cpu()),
        result(1, cpu(), n=50),
        result(2, state="failed", why=failed),
        result(3, cpu()),
    ]

    found = compare(left, right)

    assert len(found.pairs) == 1
    assert found.pending == 1
    codes = sorted((u.side, u.refusal.code) for u in found.unpaired)
    assert codes == [
        ("left", "different_problem"),
        ("left", "no_result"),
        ("right", "different_problem"),
        ("right", "no_result"),
    ]


def test_gaps_from_two_targets_are_two_scenarios() -> None:
    """A best verified target that fell between the two submissions leaves nothing to compare."""
    targets = [{**TTS, "reference": "best-verified", "target_cost": cost} for cost in (-10, -11)]
    left, right = (result(0, outcome(**reached(1.0)), scenario=scenario) for scenario in targets)

    found = compare([left], [right])

    assert found.pairs == ()
    assert {u.refusal.code for u in found.unpaired} == {"different_problem"}


def test_workloads_without_a_scenario_are_passed_over() -> None:
    """Digits have no problem that another solver could be given."""
    digits = result(0, workload={"name": "mnist-digits"})

    assert compare([digits], [digits]).pairs == ()
