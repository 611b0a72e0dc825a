"""An attempt as tiles and table rows of text. Not for its energy matrix: that is `energy_tables`."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import groupby

from neurorig_protocols.api.attempts import AttemptView
from neurorig_protocols.energy import EnergyMatrix
from neurorig_protocols.kpi import Kpi, sheet
from neurorig_protocols.number_text import (
    count_text,
    measured_text,
    plain_text,
    quantity_text,
    uncertain_text,
)
from neurorig_protocols.quantities import Quantity
from neurorig_protocols.report import AttemptReport, PhaseTime
from neurorig_protocols.workloads import registry
from neurorig_protocols.workloads.contract import Fact, ReportedAnswer

MOST_ROWS = 200
"""Rows of a long table on a page; all of them are in the JSON."""


SUFFIXES = {"s": "s", "j": "J", "w": "W", "hz": "Hz", "bytes": "B"}
"""Ends of names that say a unit."""


@dataclass(frozen=True)
class TimeRow:
    """All times of one phase on one clock."""

    phase: str
    n: int
    mean: str
    least: str
    largest: str
    clock: str
    cached: bool


def tiles(view: AttemptView, matrix: EnergyMatrix | None) -> list[Fact]:
    """Return the numbers that a reader looks for first."""
    found = registry.of_answer(view.answer)
    headline = list(found.headline(view.answer)) if found else []
    return headline + (_energy_tiles(matrix, view.answer) if matrix else [])


def _energy_tiles(matrix: EnergyMatrix, answer: ReportedAnswer | None) -> list[Fact]:
    run = next((total.energy for total in matrix.totals if total.phase == "run"), None)
    if run is None:
        return []
    whole = Fact("Energy of the run phase", quantity_text(run), "all components and run windows, ±\u00a02u")
    workload = registry.of_answer(answer)
    inferences = workload.runs(answer) if workload else None
    if inferences is None:
        return [whole]
    # The inferences of a window share its time and energy.
    cell = next(cell for cell in matrix.cells if cell.phase == "run")
    n = inferences * cell.windows
    each = uncertain_text(run.value / n, run.k * run.known_u / n, run.unit)
    length = measured_text(cell.duration_s / n, "s")
    timed = any(fact.label == "Latency per inference" for fact in workload.headline(answer)) if workload else False
    return [
        *([] if timed else [Fact("Time per inference", length, "mean of the windows on the trace")]),
        Fact("Energy per inference", each, f"run energy over {count_text(n)} inferences, ±\u00a02u"),
        whole,
    ]


def answer_facts(answer: ReportedAnswer) -> list[Fact]:
    """Return what else there is to say of an answer, with the board's own counts."""
    found = registry.of_answer(answer)
    facts = list(found.facts(answer)) if found else []
    return [*facts, *(_activity(name, value) for name, value in answer.activity.items())]


def _activity(name: str, value: float) -> Fact:
    """Name a board's own count; one that ends in a unit is a quantity."""
    stem, _, suffix = name.rpartition("_")
    unit = SUFFIXES.get(suffix) if stem else None
    text = measured_text(value, unit) if unit else _number(value)
    return Fact(f"Board: {(stem if unit else name).replace('_', ' ')}", text)


def _number(value: float) -> str:
    return count_text(int(value)) if float(value).is_integer() else plain_text(value, "1", 6)


def time_rows(times: Sequence[PhaseTime]) -> list[TimeRow]:
    """Return one row per phase and clock, in order of measuring."""
    order = list(dict.fromkeys((t.phase, t.clock, t.cached) for t in times))
    ranked = sorted(times, key=lambda t: order.index((t.phase, t.clock, t.cached)))
    return [_time_row(list(group)) for _, group in groupby(ranked, key=lambda t: (t.phase, t.clock, t.cached))]


def _time_row(times: Sequence[PhaseTime]) -> TimeRow:
    lengths = [t.duration_s for t in times]
    several = len(lengths) > 1
    return TimeRow(
        phase=times[0].phase,
        n=len(lengths),
        mean=measured_text(sum(lengths) / len(lengths), "s"),
        least=measured_text(min(lengths), "s") if several else "–",
        largest=measured_text(max(lengths), "s") if several else "–",
        clock=times[0].clock,
        cached=times[0].cached,
    )


def kpis(view: AttemptView, matrix: EnergyMatrix | None) -> tuple[Kpi, ...]:
    """Return the KPI sheet of a reported attempt, none when nothing was reported."""
    if not view.times and view.answer is None:
        return ()
    # The sheet is made from a report; the view holds the same records, the lease's fence plays no part in it.
    report = AttemptReport(
        fence=1,
        outcome="succeeded",
        placement=view.placement,
        times=view.times,
        answer=view.answer,
        energy_absent=view.energy_absent,
    )
    return sheet(report, matrix, _score(view))


def _score(view: AttemptView) -> Quantity | None:
    found, verified = registry.of_answer(view.answer), getattr(view.answer, "verified", None)
    return None if found is None or verified is None else found.score(verified)
