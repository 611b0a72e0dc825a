"""An attempt as tiles and table rows of text. Not for its energy matrix: that is `energy_tables`."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import groupby

from neurorig_protocols.api.attempts import (
    AnswerView,
    AttemptView,
    ClassifierAnswerView,
    QuboAnswerView,
    SnnAnswerView,
    VerifiedQubo,
)
from neurorig_protocols.energy import EnergyMatrix
from neurorig_protocols.job import Reference
from neurorig_protocols.kpi import Kpi, sheet
from neurorig_protocols.quantities import Absent, Quantity
from neurorig_protocols.report import AttemptReport, Improvement, PhaseTime
from neurorig_protocols.text.number_text import (
    count_text,
    measured_text,
    percent_text,
    plain_text,
    quantity_text,
    uncertain_text,
)
from neurorig_server.web import answer_rows
from neurorig_server.web.charts.cost_curve import Passage, thinned

MOST_ROWS = 200
"""Rows of a long table on a page; all of them are in the JSON."""


REFERENCES: dict[Reference, str] = {
    "official": "official target",
    "best-verified": "best verified target",
    "given": "target the job gave",
}

SUFFIXES = {"s": "s", "j": "J", "w": "W", "hz": "Hz", "bytes": "B"}
"""Ends of names that say a unit."""


@dataclass(frozen=True)
class Tile:
    """One number at the top of the page."""

    label: str
    value: str
    detail: str = ""


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


@dataclass(frozen=True)
class ReachedRow:
    """One gap of the time-to-solution scenario; no latency means not reached.

    `believed` is when a board that rounds weights believed to have reached it.
    """

    gap: str
    reference: str
    target_cost: str
    cost: str
    latency: str | None
    energy: Quantity | Absent | None
    believed: str | None = None


def tiles(view: AttemptView, matrix: EnergyMatrix | None) -> list[Tile]:
    """Return the numbers that a reader looks for first."""
    answer = view.answer
    found: list[Tile] = []
    if isinstance(answer, QuboAnswerView):
        found += _qubo_tiles(answer)
    elif isinstance(answer, ClassifierAnswerView):
        found += _classifier_tiles(answer)
    elif isinstance(answer, SnnAnswerView):
        found += [Tile(*told) for told in answer_rows.headline(answer)]
    return found + (_energy_tiles(matrix, answer) if matrix else [])


def _energy_tiles(matrix: EnergyMatrix, answer: AnswerView | None) -> list[Tile]:
    run = next((total.energy for total in matrix.totals if total.phase == "run"), None)
    if run is None:
        return []
    whole = Tile("Energy of the run phase", quantity_text(run), "all components and run windows, ±\u00a02u")
    if not isinstance(answer, ClassifierAnswerView):
        return [whole]
    # Each run window is one image; its inferences share the window's time and energy.
    cell = next(cell for cell in matrix.cells if cell.phase == "run")
    n = answer.iterations * cell.windows
    each = uncertain_text(run.value / n, run.k * run.known_u / n, run.unit)
    found = [Tile("Energy per inference", each, f"run energy over {count_text(n)} inferences, ±\u00a02u"), whole]
    if all(latency is None for latency in answer.latency_s):
        length = measured_text(cell.duration_s / n, "s")
        found.insert(0, Tile("Time per inference", length, "mean of the windows on the trace"))
    return found


def _qubo_tiles(answer: QuboAnswerView) -> list[Tile]:
    verified = answer.verified
    if verified is None:
        return [Tile("Best cost, as reported", count_text(answer.solver_cost), "not recomputed")]
    target = "no official target" if verified.official_target is None else count_text(verified.official_target)
    known = "none known" if verified.best_target is None else count_text(verified.best_target)
    found = [
        Tile("Best cost", count_text(verified.cost), "xᵀQx, recomputed by the server"),
        Tile("Gap to the official target", _gap(verified.gap), f"official target {target}"),
        Tile("Gap to the best verified", _gap(verified.best_gap), f"best verified cost {known}"),
    ]
    if verified.reached:
        best = min(verified.reached, key=lambda reached: reached.gap)
        latency = "not reached" if best.latency_s is None else measured_text(best.latency_s, "s")
        found.append(Tile(f"Time to gap {best.gap:g}", latency, f"cost {count_text(int(best.target_cost))} or below"))
    return found


def _gap(gap: float | Absent) -> str:
    return "not defined" if isinstance(gap, Absent) else percent_text(gap)


def _classifier_tiles(answer: ClassifierAnswerView) -> list[Tile]:
    found: list[Tile] = []
    if answer.verified is not None:
        v = answer.verified
        found.append(Tile("Accuracy", percent_text(v.accuracy), f"{v.correct} of {v.count}, recounted by the server"))
    latencies = [s for s in answer.latency_s if s is not None]
    if latencies:
        mean = sum(latencies) / len(latencies)
        found.append(Tile("Latency per inference", measured_text(mean, "s"), f"mean of {count_text(len(latencies))}"))
    return found


def answer_facts(answer: AnswerView) -> list[tuple[str, str]]:
    """Return what else there is to say of an answer."""
    if isinstance(answer, QuboAnswerView):
        found = _qubo_facts(answer)
    else:
        found = answer_rows.snn_facts(answer) if isinstance(answer, SnnAnswerView) else _classifier_facts(answer)
    return [*found, *(_activity(name, value) for name, value in answer.activity.items())]


def _activity(name: str, value: float) -> tuple[str, str]:
    """Name a board's own count; one that ends in a unit is a quantity."""
    stem, _, suffix = name.rpartition("_")
    unit = SUFFIXES.get(suffix) if stem else None
    text = measured_text(value, unit) if unit else _number(value)
    return f"Board: {(stem if unit else name).replace('_', ' ')}", text


