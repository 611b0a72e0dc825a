"""Records as rows of text: what a page says is what the record holds."""

from __future__ import annotations

import pytest
import web_lab
import web_records

from neurorig_protocols import onboard
from neurorig_protocols.api.attempts import AttemptView
from neurorig_protocols.energy import EnergyMatrix
from neurorig_protocols.job import JobSpec, JobState
from neurorig_protocols.number_text import quantity_text
from neurorig_protocols.onboard import OnboardComponent, OnboardPower
from neurorig_protocols.quantities import Absent, Quantity
from neurorig_protocols.report import PhaseTime
from neurorig_protocols.text import job_text
from neurorig_protocols.workloads.contract import ReportedAnswer
from neurorig_protocols.workloads.digits.digits_records import ClassifierAnswerView
from neurorig_protocols.workloads.digits.digits_workload import DigitsWorkload
from neurorig_protocols.workloads.qubo import qubo_facts
from neurorig_protocols.workloads.qubo.qubo_records import Improvement, QuboAnswerView
from neurorig_server.web import attempt_tables, energy_tables
from neurorig_server.web.charts import energy_bars


@pytest.fixture(scope="module")
def view(lab: web_lab.Lab) -> AttemptView:
    """A measured QUBO attempt of the VIRTUAL bench."""
    found: AttemptView = lab.store.attempts.get(lab.ids.qubo)
    return found


@pytest.fixture(scope="module")
def matrix(lab: web_lab.Lab) -> EnergyMatrix:
    """Its energy."""
    found = lab.store.attempts.energy(lab.ids.qubo)
    assert isinstance(found, EnergyMatrix)
    return found


def test_overview_holds_every_cell_and_the_sums(matrix: EnergyMatrix) -> None:
    """Rows are components, columns phases; sums, supply and residual are the matrix's own."""
    table = energy_tables.overview(matrix)

    assert [phase for phase, _ in table.phases] == ["run", "idle", "warmup"]
    assert table.phases[0][1].startswith("3 windows, together 55.08")
    for row in table.parts:
        assert list(row.cells) == [matrix.cell(row.name, phase).energy for phase, _ in table.phases]
    run = next(total for total in matrix.totals if total.phase == "run")
    assert [row.cells[0] for row in table.sums] == [run.energy, run.supply, run.residual]
    assert {row.grade for row in (*table.parts, *table.sums)} == {"metered"}


def test_component_of_another_name_says_its_rails(matrix: EnergyMatrix) -> None:
    """A component fed by a rail of another name is shown with it."""
    details = {row.name: row.detail for row in energy_tables.overview(matrix).parts}

    assert details["management-cpu"] == "rail management"
    assert details["memory"] == ""


def test_component_without_a_cell_in_a_phase_is_absent_there(matrix: EnergyMatrix) -> None:
    """A cell that was not measured is None, not zero."""
    cells = tuple(c for c in matrix.cells if (c.component, c.phase) != ("io", "warmup"))

    table = energy_tables.overview(matrix.model_copy(update={"cells": cells}))

    assert next(row for row in table.parts if row.name == "io").cells[2] is None


def test_budget_leaves_out_only_what_is_negligible(matrix: EnergyMatrix) -> None:
    """Every line of at least one per cent of u is named, largest first."""
    row = next(r for r in energy_tables.budgets(matrix) if (r.phase, r.component) == ("run", "neurocores"))

    energy = matrix.cell("neurocores", "run").energy
    expected = [line.name for line in energy.budget if line.u >= 0.01 * energy.u]
    assert [name for name, _ in row.lines] == expected
    assert len(expected) < len(energy.budget)


def test_windows_count_from_the_first_one(matrix: EnergyMatrix) -> None:
    """Times of windows begin at zero; no more rows than asked for."""
    rows = energy_tables.window_rows(matrix.windows, 4)

    assert [row.name for row in rows] == ["idle 0", "warmup 0", "run 0", "run 1"]
    assert rows[0].begin.startswith("0")
    assert energy_tables.window_rows((), 4) == []


