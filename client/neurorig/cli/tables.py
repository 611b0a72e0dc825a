"""Tables for people. Grade and reality stand beside every energy; what is missing says why."""

from __future__ import annotations

from collections.abc import Container, Iterable, Mapping, Sequence
from typing import TYPE_CHECKING, Any

from rich.console import RenderableType
from rich.table import Column, Table
from rich.text import Text

from neurorig_protocols.api.attempts import AttemptView
from neurorig_protocols.api.benches import BenchView
from neurorig_protocols.api.energy import EnergyRow
from neurorig_protocols.api.jobs import AttemptSummary, JobView
from neurorig_protocols.bench import Boundary
from neurorig_protocols.benchmarks.evaluation import Standing
from neurorig_protocols.board import Placement
from neurorig_protocols.energy import EnergyMatrix
from neurorig_protocols.number_text import (
    SINGLE,
    graded_text,
    measured_text,
    percent_text,
    plain_text,
    uncertain_text,
)
from neurorig_protocols.text.job_text import scenario_text, workload_text
from neurorig_protocols.text.text_table import Cell, NamedValues, TextTable
from neurorig_protocols.workloads import registry
from neurorig_protocols.workloads.contract import FactTable, ReportedAnswer

if TYPE_CHECKING:
    from datetime import datetime

COPIED = 32
"""A word of at least this many characters is an id, a digest, an address or a path: something that people copy."""


def draw(found: TextTable) -> Table:
    """Return a table of texts as rich draws it, without its caption."""
    shown = found.on("terminal")
    table = Table(box=None, header_style="bold", pad_edge=False)
    for column in shown.columns:
        heading = column.header[:1].lower() + column.header[1:] + (f"\n{column.note}" if column.note else "")
        table.add_column(Text(heading), justify=column.align, no_wrap=column.unbroken, overflow="fold")
    for k, row in enumerate(shown.rows):
        if found.sums and k == len(shown.rows) - found.sums:
            table.add_section()
        table.add_row(*(_drawn(cell) for cell in row))
    return table


def captioned(found: TextTable) -> list[RenderableType]:
    """Return a caption and its table."""
    return ["", found.title, draw(found)]


def draw_values(found: NamedValues) -> Table:
    """Return names beside values, without the empty ones."""
    table = Table(box=None, show_header=False, pad_edge=False)
    table.add_column(style="bold", no_wrap=True)
    longest = max((len(word) for _, value in found for word in value.line.split()), default=0)
    table.add_column(overflow="fold", min_width=longest if longest >= COPIED else None)
    for name, value in found:
        if value.line:
            table.add_row(name[:1].lower() + name[1:], _drawn(value))
    return table


def _drawn(cell: Cell) -> Text:
    return Text(cell.line, STYLES.get(cell.tone, ""))


def rows_under(*columns: str, whole: Container[str] = ()) -> Table:
    """Return an empty table with headings. Columns in `whole` stay on one line: a broken id cannot be copied."""
    table = Table(box=None, header_style="bold", pad_edge=False)
    for column in columns:
        table.add_column(column, no_wrap=column in whole, overflow="fold")
    return table


def named_values(facts: Mapping[str, str], styles: Mapping[str, str] | None = None) -> Table:
    """Return names beside values, without the empty ones; `styles` colours the values that it names."""
    table = Table(box=None, show_header=False, pad_edge=False)
    table.add_column(style="bold", no_wrap=True)
    longest = max((len(word) for value in facts.values() for word in value.split()), default=0)
    table.add_column(overflow="fold", min_width=longest if longest >= COPIED else None)
    for name, value in facts.items():
        if value:
            table.add_row(name, Text(value, (styles or {}).get(value, "")))
    return table


def least_width(table: Table) -> int:
    """Return the number of columns that a table needs to keep everything that people copy on one line."""
    _, right, _, left = table.padding
    return sum(_least(column) + left + right for column in table.columns)


def _least(column: Column) -> int:
    if not column.no_wrap:
        return column.min_width or 1
    cells = (cell if isinstance(cell, Text) else Text(str(cell)) for cell in (column.header, *column.cells))
    return max(cell.cell_len for cell in cells)


def local_time(at: datetime) -> str:
    """Return an instant as date and time of this computer's zone."""
    return at.astimezone().strftime("%Y-%m-%d %H:%M:%S")


MOST_CELLS = 4096
_SHADES = ".:-=+*#%@"
_UNUSED = " "


