"""Charts as pure functions from records to Plotly figures."""

from __future__ import annotations

import json
from typing import Any

import pytest
import web_records

from neurorig_protocols.api.attempts import RailSeries, TraceSeries
from neurorig_protocols.energy import EnergyMatrix, compute
from neurorig_protocols.number_text import quantity_text
from neurorig_protocols.quantities import Absent
from neurorig_protocols.trace import Window
from neurorig_protocols.windows import align
from neurorig_protocols.workloads.contract import Curve
from neurorig_protocols.workloads.qubo.qubo_facts import WORST_GAP, levels, thinned
from neurorig_protocols.workloads.qubo.qubo_records import Improvement
from neurorig_server.objects import traces
from neurorig_server.web.charts import Chart, closer_look, energy_bars, power_trace, step_curve

Figure = dict[str, Any]


def figure_of(chart: Chart | None) -> Figure:
    """The figure that the browser will draw."""
    assert chart is not None
    figure: Figure = json.loads(chart.json)
    return figure


@pytest.fixture(scope="module")
def matrix() -> EnergyMatrix:
    """The matrix of a synthetic trace on the VIRTUAL bench."""
    found = web_records.acquired()
    windows = align(found.trace, found.windows, "level")
    profile = web_records.loihi_bench().profile
    return compute(profile, {"analyser": found.trace}, {"analyser": windows}, {"analyser": "metered"})


def of_panel(figure: Figure, row: int, kind: str) -> list[dict[str, Any]]:
    """The drawn series of one kind in one panel."""
    axis = "x" if row == 1 else f"x{row}"
    return [trace for trace in figure["data"] if trace["type"] == kind and trace.get("xaxis", "x") == axis]


def test_energy_chart_has_a_panel_per_phase_with_the_run_first(matrix: EnergyMatrix) -> None:
    """Every phase is a panel that says its windows, and the run comes first."""
    figure = figure_of(energy_bars(matrix))

    titles = [a["text"] for a in figure["layout"]["annotations"] if a.get("name") != "reality"]
    assert [title.split(",")[0] for title in titles] == ["<b>run</b>", "<b>idle</b>", "<b>warmup</b>"]
    assert "3 windows" in titles[0]


def test_energy_marks_are_the_cells_with_their_expanded_uncertainty(matrix: EnergyMatrix) -> None:
    """The mark of every component is the cell's energy, its error bar 2u, in the axis's unit."""
    figure = figure_of(energy_bars(matrix))

    (marks,) = of_panel(figure, 1, "scatter")
    assert figure["layout"]["xaxis"]["title"]["text"] == "mJ"
    cells = {name: (x, u) for name, x, u in zip(marks["y"], marks["x"], marks["error_x"]["array"], strict=True)}
    for component, (x, u) in cells.items():
        energy = matrix.cell(component, "run").energy
        assert (x, u) == (pytest.approx(energy.value * 1e3), pytest.approx(2 * energy.u * 1e3))
    assert set(cells) == {"neurocores", "memory", "io", "management-cpu", "static"}


def test_energy_bars_split_into_idle_share_and_signed_dynamic(matrix: EnergyMatrix) -> None:
    """Both bars of a component add up to its energy, and a negative dynamic stays negative."""
    figure = figure_of(energy_bars(matrix))

    idle, dynamic = of_panel(figure, 1, "bar")
    for component, share, change in zip(idle["y"], idle["x"], dynamic["x"], strict=True):
        assert share + change == pytest.approx(matrix.cell(component, "run").energy.value * 1e3)
    assert dict(zip(dynamic["y"], dynamic["x"], strict=True))["management-cpu"] < 0


def test_energy_without_a_baseline_is_one_bar(matrix: EnergyMatrix) -> None:
    """No idle window: the energy is drawn as such and nothing is said of a share."""
    absent = Absent(reason_code="no_idle_window", reason="the plan has no idle window")
    cells = [c.model_copy(update={"idle_power": absent, "dynamic": absent}) for c in matrix.cells if c.phase == "run"]
    bare = matrix.model_copy(update={"cells": tuple(cells)})

    (bar,) = of_panel(figure_of(energy_bars(bare)), 1, "bar")

    assert bar["name"] == "energy without a baseline"
    assert bar["x"][0] == pytest.approx(matrix.cell("neurocores", "run").energy.value * 1e3)