def texts(answer: ReportedAnswer) -> dict[str, str]:
    """Return the facts of an answer by label."""
    return {fact.label: fact.text for fact in attempt_tables.answer_facts(answer)}


def reached(answer: QuboAnswerView) -> list[dict[str, str]]:
    """Return the rows of the time-to-solution table by column."""
    table = next(table for table in qubo_facts.tables(answer) if not table.folded)
    return [dict(zip(table.columns, row, strict=True)) for row in table.rows]


def test_tiles_name_cost_gap_time_and_energy(view: AttemptView, matrix: EnergyMatrix) -> None:
    """The first numbers of the page are the recomputed ones."""
    tiles = {tile.label: tile for tile in attempt_tables.tiles(view, matrix)}

    assert isinstance(view.answer, QuboAnswerView)
    assert view.answer.verified is not None
    assert tiles["Best cost"].text == str(view.answer.verified.cost).replace("-", "−")
    assert tiles["Gap to the official target"].text == "5.97\u00a0%"
    best = view.answer.verified.best_target
    assert best is not None
    assert tiles["Gap to the best verified"].note == f"best verified cost −{-best}"
    assert tiles["Time to gap 0.01"].text == "not reached"
    run = next(total.energy for total in matrix.totals if total.phase == "run")
    assert tiles["Energy of the run phase"].text == quantity_text(run)


def test_unverified_cost_says_so(view: AttemptView) -> None:
    """A cost that the server did not recompute is not passed off as one."""
    assert view.answer is not None
    unverified = view.model_copy(update={"answer": view.answer.model_copy(update={"verified": None})})

    (tile,) = attempt_tables.tiles(unverified, None)

    assert (tile.label, tile.note) == ("Best cost, as reported", "not recomputed")
    rows = reached(unverified.answer)
    assert {row["Cost, recomputed"] for row in rows} == {"not recomputed"}
    assert {row["Energy ± 2u"] for row in rows} == {"–"}


def test_reached_and_not_reached_are_both_results(view: AttemptView) -> None:
    """A gap that was reached has latency and energy; one that was not has neither and no zero."""
    assert isinstance(view.answer, QuboAnswerView)
    first, *rest = reached(view.answer)

    assert first["Latency"] != "not reached"
    assert " ± " in first["Energy ± 2u"]
    assert [(row["Latency"], row["Energy ± 2u"]) for row in rest] == [("not reached", "–")] * 2
    curve = qubo_facts.curve(view.answer)
    assert curve is not None
    assert [name.split(" reached")[0] for _, _, name in curve.marks] == ["gap 0.1"]


def test_belief_of_a_rounding_board_is_shown_beside_not_reached(view: AttemptView) -> None:
    """Its row has no latency and no energy, but the exact cost and when the board stopped."""
    assert isinstance(view.answer, QuboAnswerView)
    assert view.answer.verified is not None
    gap = view.answer.verified.reached[0].model_copy(update={"latency_s": None, "believed_s": 0.0125, "cost": -7})
    verified = view.answer.verified.model_copy(update={"reached": (gap,)})

    (row,) = reached(view.answer.model_copy(update={"verified": verified}))

    assert (row["Energy ± 2u"], row["Cost, recomputed"]) == ("–", "\u22127")
    assert row["Latency"] == "not reached, though the board, whose weights are rounded, believed so at 12.50\u00a0ms"


def test_a_single_cost_is_noted(view: AttemptView) -> None:
    """A solver that reports only its last cost is not drawn as one that never improved."""
    assert isinstance(view.answer, QuboAnswerView)
    alone = view.answer.model_copy(update={"improvements": (Improvement(t_s=0.1, cost=-64),)})
    curve = qubo_facts.curve(alone)

    assert curve is not None
    assert "one cost only" in curve.note


