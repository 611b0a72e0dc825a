"""The two charts of a campaign: what is drawn of which rows."""

from __future__ import annotations

import json
from typing import Any

from benchmark_kit import outcome, result

from neurorig_protocols.benchmarks.summary import summarise_campaign
from neurorig_protocols.benchmarks.trial_results import ReachedGap
from neurorig_server.web.charts import Chart, gap_over_timeout, reached_over_time

TTS = {"kind": "time-to-solution", "gaps": [0.1, 0.01], "limit_s": 2.0}


def figure(chart: Chart | None) -> dict[str, Any]:
    """The figure that must be there."""
    assert chart is not None
    found: dict[str, Any] = json.loads(chart.json)
    return found


def fixed(n: int, density: float, timeout_s: float, seeds: int = 5) -> list[Any]:
    """Results of one row, a tenth of a gap apart."""
    scenario = {"kind": "fixed-timeout", "timeout_s": timeout_s}
    return [result(s, outcome(0.1 * s), n=n, density=density, scenario=scenario) for s in range(seeds)]


def test_gap_chart_has_a_panel_per_density_and_a_line_per_size() -> None:
    """Means in per cent with ± 2u over the timeout; a size stands once in the legend."""
    results = [*fixed(10, 0.05, 0.01), *fixed(10, 0.05, 0.1), *fixed(50, 0.05, 0.01, 3), *fixed(10, 0.25, 0.01)]
    rows = summarise_campaign(results).rows

    drawn = figure(gap_over_timeout(rows, "gap", "virtual"))
    first = next(line for line in drawn["data"] if line["name"] == "n = 10")
    incomplete = next(line for line in drawn["data"] if line["name"] == "n = 50")

    assert len(drawn["data"]) == 3
    assert [line["name"] for line in drawn["data"] if line["showlegend"]] == ["n = 10", "n = 50"]
    assert [round(y, 9) for y in first["y"]] == [20, 20]
    assert all(first["error_y"]["array"])
    assert first["marker"]["symbol"] == ["circle", "circle"]
    assert incomplete["marker"]["symbol"] == ["circle-open"]
    assert any(note["text"] == "VIRTUAL" for note in drawn["layout"]["annotations"])


def test_reached_chart_marks_what_was_not_reached() -> None:
    """Steps end at the share that reached; a cross at the limit counts the censored runs."""

    def reached(latency_s: float | None) -> tuple[ReachedGap, ...]:
        return ReachedGap(0.1, 0.01), ReachedGap(0.01, latency_s)

    latencies = [0.2, 0.4, None, None, None]
    rows = summarise_campaign(
        [result(s, outcome(reached=reached(t)), scenario=TTS) for s, t in enumerate(latencies)]
    ).rows

    drawn = figure(reached_over_time(rows, "reached", "physical"))
    crosses = [line for line in drawn["data"] if line["mode"] == "markers"]

    assert len(drawn["data"]) == 3
    (cross,) = crosses
    assert (cross["x"], [round(y, 9) for y in cross["y"]]) == ([2.0], [40.0])
    assert "3 of 5 runs not reached" in cross["hovertemplate"]
    assert [round(y, 9) for y in drawn["data"][1]["y"]] == [0.0, 20.0, 40.0, 40.0]


def test_nothing_to_draw_is_no_chart() -> None:
    """A scenario that was not asked for, or that no run reached, has no chart."""
    only_fixed = summarise_campaign(fixed(10, 0.05, 0.01)).rows
    never = tuple(ReachedGap(gap, None) for gap in (0.1, 0.01))
    hopeless = summarise_campaign([result(0, outcome(reached=never), scenario=TTS)]).rows

    assert reached_over_time(only_fixed, "reached", "virtual") is None
    assert gap_over_timeout(hopeless, "gap", "virtual") is None
    assert gap_over_timeout([], "gap", "virtual") is None
    assert reached_over_time(hopeless, "reached", "virtual") is not None
