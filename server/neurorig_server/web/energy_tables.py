"""An energy matrix as rows of text for the page's tables. Not for computing: every number is the matrix's own."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from neurorig_protocols.energy import EnergyCell, EnergyMatrix
from neurorig_protocols.number_text import measured_text, plain_text, uncertain_text
from neurorig_protocols.plan import PhaseName
from neurorig_protocols.quantities import Absent, Quantity
from neurorig_protocols.trace import Window

NEGLIGIBLE = 0.01
"""Share of u below which a line of the budget is left to the JSON."""

Cell = Quantity | Absent | None


@dataclass(frozen=True)
class Row:
    """One component, or a sum: its energy in each phase, None where the phase has no such cell."""

    name: str
    detail: str
    cells: Sequence[Cell]
    grade: str


@dataclass(frozen=True)
class Overview:
    """Energy by component and phase; `phases` gives each phase with its windows in words."""

    phases: Sequence[tuple[PhaseName, str]]
    parts: Sequence[Row]
    sums: Sequence[Row]


@dataclass(frozen=True)
class Section:
    """Power, baseline and dynamic energy of every component in one phase."""

    phase: PhaseName
    extent: str
    windows: int
    cells: Sequence[EnergyCell]


@dataclass(frozen=True)
class BudgetRow:
    """The standard uncertainty of one cell and what it is made of, largest first."""

    phase: PhaseName
    component: str
    u: str
    lines: Sequence[tuple[str, str]]


@dataclass(frozen=True)
class WindowRow:
    """One measured window on its clock."""

    name: str
    begin: str
    length: str
    u: str
    clock: str
    source: str


def phases_of(matrix: EnergyMatrix) -> list[PhaseName]:
    """Return the matrix's phases, the run first because it is the result, the others in order of measuring."""
    found = list(dict.fromkeys(cell.phase for cell in matrix.cells))
    return sorted(found, key=lambda phase: phase != "run")


def windows_text(cell: EnergyCell) -> str:
    """Say how many windows a phase had and how long they were together."""
    windows = "1 window of" if cell.windows == 1 else f"{cell.windows} windows, together"
    return f"{windows} {measured_text(cell.duration_s, 's')}"


def overview(matrix: EnergyMatrix) -> Overview:
    """Return the component x phase table with its sums, the supply and the residual."""
    phases = phases_of(matrix)
    totals = {total.phase: total for total in matrix.totals}
    known = [totals.get(phase) for phase in phases]
    extents = {cell.phase: windows_text(cell) for cell in matrix.cells}
    return Overview(
        phases=[(phase, extents[phase]) for phase in phases],
        parts=[_part(matrix, component, phases) for component in dict.fromkeys(c.component for c in matrix.cells)],
        sums=[
            _row("All components", "sum of the rows above", [t.energy if t else None for t in known]),
            _row("Supply", "input rail, measured by itself", [t.supply if t else None for t in known]),
            _row("Residual", "supply − all components", [t.residual if t else None for t in known]),
        ],
    )


def _part(matrix: EnergyMatrix, component: str, phases: Sequence[PhaseName]) -> Row:
    cells = {cell.phase: cell for cell in matrix.cells if cell.component == component}
    rails = next(iter(cells.values())).rails
    detail = "" if rails == (component,) else f"rail {', '.join(rails)}"
    return _row(component, detail, [cells[phase].energy if phase in cells else None for phase in phases])


def _row(name: str, detail: str, cells: Sequence[Cell]) -> Row:
    grades = dict.fromkeys(cell.grade for cell in cells if isinstance(cell, Quantity))
    return Row(name, detail, cells, ", ".join(grade.replace("_", " ") for grade in grades) or "–")


def sections(matrix: EnergyMatrix) -> list[Section]:
    """Return one section per phase."""
    found = [(phase, [cell for cell in matrix.cells if cell.phase == phase]) for phase in phases_of(matrix)]
    return [Section(phase, windows_text(cells[0]), cells[0].windows, cells) for phase, cells in found]


def budgets(matrix: EnergyMatrix) -> list[BudgetRow]:
    """Return the uncertainty budget of every cell's energy, without lines that are negligible."""
    return [_budget(cell) for phase in phases_of(matrix) for cell in matrix.cells if cell.phase == phase]


def _budget(cell: EnergyCell) -> BudgetRow:
    unit = cell.energy.unit
    return BudgetRow(
        phase=cell.phase,
        component=cell.component,
        u=plain_text(cell.energy.known_u, unit, 2),
        lines=[
            (line.name, plain_text(line.u, unit, 2))
            for line in cell.energy.budget
            if line.u >= NEGLIGIBLE * cell.energy.known_u
        ],
    )


def window_rows(windows: Sequence[Window], most: int) -> list[WindowRow]:
    """Return the first `most` windows; times count from the begin of the first one."""
    origin = windows[0].begin_ns if windows else 0.0
    return [
        WindowRow(
            name=f"{w.phase} {w.index}",
            begin=uncertain_text((w.begin_ns - origin) * 1e-9, 2 * w.u_ns * 1e-9, "s"),
            length=uncertain_text(w.duration_s, 2 * 2**0.5 * w.u_ns * 1e-9, "s"),
            u=plain_text(w.u_ns * 1e-9, "s", 2),
            clock=w.clock,
            source="marker line" if w.source == "line" else "host timestamps",
        )
        for w in windows[:most]
    ]
