"""The KPI sheet of an attempt after Narduzzi et al.: task, model, hardware and combined indicators.

A cell that was not measured is absent with its reason; nothing is filled in from elsewhere.
Source: Narduzzi et al., "Benchmarking neuromorphic computing for inference" (KPI sets orthogonal, reproducible,
objective, independent of the use case). Not for ranking: that needs equal boundaries and realities.
"""

from __future__ import annotations

from statistics import fmean, stdev
from typing import Literal

from neurorig_protocols.clocks import timed
from neurorig_protocols.energy import EnergyMatrix
from neurorig_protocols.quantities import Absent, Grade, Quantity
from neurorig_protocols.records import Record
from neurorig_protocols.report import AttemptReport, PhaseTime
from neurorig_protocols.workloads import registry

Group = Literal["task", "model", "hardware", "combined"]


class Kpi(Record):
    """One indicator."""

    group: Group
    name: str
    value: Quantity | Absent


def sheet(report: AttemptReport, matrix: EnergyMatrix | None, score: Quantity | None) -> tuple[Kpi, ...]:
    """Build the KPI sheet of one attempt; `score` is the task score that the server recomputed."""
    latency = _latency(report)
    energy = _run_energy(matrix, report.energy_absent)
    return (
        Kpi(group="task", name="score", value=score or _no_score(report)),
        Kpi(group="model", name="cores", value=_cores(report)),
        *(
            Kpi(group="hardware", name=f"{phase}_time", value=_time(report, phase))
            for phase in ("compile", "map", "load")
        ),
        Kpi(group="hardware", name="latency", value=latency),
        Kpi(group="hardware", name="energy", value=energy),
        Kpi(group="hardware", name="idle_power", value=_power(matrix, "idle", report.energy_absent)),
        Kpi(group="hardware", name="active_power", value=_power(matrix, "run", report.energy_absent)),
        Kpi(group="combined", name="energy_delay_product", value=_product(energy, latency)),
    )


def _no_score(report: AttemptReport) -> Absent:
    found = registry.of_answer(report.answer)
    if found is not None and found.no_score:
        return Absent(reason_code="no_score", reason=found.no_score)
    return Absent(reason_code="no_score", reason="no answer was verified")


def _cores(report: AttemptReport) -> Quantity | Absent:
    if report.placement is None or report.placement.cores == 0:
        return Absent(reason_code="not_placed", reason="the board reports no cores")
    return Quantity(value=report.placement.cores, unit="1", u=0, grade="vendor_reported")


def _time(report: AttemptReport, phase: str) -> Quantity | Absent:
    found = [t for t in report.times if t.phase == phase]
    return _seconds(found[:1], "derived") if found else Absent(reason_code="no_phase", reason=f"no {phase} was timed")


def _latency(report: AttemptReport) -> Quantity | Absent:
    runs = [t for t in report.times if t.phase == "run"]
    if not runs or report.answer is None:
        return Absent(reason_code="no_run", reason="no run window was closed")
    return _seconds(runs, "onboard" if runs[0].clock == "dut" else "derived")


def _seconds(times: list[PhaseTime], grade: Grade) -> Quantity:
    """Mean duration with the errors of its clock; the spread of the mean on top where there are several."""
    values = [t.duration_s for t in times]
    # Exact sums: equal windows have no spread, not one of the last bit.
    n, mean = len(values), fmean(values)
    u = stdev(values) / n**0.5 if n > 1 else None
    return timed(Quantity(value=mean, unit="s", u=u, n=n, grade=grade), [t.clock for t in times])


def _run_energy(matrix: EnergyMatrix | None, why: str | None) -> Quantity | Absent:
    for total in matrix.totals if matrix else ():
        if total.phase == "run":
            return total.energy
    return Absent(reason_code="not_measured", reason=why or "no run window was measured")


def _power(matrix: EnergyMatrix | None, phase: str, why: str | None) -> Quantity | Absent:
    cells = [c for c in (matrix.cells if matrix else ()) if c.phase == phase]
    total = next((t for t in (matrix.totals if matrix else ()) if t.phase == phase), None)
    if not cells or total is None:
        return Absent(reason_code="not_measured", reason=why or f"no {phase} window was measured")
    seconds = cells[0].duration_s
    return total.energy.model_copy(
        update={
            "value": total.energy.value / seconds,
            "u": total.energy.known_u / seconds,
            "unit": "W",
            "budget": tuple(b.model_copy(update={"u": b.u / seconds}) for b in total.energy.budget),
        }
    )


def _product(energy: Quantity | Absent, latency: Quantity | Absent) -> Quantity | Absent:
    if isinstance(energy, Absent):
        return energy
    if isinstance(latency, Absent):
        return latency
    per_run = energy.value / latency.n
    # One run shows no spread of latencies: what is left are the shares of meter and clock, and n = 1 says so.
    u = ((energy.known_u / latency.n * latency.value) ** 2 + (per_run * (latency.u or 0.0)) ** 2) ** 0.5
    return Quantity(value=per_run * latency.value, unit="J·s", u=u, n=latency.n, grade="derived")
