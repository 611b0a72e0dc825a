"""Campaign summaries and comparisons as tables of text. Not for computing: every number is the record's own."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from itertools import groupby

from neurorig_protocols.api.comparisons import Side
from neurorig_protocols.bench import Boundary
from neurorig_protocols.benchmarks.comparison import Comparison, Machine, Metric, Pair, Rule, Total
from neurorig_protocols.benchmarks.summary import Row, Summary
from neurorig_protocols.number_text import count_text, counted_text, percent_text, plain_text
from neurorig_protocols.quantities import Grade, Quantity
from neurorig_protocols.text.job_text import GRADES
from neurorig_protocols.text.result_text import (
    compared_cell,
    mean_cell,
    median_cell,
    metric_text,
    notes,
    pair_text,
    percent_cell,
    rules_text,
    side_cell,
    total_cell,
)
from neurorig_protocols.text.text_table import (
    Cell,
    Column,
    NamedValues,
    TextTable,
    columns,
    dash,
    id_cell,
    reality_text,
)
from neurorig_protocols.workloads.qubo.qubo_records import TimeToSolution

RULES: dict[Rule, str] = {
    "problem": "instance and scenario",
    "reality": "reality (physical or virtual)",
    "start_event": "start event",
    "boundary": "boundary (components inside and left out)",
    "grade": "grade",
}

SIZE = ("n", "Density")


@dataclass(frozen=True)
class MachineResults:
    """All rows of one bench, solver and parameter set, as text.

    Attributes:
        title: bench and board.
        rows: the rows themselves, for charts.
        facts: solver, parameters, and what power and energy are.
        notes: what to read with the tables.
        tables: fixed timeout and time to solution, as far as there are rows of them.
    """

    title: str
    rows: Sequence[Row]
    facts: NamedValues
    notes: Sequence[str]
    tables: Sequence[TextTable]


def machines(found: Summary) -> list[MachineResults]:
    """Return the rows of a campaign by machine, solver and parameters."""
    return [_machine(list(group)) for _, group in groupby(found.rows, key=_machine_key)]


def _machine_key(row: Row) -> tuple[str | None, str, str, str]:
    return row.bench, row.board, row.solver, f"{sorted(row.params.items())} {row.tuning}"


def _machine(rows: list[Row]) -> MachineResults:
    first = rows[0]
    fixed = [row for row in rows if row.scenario.kind == "fixed-timeout"]
    to_solution = [row for row in rows if row.scenario.kind != "fixed-timeout"]
    grades = sorted({row.power.grade for row in rows if isinstance(row.power, Quantity)})
    boundary = next((row.boundary for row in rows if row.boundary), None)
    return MachineResults(
        title=f"{first.bench or 'no bench yet'} ({first.board}, {reality_text(first.reality)})",
        rows=rows,
        facts=[
            ("Solver", Cell(first.solver)),
            ("Parameters", Cell(rules_text(first))),
            *([("Power and energy are", Cell(grades_text(grades)))] if grades else []),
            *(boundary_facts(boundary) if boundary else []),
        ],
        notes=notes(rows),
        tables=[*([fixed_timeout(fixed)] if fixed else []), *([time_to_solution(to_solution)] if to_solution else [])],
    )


def grades_text(grades: Iterable[Grade]) -> str:
    """Return grades with what they mean."""
    return ", ".join(f"{grade.replace('_', ' ')} ({GRADES[grade]})" for grade in grades)


def boundary_facts(found: Boundary) -> NamedValues:
    """Return what power and energy include and what they leave out."""
    out = "; ".join(f"{item.component} ({item.reason})" for item in found.omitted)
    rails = f"rails {', '.join(found.rails)}" if found.rails else ""
    return [
        ("Power and energy include", Cell(", ".join(found.components) or "nothing", note=rails)),
        ("They leave out", Cell(out or "no known component")),
    ]


def fixed_timeout(rows: Iterable[Row]) -> TextTable:
    """Return one line per size, density and timeout."""
    headers = (*SIZE, "Timeout", "Seeds", "Gap, official", "Gap, best verified", "Actual time", "Mean power")
    return TextTable(
        "Fixed timeout: gap after a given time, and the power it took",
        columns(*headers, "Energy of a run", right=SIZE),
        [
            [
                *_size(row),
                _requested(row),
                _seeds(row),
                mean_cell(row.gap_official, percent_cell),
                mean_cell(row.gap_best, percent_cell),
                *(mean_cell(measured) for measured in (row.solve, row.power, row.energy)),
            ]
            for row in rows
        ],
    )


def time_to_solution(rows: Iterable[Row]) -> TextTable:
    """Return one line per size, density and gap."""
    headers = ("To gap", "Limit", "Seeds", "Reached", "Median time", "Mean use of the limit", "Energy to solution")
    return TextTable(
        "Time to solution, to a gap from the target named beside it: a run that did not reach the gap counts as longer "
        "than the limit, never as the limit",
        columns(*SIZE, *headers, right=SIZE),
        [line for row in rows for line in _to_gaps(row)],
    )


def _to_gaps(row: Row) -> list[list[Cell]]:
    if not row.to_gaps:
        why = Cell("refused", row.refused.reason) if row.refused else Cell("no result", tone="muted")
        return [[*_size(row), Cell("all"), _requested(row), _seeds(row), dash(), why, dash(), dash()]]
    reference = row.scenario.reference if isinstance(row.scenario, TimeToSolution) else ""
    return [
        [
            *_size(row),
            Cell(f"{percent_text(to_gap.gap)}, {reference}"),
            _requested(row),
            _seeds(row),
            Cell(f"{to_gap.latency.reached} of {to_gap.latency.runs}"),
            median_cell(to_gap.latency.median),
            mean_cell(to_gap.latency.restricted_mean),
            mean_cell(to_gap.energy),
        ]
        for to_gap in row.to_gaps
    ]


def _size(row: Row) -> tuple[Cell, Cell]:
    return Cell(count_text(row.n)), Cell(percent_text(row.density))


def _requested(row: Row) -> Cell:
    return Cell(plain_text(row.requested_s, "s"))


def _seeds(row: Row) -> Cell:
    text = count_text(len(row.seeds)) if row.complete else f"{row.seeds_text}, incomplete"
    no_set = f"not a set: seed {', '.join(map(str, row.infeasible))}" if row.infeasible else ""
    return Cell(text, note=no_set, tone="" if row.complete and not no_set else "warn")


def ended_text(found: Summary) -> str:
    """Return how much of a campaign the tables show, and the rules that the numbers follow."""
    state = f"{count_text(found.jobs - found.pending)} of {count_text(found.jobs)} jobs have ended"
    left_out = f"; {count_text(found.left_out)} of another workload are left out" if found.left_out else ""
    return f"{state}{left_out}. {found.start_rule} {found.stop_rule}"


def sides(left: Side, right: Side, found: Comparison) -> NamedValues:
    """Return what is compared with what, and how to read the ratios."""
    return [
        ("Left", _side(left, found.left)),
        ("Right", _side(right, found.right)),
        (
            "Ratios",
            Cell("left / right, so a ratio below 1 means less on the left", note="≥ and ≤: a run missed its target"),
        ),
    ]


def _side(side: Side, found: Sequence[Machine]) -> Cell:
    who = [Cell(machine_text(machine), href=f"/benches#{machine.bench}") for machine in found]
    return Cell("", parts=(side_cell_of(side), *(who or [Cell("no result yet", tone="muted")])))


def side_cell_of(side: Side) -> Cell:
    """Return one side of a comparison, which leads to its page."""
    return Cell(side.text, href=f"/jobs/{side.job}" if side.job else f"/campaigns/{side.campaign}")


def machine_text(found: Machine) -> str:
    """Return who solved the problems of a side."""
    return f"{found.bench} ({found.board}, {reality_text(found.reality)}), solver {found.solver}"


def totals(found: Comparison) -> TextTable:
    """Return one line per number over all pairs."""
    return TextTable(
        "Over all pairs: geometric mean and median of ratios, mean of differences",
        columns("Number", "Pairs compared", "Mean", "Median", "Why not"),
        [
            [
                Cell(metric_text(total.metric, total.to_gap)),
                Cell(f"{count_text(total.compared)} of {count_text(total.pairs)}"),
                total_cell(total),
                Cell("") if total.median is None else compared_cell(total.median, total.metric),
                _refused(total),
            ]
            for total in found.totals
        ],
    )


def _refused(total: Total) -> Cell:
    if reason := total_cell(total).reason:
        return Cell(reason)
    codes = [f"{count_text(number)} × {code.replace('_', ' ')}" for code, number in total.refused.items()]
    return Cell(", ".join(codes))


def pairs(found: Sequence[Pair]) -> TextTable:
    """Return one line per number of each pair; on a page each pair has a table of its own."""
    headers = columns("Number", "Left", "Right", "Left / right", "Why not")
    return TextTable(
        pair_text(found[0]) if len(found) == 1 else "Pair by pair",
        [Column("Problem", where="terminal"), *headers],
        [
            [
                Cell("" if k else pair_text(pair)),
                Cell(metric_text(entry.metric, entry.to_gap)),
                side_cell(entry.left, entry.metric),
                side_cell(entry.right, entry.metric),
                result := compared_cell(entry.result, entry.metric),
                Cell(result.reason),
            ]
            for pair in found
            for k, entry in enumerate(pair.entries)
        ],
    )


def unpaired(found: Comparison) -> TextTable:
    """Return the jobs without a counterpart or without a result."""
    return TextTable(
        f"{counted_text(len(found.unpaired), 'job')} without a counterpart or without a result",
        columns("Job", "Side", "Why", unbroken=["Job"]),
        [[id_cell(item.job, "/jobs/"), Cell(item.side), Cell(item.refusal.sentence)] for item in found.unpaired],
    )


def required(found: dict[Metric, tuple[Rule, ...]]) -> TextTable:
    """Return what both sides must share before a number is compared."""
    return TextTable(
        "A number is compared only where both sides share all of these",
        columns("Number", "Must be equal"),
        [[Cell(metric), Cell(", ".join(RULES[rule] for rule in rules))] for metric, rules in found.items()],
    )