def _qubo_facts(answer: QuboAnswerView) -> list[tuple[str, str]]:
    setup = "not told" if answer.setup_s is None else measured_text(answer.setup_s, "s")
    found = [
        ("Solver", answer.solver),
        ("Time asked for", plain_text(answer.requested_s, "s")),
        ("Time taken", measured_text(answer.solve_s, "s")),
        ("Set-up before it", setup),
        ("Stopped by", f"the {answer.stopped_by}"),
        ("Cost as the solver tells it", _told_cost(answer)),
        *answer_rows.onboard_facts(answer.onboard),
    ]
    return found if answer.verified is None else [*found, *_verified_facts(answer.verified)]


def _told_cost(answer: QuboAnswerView) -> str:
    told = count_text(answer.solver_cost)
    if answer.cost_error_bound == 0:
        return told
    bound = count_text(answer.cost_error_bound)
    return f"{told}, within {bound}: the board's weights are rounded, and it stops by this"


def _verified_facts(verified: VerifiedQubo) -> list[tuple[str, str]]:
    return [
        ("Cost, recomputed", count_text(verified.cost)),
        *_own_facts(verified),
        ("Official target", "none" if verified.official_target is None else count_text(verified.official_target)),
        ("Source of the target", verified.target_source or "–"),
        ("Gap to it", _gap(verified.gap)),
        ("Best verified target", "none" if verified.best_target is None else count_text(verified.best_target)),
        ("Held by, when this was verified", verified.best_source or "–"),
        ("Gap to the best verified", _gap(verified.best_gap)),
    ]


def _own_facts(verified: VerifiedQubo) -> list[tuple[str, str]]:
    """Return what only a set has to say, or only an uploaded problem."""
    if verified.independent_set is not None:
        return [("Independent set", "yes" if verified.independent_set else "no: the set holds an edge")]
    if verified.value is None:
        return []
    bound = f", off by up to {verified.rounding_bound:.3g} through rounding" if verified.rounding_bound else ""
    unit = f"scale {verified.scale}, offset {verified.offset}"
    return [("In the file's own unit", f"{verified.value:.12g}{bound} ({unit})")]


def _classifier_facts(answer: ClassifierAnswerView) -> list[tuple[str, str]]:
    return [
        ("Model", answer.model),
        ("Images", count_text(len(answer.labels))),
        ("Inferences per image", count_text(answer.iterations)),
        ("Digest of the inputs", answer.inputs_digest),
        *_latency_facts(answer),
    ]


def _latency_facts(answer: ClassifierAnswerView) -> list[tuple[str, str]]:
    known = [s for s in answer.latency_s if s is not None]
    if not known:
        return [("Latency per inference", "the board does not tell")]
    text = f"{measured_text(min(known), 's')} to {measured_text(max(known), 's')} on the clock {answer.clock}"
    return [("Latency per inference", text)]


def mistakes(answer: ClassifierAnswerView) -> list[tuple[int, int, int]]:
    """Return (number, expected, label) of every image that was labelled wrong."""
    pairs = enumerate(zip(answer.expected, answer.labels, strict=False))
    return [(i, expected, label) for i, (expected, label) in pairs if expected != label]


def reached_rows(answer: QuboAnswerView) -> list[ReachedRow]:
    """Return the time-to-solution table: as verified where it is, else as reported."""
    if answer.verified is not None:
        return [
            ReachedRow(
                gap=f"{r.gap:g}",
                reference=REFERENCES[r.reference],
                target_cost=_number(r.target_cost),
                cost="–" if r.cost is None else count_text(r.cost),
                latency=_latency(r.latency_s),
                energy=None if r.latency_s is None else r.energy,
                believed=_latency(r.believed_s),
            )
            for r in answer.verified.reached
        ]
    return [
        ReachedRow(f"{r.gap:g}", "–", _number(r.target_cost), "not recomputed", _latency(r.latency_s), None)
        for r in answer.reached
    ]


def passages(answer: QuboAnswerView) -> list[Passage]:
    """Return the gaps that were reached, for the chart."""
    found = answer.reached if answer.verified is None else answer.verified.reached
    return [Passage(r.gap, r.latency_s, r.target_cost) for r in found if r.latency_s is not None]


def _latency(latency_s: float | None) -> str | None:
    return None if latency_s is None else measured_text(latency_s, "s")


def _number(value: float) -> str:
    return count_text(int(value)) if float(value).is_integer() else plain_text(value, "1", 6)


def step_rows(improvements: Sequence[Improvement]) -> list[tuple[str, str]]:
    """Return (time, cost) of the steps, thinned to what a page can hold."""
    return [(measured_text(step.t_s, "s"), count_text(step.cost)) for step in thinned(improvements, MOST_ROWS)]


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
    if isinstance(view.answer, ClassifierAnswerView) and view.answer.verified is not None:
        return Quantity(value=view.answer.verified.accuracy, unit="1", u=0, grade="derived")
    if isinstance(view.answer, QuboAnswerView) and view.answer.verified is not None:
        gap = view.answer.verified.gap
        return None if isinstance(gap, Absent) else Quantity(value=gap, unit="1", u=0, grade="derived")
    return None