def test_energy_per_inference_is_the_run_over_all_inferences(lab: web_lab.Lab) -> None:
    """Value and uncertainty of one inference are those of the run phase divided by their number."""
    matrix, view = lab.store.attempts.energy(lab.ids.digits), lab.store.attempts.get(lab.ids.digits)

    tiles = {tile.label: tile.text for tile in attempt_tables.tiles(view, matrix)}

    run = next(total.energy for total in matrix.totals if total.phase == "run")
    each = run.model_copy(update={"value": run.value / 200, "u": run.u / 200})
    assert tiles["Energy per inference"] == quantity_text(each)
    assert tiles["Accuracy"] == "98.5\u00a0%"


def test_mistakes_are_the_wrong_labels(lab: web_lab.Lab) -> None:
    """Each image that was labelled wrong is listed with both labels."""
    answer = lab.store.attempts.get(lab.ids.digits).answer

    assert isinstance(answer, ClassifierAnswerView)
    (table,) = DigitsWorkload().tables(answer)
    assert table.rows == [("17", "7", "8"), ("92", "2", "3"), ("149", "9", "0")]


def test_latency_the_board_does_not_tell_is_said(lab: web_lab.Lab) -> None:
    """No latency gives a sentence and no tile."""
    view = lab.store.attempts.get(lab.ids.digits)
    silent = view.answer.model_copy(update={"latency_s": (None,) * 200})

    assert texts(silent)["Latency per inference"] == "not reported"
    unheard = view.model_copy(update={"answer": silent})
    assert [t.label for t in attempt_tables.tiles(unheard, None)] == ["Accuracy"]
    measured = {t.label: t.text for t in attempt_tables.tiles(unheard, lab.store.attempts.energy(lab.ids.digits))}
    assert measured["Time per inference"] == "613.3\u00a0µs"


def test_activity_with_a_unit_in_its_name_is_a_quantity(view: AttemptView) -> None:
    """A board's count is a number, what ends in a unit is shown in it."""
    assert view.answer is not None
    activity = {"library_copy_s": 3.798e-4, "restarts": 9.0, "spikes": 1.5e7, "s": 2.0}
    answer = view.answer.model_copy(update={"activity": activity})

    facts = attempt_tables.answer_facts(answer)[-4:]

    assert [fact.text for fact in facts] == ["379.8\u00a0µs", "9", "15\u202f000\u202f000", "2"]
    assert facts[0].label == "Board: library copy"


def test_a_boards_rounded_cost_stands_with_its_bound(view: AttemptView) -> None:
    """A board with coarse weights stops by its own cost, which explains a target that was passed and not reached."""
    assert view.answer is not None
    rounded = view.answer.model_copy(update={"solver_cost": -64, "cost_error_bound": 12})

    told = texts(rounded)["Cost reported by the solver"]
    assert told.startswith("−64, within 12: the board's weights are rounded")
    assert "within" not in texts(view.answer)["Cost reported by the solver"]


def test_the_boards_own_power_is_told_whole_with_its_sign(view: AttemptView) -> None:
    """Total, static, signed dynamic and the idle chips' share; a reason where the sensors were not read."""
    part = OnboardComponent(component="neurocores", rails=("vdd",), mean_w=1.3)
    power = OnboardPower(components=(part,), static_w=1.5, chips_available=8, chips_allocated=2, pass_s=1, source="s")
    assert view.answer is not None
    told = texts(view.answer.model_copy(update={"onboard": power}))
    silent = view.answer.model_copy(update={"onboard": Absent(reason_code="x", reason="no board is pinned")})

    assert told["Board's own power"] == "1.300\u00a0W"
    assert told["Dynamic part, total − static"] == "−200.0\u00a0mW"
    assert told["Static part of chips that hold nothing"] == "1.125\u00a0W"
    assert told["Accuracy of the sensors, by the bench"] == "not declared"
    assert texts(silent)["Board's own power"] == "absent: no board is pinned"
    assert "Board's own power" not in texts(view.answer)


