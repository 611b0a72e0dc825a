"""The demo's tables: one line per attempt, and the measurement beside the truth."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

from rich.table import Table

from neurorig.demo.results import Agreement, Result
from neurorig_protocols.energy import EnergyCell, PhaseTotal
from neurorig_protocols.number_text import (
    count_text,
    latency_text,
    measured_text,
    percent_text,
    quantity_text,
    uncertain_text,
)
from neurorig_protocols.quantities import Quantity
from neurorig_protocols.text.result_text import gap_text
from neurorig_protocols.workloads.qubo.qubo_facts import limits_text
from neurorig_protocols.workloads.qubo.qubo_records import QuboMis, ReachedGap, VerifiedQubo
from neurorig_protocols.workloads.registry import verified_of

Json = dict[str, Any]


def attempts(results: Sequence[Result]) -> Iterator[str | Table]:
    """For each bench a heading and a table with one entry per QUBO attempt, no wider than 100 columns."""
    solved = [r for r in results if isinstance(r.job.spec.workload, QuboMis) and r.attempt.answer]
    for bench in dict.fromkeys((r.attempt.board, r.attempt.reality) for r in solved):
        of_bench = [r for r in solved if (r.attempt.board, r.attempt.reality) == bench]
        grades = dict.fromkeys(total.energy.grade for total in map(_run_total, of_bench) if total)
        energy = f"energy {', '.join(grades)} (± is 2u)" if grades else "energy absent (see below)"
        yield f"\n{bench[0]}, {bench[1]}, {energy}:"
        yield _attempts_of(of_bench)


def _attempts_of(results: Sequence[Result]) -> Table:
    table = _table("problem", "scenario", "cost", "official", "best", "to each gap", "run energy")
    for result in results:
        verified = verified_of(result.attempt.answer)
        if not isinstance(verified, VerifiedQubo):
            continue
        best, official = (
            "–" if cost is None else count_text(cost) for cost in (verified.best_target, verified.official_target)
        )
        table.add_row(
            _problem(result),
            _scenario(result),
            count_text(verified.cost),
            f"{official}\n{gap_text(verified.gap)}",
            f"{best}\n{gap_text(verified.best_gap)}",
            "\n".join(map(_reach, verified.reached)) or "-",
            _run_energy(result),
        )
    return table


def run_energies(results: Sequence[Result]) -> Table:
    """Energy of each component in the run phase of every virtual problem, the true one below it; fits 100 columns."""
    virtual = [r for r in results if r.truth and r.matrix and isinstance(r.job.spec.workload, QuboMis)]
    names = list(dict.fromkeys(cell.component for r in virtual if r.matrix for cell in r.matrix.cells))
    table = _table("problem", "scenario", *names)
    for result in virtual:
        cells = {cell.component: cell for cell in (result.matrix.cells if result.matrix else ()) if cell.phase == "run"}
        true_j = result.truth.cells if result.truth else {}
        table.add_row(
            _problem(result),
            _scenario(result),
            *(_beside_truth(cells[n], true_j.get((n, "run"))) if n in cells else "absent" for n in names),
        )
    return table


def boundaries(results: Sequence[Result]) -> list[str]:
    """What the energies of each metered bench include and leave out, one sentence a bench."""
    found: dict[str, str] = {}
    for result in results:
        if result.matrix is None:
            continue
        inside = ", ".join(result.matrix.boundary.components)
        outside = "; ".join(f"{o.component} ({o.reason})" for o in result.matrix.boundary.omitted) or "nothing"
        found[result.attempt.bench] = (
            f"Boundary of {result.attempt.bench} ({result.matrix.reality}): inside {inside}; left out {outside}."
        )
    return list(found.values())


def components(results: Sequence[Result]) -> Table:
    """Energy of each component and phase of the first virtual problem, measured beside true."""
    table = _table("component", "phase", "measured", "grade", "reality", "true", "error")
    found = next((r for r in results if r.truth and isinstance(r.job.spec.workload, QuboMis)), None)
    if found is None or found.matrix is None or found.truth is None:
        return table
    for cell in found.matrix.cells:
        true_j = found.truth.cells[cell.component, cell.phase]
        error = percent_text((cell.energy.value - true_j) / true_j) if true_j else "absent: the truth is 0"
        measured = quantity_text(cell.energy)
        row = (cell.component, cell.phase, measured, cell.energy.grade, found.matrix.reality)
        table.add_row(*row, measured_text(true_j, "J"), error)
    return table


def digits(entry: Json) -> Table:
    """The digits' attempt."""
    table = _table("digits", "accuracy", "latency", "energy per inference", "true", "grade", "reality")
    if not entry:
        return table
    absent = "absent"
    energy_j, true_j = entry["energy_j"], entry["true_j"]
    table.add_row(
        f"{entry['correct']} of {entry['count']}",
        percent_text(entry["accuracy"]),
        absent if entry["latency_s"] is None else measured_text(entry["latency_s"], "s"),
        absent if energy_j is None else uncertain_text(energy_j, 2 * entry["u_j"], "J"),
        absent if true_j is None else measured_text(true_j, "J"),
        entry["grade"] or absent,
        entry["reality"],
    )
    return table


def agreement(found: Agreement) -> list[str]:
    """The numbers of measured against true, one sentence each."""
    if found.covered is None:
        return ["No virtual cell was compared with its truth."]
    each = ", ".join(f"{name} {percent_text(e)}" for name, e in sorted(found.run_error_by_component.items()))
    total = "absent" if found.run_error_of_total is None else percent_text(found.run_error_of_total)
    return [
        f"Virtual benches, largest |measured − true| in the run phase: {each}; all components together {total}.",
        f"{percent_text(found.covered)} of {found.cells} virtual cells lie within 2u of the truth.",
    ]


def _problem(result: Result) -> str:
    workload = _qubo_mis(result)
    return f"n={workload.n}\n{percent_text(workload.density)} s{workload.seed}"


def _scenario(result: Result) -> str:
    return limits_text(_qubo_mis(result).scenario).replace(", ", ",\n")


def _qubo_mis(result: Result) -> QuboMis:
    workload = result.job.spec.workload
    if not isinstance(workload, QuboMis):
        raise TypeError(f"job {result.job.id} is not one of qubo-mis")
    return workload


def _run_total(result: Result) -> PhaseTotal | None:
    return next((t for t in (result.matrix.totals if result.matrix else ()) if t.phase == "run"), None)


def _run_energy(result: Result) -> str:
    total = _run_total(result)
    if total is None:
        return "absent"
    return _beside_truth(total, result.truth.totals["run"] if result.truth else None)


def _reach(item: ReachedGap) -> str:
    reached = f"{percent_text(item.gap)}: {latency_text(item.latency_s)}"
    return f"{reached} {measured_text(item.energy.value, 'J')}" if isinstance(item.energy, Quantity) else reached


def _beside_truth(measured: EnergyCell | PhaseTotal, true_j: float | None) -> str:
    energy = measured.energy
    lines = quantity_text(energy).replace(" ±", "\n±")
    return lines if true_j is None else f"{lines}\ntrue {measured_text(true_j, 'J')}"


def _table(*columns: str) -> Table:
    table = Table(box=None, header_style="bold", pad_edge=False)
    for column in columns:
        table.add_column(column, overflow="fold")
    return table