@pytest.mark.parametrize(("reality", "said"), [("virtual", True), ("physical", False)])
def test_virtual_is_written_inside_the_picture(matrix: EnergyMatrix, reality: str, said: bool) -> None:
    """A figure of a virtual bench carries the word, a physical one does not."""
    figure = figure_of(energy_bars(matrix.model_copy(update={"reality": reality})))

    assert ("VIRTUAL" in [a["text"] for a in figure["layout"]["annotations"]]) is said


@pytest.fixture(scope="module")
def series(matrix: EnergyMatrix) -> TraceSeries:
    """The synthetic trace, thinned."""
    return traces.series(web_records.acquired().trace, 500, matrix.windows)


def lines_of(figure: Figure) -> dict[str, dict[str, Any]]:
    """Drawn lines by name, without the legend's own."""
    return {t["name"]: t for t in figure["data"] if t["x"] != [None]}


def test_trace_has_a_line_per_rail_with_its_extremes(series: TraceSeries) -> None:
    """Every rail is a line through least and largest power; the supply says that it is the total."""
    figure = figure_of(power_trace(series, "virtual", total_rails=frozenset({"supply"})))

    lines = lines_of(figure)
    assert list(lines) == ["neurocores", "memory", "io", "management", "static", "supply (total)"]
    cores = series.rails[0]
    assert max(lines["neurocores"]["y"]) == pytest.approx(max(w for w in cores.max_w if w is not None), rel=1e-5)
    assert min(lines["neurocores"]["y"]) == pytest.approx(min(w for w in cores.min_w if w is not None), rel=1e-5)
    assert lines["neurocores"]["x"] == sorted(lines["neurocores"]["x"])


def test_trace_bands_are_the_windows(series: TraceSeries) -> None:
    """Every window is a band from its begin to its end; neighbours of one phase share a label."""
    figure = figure_of(power_trace(series, "physical"))

    bands = [(s["x0"], s["x1"]) for s in figure["layout"]["shapes"]]
    first = series.windows[0]
    assert len(bands) == len(series.windows) == 6
    assert bands[0] == (
        pytest.approx((first.begin_ns - series.t0_ns) * 1e-6),
        pytest.approx((first.end_ns - series.t0_ns) * 1e-6),
    )
    assert [a["text"] for a in figure["layout"]["annotations"]] == ["idle", "warmup", "run × 3", "idle"]


def window(phase: str, index: int, begin_ns: float, end_ns: float) -> Window:
    """A window on a made-up clock."""
    return Window(phase=phase, index=index, begin_ns=begin_ns, end_ns=end_ns, u_ns=1, clock="c")


def small_series(**changes: Any) -> TraceSeries:
    """Four samples of one rail, 1 ms apart."""
    rail = RailSeries(rail="r", min_w=(0.001, None, 0.002, 0.002), max_w=(0.001, None, 0.003, 0.002))
    base = {
        "monitor": "m",
        "clock": "c",
        "t0_ns": 0,
        "dt_ns": 1e6,
        "samples": 4,
        "bin": 1,
        "rails": (rail,),
        "windows": (),
    }
    return TraceSeries.model_validate(base | changes)


def test_missing_samples_are_a_gap_in_the_line() -> None:
    """A bin without samples has no power, and units fit the numbers."""
    figure = figure_of(power_trace(small_series(), "physical"))

    line = lines_of(figure)["r"]
    assert line["y"] == [1, None, 2, 3, 2]
    assert figure["layout"]["yaxis"]["title"]["text"] == "power, mW"
    assert figure["layout"]["xaxis"]["title"]["text"] == "time since the first sample, ms"


