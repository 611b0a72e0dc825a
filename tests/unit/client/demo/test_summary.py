"""summary.json: its shape, the agreement of measured and true, what is absent."""

from __future__ import annotations

import json

import pytest

from neurorig.demo import summary
from neurorig.demo.results import Agreement, agreement, comparisons, with_truth
from neurorig.errors import ClientError
from neurorig_protocols.workloads.qubo.qubo_records import FixedTimeout, TimeToSolution

ATTEMPT_KEYS = {
    "job",
    "board",
    "reality",
    "workload",
    "scenario",
    "best_cost",
    "official_target",
    "gap",
    "best_target",
    "best_gap",
    "tts",
    "energy",
    "solution",
}


@pytest.fixture
def joined(result, measured, windows):
    """Three results: virtual and 0.015 J too high, virtual digits, and a physical one without energy."""
    results = [
        result(energy=measured(0.015)),
        result(energy=measured(), digits=True, attempt="a2"),
        result(reality="physical", attempt="a3"),
    ]
    return with_truth(results, {"a1": windows, "a2": windows})


def test_the_shape_of_the_summary(joined):
    """The summary is JSON with attempts, digits and totals; each attempt has exactly the agreed keys."""
    found = json.loads(json.dumps(summary.build(joined), allow_nan=False))

    assert set(found) == {"attempts", "digits", "totals"}
    assert [set(entry) for entry in found["attempts"]] == [ATTEMPT_KEYS] * 2
    assert found["attempts"][0]["workload"] == {"name": "qubo-mis", "n": 250, "density": 0.05, "seed": 0}
    assert found["attempts"][0]["scenario"] == "fixed-timeout 10 ms"
    assert found["attempts"][0]["best_cost"] == -63
    assert found["attempts"][0]["gap"] == 0.0597
    assert (found["attempts"][0]["best_target"], found["attempts"][0]["best_gap"]) == (-69, 0.087)
    assert found["attempts"][0]["solution"] == "AAAA"


def test_gaps_that_were_not_reached_are_null(joined):
    """A reached gap has latency and energy, one that was not reached has null for both."""
    assert summary.qubo_entry(joined[0])["tts"] == [
        {"gap": 0.1, "latency_s": 0.004, "energy_j": 0.0123},
        {"gap": 0.01, "latency_s": None, "energy_j": None},
    ]


def test_energy_stands_beside_its_truth(joined):
    """Each cell carries measured, uncertainty, grade and truth; a physical attempt has no cell without a monitor."""
    cells = summary.qubo_entry(joined[0])["energy"]
    run = next(c for c in cells if (c["component"], c["phase"]) == ("neurocores", "run"))

    assert run == {
        "component": "neurocores",
        "phase": "run",
        "energy_j": 7.015,
        "u_j": 0.01,
        "grade": "metered",
        "true_j": 7.0,
    }
    assert summary.qubo_entry(joined[2])["energy"] == []


def test_a_physical_energy_has_no_truth(result, measured):
    """Measured on a physical bench, a cell's truth is null."""
    [found] = with_truth([result(energy=measured(), reality="physical")], {})

    assert {cell["true_j"] for cell in summary.qubo_entry(found)["energy"]} == {None}


def test_digits_are_told_per_inference(joined):
    """Energy, truth and latency of the digits are divided by all inferences of the run phase."""
    entry = summary.digits_entry(joined[1])

    assert (entry["count"], entry["correct"], entry["accuracy"]) == (4, 3, 0.75)
    assert entry["energy_j"] == pytest.approx(232.0 / 8)
    assert entry["true_j"] == pytest.approx(232.0 / 8)
    assert entry["latency_s"] == pytest.approx(0.4 / 8)


def test_a_told_latency_wins(result, measured):
    """What the board itself says of its latency is used before the windows' length."""
    found = result(energy=measured(), digits=True)
    answer = found.attempt.answer.model_copy(update={"latency_s": (0.1, None, 0.3)})
    attempt = found.attempt.model_copy(update={"answer": answer})

    own = type(found)(found.job, attempt, found.energy)

    assert summary.latency_per_inference(own, answer, 8) == pytest.approx(0.2)


def test_digits_without_energy_have_neither(result):
    """Without a measurement energy and latency are null, the accuracy stands."""
    entry = summary.digits_entry(result(digits=True))

    assert (entry["energy_j"], entry["u_j"], entry["latency_s"], entry["true_j"]) == (None,) * 4
    assert entry["accuracy"] == 0.75


def test_totals_name_what_is_absent_and_how_well_it_agrees(joined):
    """The totals count cells, coverage and largest errors of virtual benches and give reasons for missing energy."""
    totals = summary.build(joined)["totals"]

    assert totals["attempts"] == 3
    assert totals["states"] == {"succeeded": 3}
    assert list(totals["energy_absent"].values()) == ["no monitor"]
    assert totals["virtual"]["cells"] == 12
    assert totals["virtual"]["covered_by_2u"] == 1.0
    assert totals["virtual"]["max_relative_error_run"]["neurocores"] == pytest.approx(0.015 / 7)
    assert totals["virtual"]["max_relative_error_run_total"] == pytest.approx(0.03 / 232)


def test_coverage_counts_cells_not_totals(result, measured, windows):
    """A measurement that is off by more than 2u in every cell covers none."""
    found = agreement(comparisons(with_truth([result(energy=measured(0.021))], {"a1": windows})))

    assert (found.cells, found.covered) == (6, 0.0)


def test_nothing_compared_is_none(result):
    """Without virtual energies there is no coverage and no error, not zero."""
    assert agreement(comparisons([result()])) == Agreement(0, None, {}, None)


def test_an_attempt_without_a_verified_answer_is_an_error(result):
    """A summary is not made of an answer that nobody recomputed."""
    found = result()
    attempt = found.attempt.model_copy(update={"answer": None})
    with pytest.raises(ClientError, match="no verified answer"):
        summary.qubo_entry(type(found)(found.job, attempt, found.energy))


@pytest.mark.parametrize(
    ("scenario", "name"),
    [
        (TimeToSolution(kind="time-to-solution", limit_s=1), "time-to-solution"),
        (FixedTimeout(kind="fixed-timeout", timeout_s=0.1), "fixed-timeout 100 ms"),
    ],
)
def test_scenarios_have_distinct_names(scenario, name):
    """The two fixed timeouts can be told apart."""
    assert name == summary.scenario_name(scenario)
