"""Rows of a campaign: means over seeds, what is missing is named, what is not allowed is refused."""

from __future__ import annotations

import math
from typing import Any

import pytest
from benchmark_kit import outcome, result, watts

from neurorig_protocols.benchmarks.summary import Row, Summary, summarise_campaign
from neurorig_protocols.benchmarks.trial_results import NOT_MEASURED, ReachedGap
from neurorig_protocols.quantities import Absent, Quantity

TTS = {"kind": "time-to-solution", "gaps": [0.1, 0.01], "limit_s": 2.0}


def only_row(found: Summary) -> Row:
    """The one row there must be."""
    (row,) = found.rows
    return row


def value(found: Quantity | Absent) -> float:
    """The value there must be."""
    assert isinstance(found, Quantity), found
    return found.value


def test_five_seeds_are_one_complete_row() -> None:
    """Gap and power are means over the five seeds, the power with the meter's common error whole."""
    results = [result(seed, outcome(official=0.1 * seed, power=watts(2.0))) for seed in range(5)]

    row = only_row(summarise_campaign(results))

    assert row.complete
    assert (row.seeds, row.missing, row.seeds_text) == ((0, 1, 2, 3, 4), (), "5 of 5 seeds")
    assert value(row.gap_official) == pytest.approx(0.2)
    assert isinstance(row.power, Quantity)
    assert (row.power.value, row.power.u) == (2.0, pytest.approx(0.02))


def test_row_of_one_seed_has_no_spread() -> None:
    """A gap has no uncertainty, a time has its clock's and a power its meter's; all say n = 1."""
    row = only_row(summarise_campaign([result(0, outcome(official=0.1, power=watts(2.0)))]))

    assert isinstance(row.gap_official, Quantity)
    assert isinstance(row.solve, Quantity)
    assert isinstance(row.power, Quantity)
    assert (row.gap_official.u, row.gap_official.n) == (None, 1)
    assert (row.solve.u, row.solve.n) == (pytest.approx(0.01 * 500e-6 / 3**0.5, rel=0.05), 1)
    assert (row.power.u, row.power.n) == (pytest.approx(0.02), 1)


@pytest.mark.parametrize(("clock", "step_s"), [("host", 1e-9), ("dut", 1e-6), ("unheard of", 1e-6)])
def test_a_mean_time_is_no_better_than_its_clock(clock: str, step_s: float) -> None:
    """Seeds that agree to the last bit leave the clock's rate and step in u, each as a line of the budget."""
    seconds = 0.10000045929999998
    found = [outcome(solve_s=math.nextafter(seconds, seed % 2), clock=clock) for seed in range(5)]
    solve = only_row(summarise_campaign([result(seed, found[seed]) for seed in range(5)])).solve

    assert isinstance(solve, Quantity)
    lines = {line.name: line.u for line in solve.budget}
    assert lines == {
        "clock rate": pytest.approx(seconds * 500e-6 / math.sqrt(3)),
        "clock resolution": pytest.approx(step_s / math.sqrt(6)),
    }
    assert solve.u == pytest.approx(math.hypot(*lines.values()))


def test_mean_use_of_the_limit_has_the_spread_and_the_clock() -> None:
    """Where seeds differ, their spread is the largest line and the clock's errors come on top."""
    results = [
        result(seed, outcome(reached=(ReachedGap(0.1, 0.5 + seed),)), scenario={**TTS, "limit_s": 8.0})
        for seed in range(5)
    ]
    used = only_row(summarise_campaign(results)).to_gaps[0].latency.restricted_mean

    assert isinstance(used, Quantity)
    assert [line.name for line in used.budget] == ["repeats", "clock rate", "clock resolution"]
    assert used.budget[0].type == "A"


def test_belief_of_a_rounding_board_is_no_latency() -> None:
    """The run counts as not reached from the moment the board stopped, so no mean use of the limit is known."""
    gaps = (ReachedGap(0.1, None, NOT_MEASURED, believed_s=0.5), ReachedGap(0.01, None, NOT_MEASURED))
    row = only_row(summarise_campaign([result(0, outcome(reached=gaps), scenario=TTS)]))

    believed, missed = row.to_gaps
    assert (believed.latency.reached, believed.latency.censored) == (0, 1)
    assert believed.runs[0].latency_s is None
    assert believed.runs[0].believed_s == 0.5
    assert isinstance(believed.latency.restricted_mean, Absent)
    assert believed.latency.restricted_mean.reason_code == "not_observed"
    assert isinstance(missed.latency.restricted_mean, Quantity)


def test_missing_seeds_are_named_with_their_reasons() -> None:
    """A failed job, a waiting one and one that was never asked for: a row of two is not complete."""
    gone = Absent(reason_code="does_not_fit", reason="the chip has too few synapses")
    results = [
        result(0, outcome()),
        result(1, outcome()),
        result(2, state="failed", why=gone),
        result(3, state="queued"),
    ]

    found = summarise_campaign(results)
    row = only_row(found)

    assert not row.complete
    assert row.seeds_text == "2 of 5 seeds"
    assert [(m.seed, m.code) for m in row.missing] == [(2, "does_not_fit"), (3, "pending"), (4, "not_asked")]
    assert (found.jobs, found.pending) == (4, 1)


def test_seeds_that_another_bench_ran_say_so() -> None:
    """A campaign that two benches shared has two rows, and each says where its other seeds are."""
    results = [result(seed, outcome(bench=f"chip-{seed % 2}")) for seed in range(5)]

    even, odd = summarise_campaign(results).rows

    assert (even.seeds, odd.seeds) == ((0, 2, 4), (1, 3))
    assert {(m.code, m.reason) for m in even.missing} == {("other_machine", "chip-1 ran it with solver annealing")}
    assert [m.seed for m in odd.missing] == [0, 2, 4]