def test_many_windows_share_bands() -> None:
    """Beyond what a picture can hold, one band spans all neighbours of a phase and the label counts them."""
    windows = [window("run", i, i * 1e3, i * 1e3 + 500) for i in range(400)]

    figure = figure_of(power_trace(small_series(windows=windows), "physical"))

    assert len(figure["layout"]["shapes"]) == 1
    assert figure["layout"]["annotations"][0]["text"] == "run × 400"


def test_labels_of_bands_too_near_each_other_are_one() -> None:
    """Narrow neighbours share a slanted label; at the right end it leans left, so that nothing is cut off."""
    spans = [("idle", 0.00, 0.01), ("warmup", 0.02, 0.03), ("run", 0.3, 0.8), ("idle", 0.97, 0.98)]
    windows = [window(phase, i, begin * 4e6, end * 4e6) for i, (phase, begin, end) in enumerate(spans)]

    found = figure_of(power_trace(small_series(windows=windows), "physical"))["layout"]["annotations"]

    shown = [(a["text"], a["textangle"], a["xanchor"]) for a in found]
    assert shown == [("idle, warmup", -40, "left"), ("run", 0, "center"), ("idle", 40, "right")]


def test_closer_look_counts_from_the_window(series: TraceSeries) -> None:
    """Time zero is the window's begin, and the axis ends where the samples do."""
    run = next(w for w in series.windows if w.phase == "run")

    figure = figure_of(closer_look(series, run, "virtual"))

    band = next(s for s in figure["layout"]["shapes"] if s["x0"] == 0)
    assert band["x1"] == pytest.approx(run.duration_s * 1e3)
    begin, end = figure["layout"]["xaxis"]["range"]
    assert end - begin == pytest.approx(series.samples * series.dt_ns * 1e-6)
    assert figure["layout"]["xaxis"]["title"]["text"] == "time since the begin of run 0, ms"


def test_empty_trace_and_no_windows_still_make_a_figure() -> None:
    """Nothing to draw is a figure without points, not a failure."""
    empty = small_series(samples=0, rails=(RailSeries(rail="r", min_w=(), max_w=()),))

    assert lines_of(figure_of(power_trace(empty, "physical")))["r"]["y"] == []


def cost_curve(
    steps: list[Improvement], *, end_s: float, target: int | None, marks: tuple[tuple[float, float, str], ...] = ()
) -> Chart | None:
    """Draw the costs of a run of `end_s` seconds with the lines of a target."""
    curve = Curve(
        title="Cost against time",
        y_title="cost",
        steps=[(step.t_s, step.cost) for step in steps],
        end_s=end_s,
        levels=levels(target),
        marks=marks,
        top=target + WORST_GAP * abs(target) if target else None,
    )
    return step_curve(curve, "physical")


STEPS = [Improvement(t_s=0, cost=300), Improvement(t_s=1e-4, cost=-50), Improvement(t_s=2e-3, cost=-62)]


def test_cost_curve_draws_steps_target_and_gaps() -> None:
    """Steps over log time end with the run; the target and each gap are lines at their costs."""
    figure = figure_of(cost_curve(STEPS, end_s=0.01, target=-67, marks=((2e-3, -61, "gap 0.1"),)))

    lines = {t["name"]: t for t in figure["data"]}
    assert figure["layout"]["xaxis"]["type"] == "log"
    assert lines["best cost so far"]["line"]["shape"] == "hv"
    assert (lines["best cost so far"]["x"][-1], lines["best cost so far"]["y"][-1]) == (0.01, -62)
    assert [lines[n]["y"][0] for n in lines if n.startswith(("official", "gap 0"))] == [-67, -64, -61]
    assert (lines["gap reached"]["x"], lines["gap reached"]["y"]) == ([2e-3], [-61])


def test_cost_at_the_start_holds_from_the_left_end() -> None:
    """A log axis has no zero: the first cost begins at the axis's left end and keeps its value."""
    figure = figure_of(cost_curve(STEPS, end_s=0.01, target=-67))

    steps = next(t for t in figure["data"] if t["name"] == "best cost so far")
    assert 0 < steps["x"][0] < 1e-4
    assert steps["y"][0] == 300