def test_energy_of_the_boards_own_sensors_is_shown_with_its_grade() -> None:
    """The tables take a matrix without windows on a trace, and say `onboard`."""
    part = OnboardComponent(component="neurocores", rails=("vdd",), mean_w=1.3)
    power = OnboardPower(components=(part,), chips_available=8, chips_allocated=2, pass_s=1, accuracy=0.05, source="s")
    found = onboard.matrix(power, [0.01], "physical")
    assert isinstance(found, EnergyMatrix)

    table = energy_tables.overview(found)

    assert table.parts[0].grade == table.sums[0].grade == "onboard"
    assert [row.lines[0][0] for row in energy_tables.budgets(found)] == [onboard.ACCURACY]
    assert energy_tables.window_rows(found.windows, 10) == []
    assert energy_bars(found).name == "energy"


def test_times_of_one_phase_are_one_row() -> None:
    """Several times become mean, least and largest; clocks are never mixed."""
    times = [PhaseTime(phase="run", index=i, duration_s=s, clock="dut") for i, s in enumerate((0.01, 0.02, 0.03))]
    times += [PhaseTime(phase="load", index=0, duration_s=0.5), PhaseTime(phase="run", index=3, duration_s=1)]

    rows = attempt_tables.time_rows(times)

    assert [(row.phase, row.clock, row.n) for row in rows] == [
        ("run", "dut", 3),
        ("load", "host", 1),
        ("run", "host", 1),
    ]
    assert [rows[0].mean, rows[0].least, rows[0].largest] == ["20.00\u00a0ms", "10.00\u00a0ms", "30.00\u00a0ms"]
    assert rows[1].least == "–"


def test_kpi_sheet_says_why_a_number_is_missing(lab: web_lab.Lab) -> None:
    """On an unmetered bench the energy is absent with the bench's own reason."""
    sheet = {kpi.name: kpi.value for kpi in attempt_tables.kpis(lab.store.attempts.get(lab.ids.unmetered), None)}

    assert isinstance(sheet["energy"], Absent)
    assert "RAPL cannot be read" in sheet["energy"].reason
    assert isinstance(sheet["score"], Quantity)


def test_attempt_without_a_report_has_no_kpi_sheet(lab: web_lab.Lab) -> None:
    """A running attempt shows no sheet of absences."""
    assert attempt_tables.kpis(lab.store.attempts.get(lab.ids.running), None) == ()


@pytest.mark.parametrize(
    ("needs", "text"),
    [
        ({}, "any bench"),
        ({"board": "loihi"}, "board loihi"),
        (
            {"bench": "b", "reality": "physical", "metered": False, "tags": ["x", "y"]},
            "bench b, physical, not metered, tags x, y",
        ),
    ],
)
def test_needs_are_a_phrase(needs: dict[str, object], text: str) -> None:
    """What a job asks of a bench is said in words, and asking nothing too."""
    assert job_text.needs_text(web_records.qubo_spec(needs=needs)) == text


def test_workloads_are_phrases() -> None:
    """Workload and scenario are said with their numbers."""
    spec: JobSpec = web_records.qubo_spec()

    assert job_text.workload_text(spec) == "qubo-mis, n = 250, density 5\u00a0%, seed 0"
    assert job_text.scenario_text(spec) == "time to solution, gaps 0.1, 0.05, 0.01, limit 50\u00a0ms"
    assert job_text.workload_text(web_records.digits_spec()) == "mnist-digits, 200 images from number 0"
    assert set(job_text.STATES) == set(JobState)


def test_reasons_become_sentences() -> None:
    """A reason begins with a capital letter and ends with a full stop, and keeps its names as they are."""
    assert job_text.sentence("no RAPL here") == "No RAPL here."
    assert job_text.sentence("It is so.") == "It is so."


def test_facts_are_flat_and_bounded() -> None:
    """Nested facts get dotted names; neither their number nor their length can fill a page."""
    nested = {"a": {"b": 1, "c": [1, 2]}, "d": [{"e": None}], "long": "x" * 1000, "f": {}}

    found = dict(job_text.facts(nested))

    assert found["a.b"] == "1"
    assert found["a.c"] == "1, 2"
    assert found["d.0.e"] == "—"
    assert len(found["long"]) < 500
    assert len(job_text.facts({str(i): i for i in range(5000)})) == job_text.MOST_FACTS + 1
    assert job_text.facts({}) == []