def placement(found: Placement | None, reality: str) -> list[RenderableType]:
    """Return a line with the use of each limit and the picture of the mesh, as far as the board told them."""
    if not found:
        return []
    shares = [f"{name.replace('_', ' ')} {percent_text(share)}" for name, share in found.utilisation.items()]
    lines = [f"placement ({reality}): {found.cores:,} cores; use of {', '.join(shares)}"] if shares else []
    return [Text("\n".join([*lines, *_picture(found.summary.get("mesh"))]))] if lines else []


def _picture(mesh: Any) -> list[str]:
    """Return the expected work of each cell, one character each, '@' for the busiest."""
    if not isinstance(mesh, Mapping):
        return []
    columns, work = mesh.get("columns"), mesh.get("work_percent")
    if not isinstance(columns, int) or not isinstance(work, list) or not 0 < columns <= len(work) <= MOST_CELLS:
        return []
    if not all(isinstance(share, int) and -1 <= share <= 100 for share in work):
        return []
    cells = [_UNUSED if share < 0 else _SHADES[share * (len(_SHADES) - 1) // 100] for share in work]
    rows = [f"  |{''.join(cells[at : at + columns])}|" for at in range(0, len(cells), columns)]
    return [f"  expected work of each {str(mesh.get('grain', 'cell'))[:16]}, '@' is the busiest", *rows]


WHOLE = ("job", "attempt", "state", "bench")
"""Columns that are not broken over lines, so that they can be copied."""

STYLES = {
    "good": "green",
    "warn": "yellow",
    "bad": "red",
    "active": "cyan",
    "virtual": "magenta",
    "succeeded": "green",
    "valid": "green",
    "online": "green",
    "failed": "red",
    "invalid": "red",
    "measurement_invalid": "red",
    "lost": "red",
    "offline": "red",
    "degraded": "yellow",
    "running": "cyan",
    "busy": "cyan",
}


def standing(found: Standing | None) -> str:
    """Return what a job counts as and why; empty where the benchmark has no such rules."""
    return f"{found.name}: {found.why}" if found else ""


def _asked(job: JobView) -> str:
    return ", ".join(part for part in (workload_text(job.spec), scenario_text(job.spec)) if part)


def jobs(found: Iterable[JobView]) -> Table:
    """One line per job."""
    table = rows_under("job", "state", "workload", "board", "quality", "counts as", "created", "why", whole=WHOLE)
    for job in found:
        last = job.last_attempt
        table.add_row(
            job.id,
            _state(job.state),
            _asked(job),
            job.spec.needs.board or (last.bench if last else "any"),
            _state((last.quality if last else None) or ""),
            job.standing.name if job.standing else "",
            local_time(job.created_at),
            job.error.message if job.error else job.reason or "",
        )
    return table


def attempts(found: Iterable[AttemptSummary]) -> Table:
    """One line per attempt of a job."""
    table = rows_under("attempt", "number", "bench", "state", "quality", "started", "ended", whole=WHOLE)
    for attempt in found:
        times = [local_time(at) if at else "" for at in (attempt.started_at, attempt.ended_at)]
        table.add_row(
            attempt.id,
            str(attempt.number),
            attempt.bench,
            _state(attempt.state),
            _state(attempt.quality or ""),
            *times,
        )
    return table


def job_facts(job: JobView) -> Table:
    """A job as name and value."""
    facts = {
        "job": job.id,
        "state": job.state,
        "workload": _asked(job),
        "standing": standing(job.standing),
        "priority": str(job.priority),
        "position": str(job.position) if job.position is not None else "",
        "why": job.error.message if job.error else job.reason or "",
        "next step": (job.error.next_step if job.error else None) or "",
    }
    return named_values(facts, STYLES)


def attempt_facts(attempt: AttemptView) -> Table:
    """An attempt as name and value: its answer, times and quality."""
    facts = {
        "attempt": attempt.id,
        "job": attempt.job_id,
        "bench": f"{attempt.bench} ({attempt.board}, {attempt.reality})",
        "state": attempt.state,
        "quality": ", ".join((attempt.quality or "not judged", *attempt.codes)),
        "standing": standing(attempt.standing),
        **_answer_facts(attempt.answer),
        "why": attempt.error.message if attempt.error else "",
        "next step": (attempt.error.next_step if attempt.error else None) or "",
        "energy": f"absent: {attempt.energy_absent}" if attempt.energy_absent else "",
    }
    return named_values(facts, STYLES)


def _answer_facts(answer: ReportedAnswer | None) -> dict[str, str]:
    if answer is None:
        return {"answer": "absent: none was reported"}
    workload = registry.of_answer(answer)
    if workload is None:
        return {"answer": f"of the kind '{getattr(answer, 'kind', 'unknown')}', which is not installed here"}
    facts = [*workload.headline(answer), *workload.facts(answer)]
    return {fact.label.lower(): f"{fact.text} ({fact.note})" if fact.note else fact.text for fact in facts}


def answer_tables(answer: ReportedAnswer | None) -> list[Table]:
    """Return the short tables of an answer; long ones are in the JSON and on the page."""
    workload = registry.of_answer(answer)
    found = [table for table in workload.tables(answer) if not table.folded] if workload else []
    return [_fact_table(table) for table in found]


def _fact_table(found: FactTable) -> Table:
    table = rows_under(*(column.lower() for column in found.columns), whole=[found.columns[0].lower()])
    for row in found.rows:
        table.add_row(*row)
    return table


def energy(view: EnergyMatrix) -> Table:
    """Component by phase, with what each phase drew in all and what the parts leave unexplained."""
    table = rows_under("component", "phase", "windows", "energy", "dynamic", "active power", "reality", whole=WHOLE)
    for cell in view.cells:
        table.add_row(
            cell.component,
            cell.phase,
            str(cell.windows),
            graded_text(cell.energy),
            graded_text(cell.dynamic),
            graded_text(cell.active_power),
            view.reality,
        )
    for total in view.totals:
        table.add_section()
        rows = {"all components": total.energy, "input rail": total.supply, "residual": total.residual}
        for name, found in rows.items():
            table.add_row(name, total.phase, "", graded_text(found), "", "", view.reality, style="bold")
    return table


def boundary(view: Boundary) -> str:
    """Say what the numbers include and what they leave out."""
    out = "; ".join(f"{item.component} ({item.reason})" for item in view.omitted) or "nothing"
    return f"inside: {', '.join(view.components) or 'nothing'}. left out: {out}."


def energy_rows(rows: Sequence[EnergyRow]) -> Table:
    """Grouped means over attempts; realities never share a row."""
    used = [name for name in _GROUPS if any(getattr(row, name) is not None for row in rows)]
    headings = [_GROUPS[name] for name in used]
    table = rows_under(*headings, "reality", "attempts", "mean energy", "spread", "grade", whole=WHOLE)
    for row in rows:
        spread = SINGLE if row.spread_j is None else measured_text(row.spread_j, "J")
        table.add_row(
            *(_group(name, getattr(row, name)) for name in used),
            row.reality,
            str(row.n),
            uncertain_text(row.mean_j, 2 * row.u_j, "J"),
            spread,
            row.grade,
        )
    return table


_GROUPS = {
    "workload": "workload", "variables": "n", "density": "density", "scenario": "scenario", "timeout_s": "timeout",
    "problem": "problem", "count": "count", "board": "board", "bench": "bench", "component": "component",
    "phase": "phase",
}  # fmt: skip
"""Group keys of an energy query in the order of their columns, with the columns' headings."""


def _group(name: str, value: str | float | None) -> str:
    if value is None:
        return ""
    if name == "timeout_s":
        return plain_text(float(value), "s")
    return percent_text(float(value)) if name == "density" else str(value)


def benches(found: Iterable[BenchView]) -> Table:
    """One line per bench."""
    table = rows_under("bench", "reality", "board", "state", "family", "last seen", "running", whole=WHOLE)
    for bench in found:
        table.add_row(
            bench.name,
            bench.reality,
            bench.board,
            _state(bench.state),
            bench.board_info.family,
            local_time(bench.last_seen_at),
            f"{bench.lease.job_id} {bench.lease.phase}" if bench.lease else "",
        )
    return table


def checks(found: Iterable[tuple[str, bool, str]]) -> Table:
    """The doctor's findings: what was looked at, whether it is well, what was seen."""
    table = rows_under("check", "result", "seen", whole=WHOLE)
    for name, well, seen in found:
        table.add_row(name, Text("ok", "green") if well else Text("wrong", "red"), seen)
    return table


def _state(state: str) -> Text:
    return Text(state, STYLES.get(state, ""))