@pytest.mark.parametrize(("target", "top"), [(-67, 30), (None, 330)])
def test_cost_axis_opens_where_it_matters(target: int | None, top: float) -> None:
    """With a target, random first costs do not flatten the curve; the data keep them."""
    figure = figure_of(cost_curve(STEPS, end_s=0.01, target=target))

    low, high = figure["layout"]["yaxis"]["range"]
    assert low < (target or -62)
    assert high == pytest.approx(top, abs=10)


def test_cost_that_never_fell_is_still_in_view() -> None:
    """A solver that stayed above every gap is drawn, not left outside the axis."""
    steps = [Improvement(t_s=1e-3, cost=500), Improvement(t_s=2e-3, cost=400)]

    figure = figure_of(cost_curve(steps, end_s=0.01, target=-67))

    assert figure["layout"]["yaxis"]["range"][1] > 400


@pytest.mark.parametrize("steps", [[], [Improvement(t_s=0, cost=1)]])
def test_no_time_no_curve(steps: list[Improvement]) -> None:
    """Without a step at a positive time there is nothing to draw over log time."""
    assert cost_curve(steps, end_s=1, target=-5) is None


@pytest.mark.parametrize(
    ("end_s", "ticks"),
    [(0.01, ["100 µs", "1 ms", "10 ms"]), (3e-4, ["50 µs", "100 µs", "200 µs"])],
)
def test_time_axis_has_round_instants(end_s: float, ticks: list[str]) -> None:
    """Decades on a long axis, also 2 and 5 on a short one, each with its unit."""
    steps = [Improvement(t_s=1e-4, cost=5), Improvement(t_s=end_s * 0.9, cost=4)]

    axis = figure_of(cost_curve(steps, end_s=end_s, target=None))["layout"]["xaxis"]

    assert [text.replace("\u00a0", " ") for text in axis["ticktext"]] == ticks


def test_single_cost_is_a_mark_and_said() -> None:
    """A solver that tells only its last cost leaves a visible mark and a sentence."""
    chart = cost_curve([Improvement(t_s=0.1, cost=-64)], end_s=0.1, target=-67)

    steps = next(t for t in figure_of(chart)["data"] if t["name"] == "best cost so far")
    assert steps["mode"] == "lines+markers"
    assert chart is not None


def test_gaps_that_round_to_one_cost_share_a_line() -> None:
    """Small targets make gaps coincide; no line hides another."""
    assert dict(levels(-67)) == {-67: "official target, gap 0.01", -64: "gap 0.05", -61: "gap 0.1"}
    assert levels(None) == {}
    assert levels(0) == {}


def test_the_best_verified_target_has_a_line() -> None:
    """It stands beside the official one, shares its line where both cost the same, and needs no official one."""
    assert dict(levels(-67, best=-69)) == {
        -69: "best verified target",
        -67: "official target, gap 0.01",
        -64: "gap 0.05",
        -61: "gap 0.1",
    }
    assert levels(-67, best=-67)[-67] == "best verified target, official target, gap 0.01"
    assert dict(levels(None, best=-5)) == {-5: "best verified target"}


def test_thinning_keeps_first_last_and_order() -> None:
    """A hundred thousand steps become a few thousand; start, end and order of the curve stay."""
    steps = [Improvement(t_s=0, cost=100_001)] + [
        Improvement(t_s=1e-6 * 1.0001**i, cost=100_000 - i) for i in range(100_000)
    ]

    kept = thinned(steps, 1000)

    assert 500 < len(kept) <= 1002
    assert (kept[0], kept[-1]) == (steps[0], steps[-1])
    assert [s.t_s for s in kept] == sorted(s.t_s for s in kept)


def test_quantities_are_shown_on_hover(matrix: EnergyMatrix) -> None:
    """Whoever points at a mark reads value, uncertainty and grade."""
    (marks,) = of_panel(figure_of(energy_bars(matrix)), 1, "scatter")

    assert marks["customdata"][0] == [quantity_text(matrix.cell("neurocores", "run").energy), "metered"]