def test_evaluation_seeds_are_not_held_against_the_open_ones() -> None:
    """Five sealed seeds make a complete row; seeds 0 to 4 are not missed there."""
    row = only_row(summarise_campaign([result(seed, outcome()) for seed in (77, 5, 91, 12, 3)]))

    assert row.complete
    assert row.seeds == (3, 5, 12, 77, 91)


def test_rows_split_by_all_that_makes_numbers_differ() -> None:
    """Benches, realities, parameters, sizes and timeouts never share a row."""
    other = {"bench": "host-0", "board": "host-cpu", "reality": "physical"}
    results = [
        result(0, outcome()),
        result(0, outcome(**other)),
        result(0, outcome(), params={"sweeps": 10}),
        result(0, outcome(), n=100),
        result(0, outcome(), density=0.01),
        result(0, outcome(), scenario={"kind": "fixed-timeout", "timeout_s": 1.0}),
        result(0, outcome(), scenario=TTS),
    ]

    rows = summarise_campaign(results).rows

    assert len(rows) == len(results)
    assert {row.reality for row in rows} == {"virtual", "physical"}


def test_the_first_result_of_a_seed_stands() -> None:
    """A second run of the same seed is never chosen because it is better."""
    results = [result(0, outcome(official=0.2)), result(0, outcome(official=0.0))]

    assert value(only_row(summarise_campaign(results)).gap_official) == pytest.approx(0.2)


def test_infeasible_answers_are_flagged() -> None:
    """An answer that is no independent set is named; its gap stands as the cost gives it."""
    results = [result(seed, outcome(independent_set=seed != 3)) for seed in range(5)]

    assert only_row(summarise_campaign(results)).infeasible == (3,)


@pytest.mark.parametrize("field", ["gap_official", "gap_best", "power", "energy"])
def test_a_number_that_one_seed_lacks_is_absent(field: str) -> None:
    """A mean over fewer seeds than the row has would be of other problems."""
    bare = outcome(gaps={}, power=NOT_MEASURED, energy=NOT_MEASURED)

    row = only_row(summarise_campaign([result(0, outcome()), result(1, bare)]))

    assert isinstance(getattr(row, field), Absent)


def test_boundaries_are_not_mixed() -> None:
    """Seeds measured with different components inside have no mean power."""
    results = [result(0, outcome()), result(1, outcome(components=("neurocores",)))]

    power = only_row(summarise_campaign(results)).power

    assert isinstance(power, Absent)
    assert power.reason_code == "different_boundary"


def test_parameters_that_hang_on_the_instance_are_refused() -> None:
    """A row whose parameters differ by graph seed has no numbers, and the sentence names the parameter."""
    results = [result(seed, outcome(), params={"sweeps": 10 + seed}) for seed in range(5)]

    rows = summarise_campaign(results).rows

    for row in rows:
        assert row.refused is not None
        assert row.refused.reason_code == "per_instance_tuning"
        assert "sweeps" in row.refused.reason
        assert isinstance(row.gap_official, Absent)
        assert row.to_gaps == ()


def reached(latency_s: float | None) -> tuple[ReachedGap, ...]:
    """Gap 0.1 after 10 ms, gap 0.01 as given."""
    energy = Quantity(value=0.5, unit="J", u=0.01, grade="metered")
    return ReachedGap(0.1, 0.01, energy), ReachedGap(0.01, latency_s, energy if latency_s else NOT_MEASURED)


def test_time_to_solution_counts_what_was_not_reached() -> None:
    """Three of five reach the last gap: its median exists, its energy would be that of the easy ones."""
    latencies: list[float | None] = [0.2, 0.4, None, 0.3, None]
    results = [result(s, outcome(reached=reached(t)), scenario=TTS) for s, t in enumerate(latencies)]

    row = only_row(summarise_campaign(results))
    easy, hard = row.to_gaps

    assert (easy.gap, easy.latency.reached, easy.latency.censored) == (0.1, 5, 0)
    assert value(easy.energy) == pytest.approx(0.5)
    assert (hard.latency.reached, hard.latency.censored, hard.latency.median) == (3, 2, 0.4)
    assert isinstance(hard.energy, Absent)
    assert hard.energy.reason_code == "censored"
    assert [run.latency_s for run in hard.runs] == latencies


def test_targets_of_the_seeds_do_not_split_a_row() -> None:
    """The server writes each problem's target into its job; the row is the same."""
    scenarios = [{**TTS, "target_cost": -10 - seed} for seed in range(5)]
    results = [result(s, outcome(reached=reached(0.1)), scenario=scenarios[s]) for s in range(5)]

    assert only_row(summarise_campaign(results)).complete


def test_other_workloads_are_counted() -> None:
    """A campaign of digits gives no row and says so."""
    digits: dict[str, Any] = {"name": "mnist-digits"}

    found = summarise_campaign([result(0, workload=digits)])

    assert (found.rows, found.left_out) == ((), 1)


def test_rows_come_in_the_order_of_size_density_and_time() -> None:
    """A reader finds small problems first, short timeouts first."""
    sizes = [(100, 0.05), (10, 0.25), (10, 0.01)]
    rows = summarise_campaign([result(0, outcome(), n=n, density=d) for n, d in sizes]).rows

    assert [(row.n, row.density) for row in rows] == sorted(sizes)
