"""What the page of one attempt shows, gathered from the store. Not for computing: the store's numbers are shown."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from neurorig_protocols.api.attempts import AttemptView, SolutionView, TraceInfo
from neurorig_protocols.api.energy import EnergyAbsent
from neurorig_protocols.energy import EnergyMatrix
from neurorig_protocols.quantities import Reality
from neurorig_protocols.text import job_text
from neurorig_protocols.trace import Trace, Window
from neurorig_protocols.workloads import registry
from neurorig_server.objects import traces as downsample
from neurorig_server.objects.traces import TraceStore
from neurorig_server.store.store import Store
from neurorig_server.web import attempt_tables, energy_tables, mesh_picture
from neurorig_server.web.answer_rows import named_files
from neurorig_server.web.charts import Chart, closer_look, energy_bars, power_trace, step_curve

POINTS = 1500
"""Bins of a drawn trace: about one per pixel."""
MOST_TRACE_BYTES = 256 << 20
"""A larger trace is not read for a picture."""

NARROW = 0.15
"""A first run window that takes less of its trace than this is drawn once more, closer."""

OPEN = ("leased", "running")


def context(store: Store, traces: TraceStore, attempt_id: str) -> dict[str, Any]:
    """Return the template's context; NotFound."""
    view = store.attempts.get(attempt_id)
    energy = store.attempts.energy(attempt_id)
    matrix = energy if isinstance(energy, EnergyMatrix) else None
    files = store.attempts.traces(attempt_id)
    total_rails = frozenset(r.name for r in store.benches.get(view.bench).profile.rails if r.role == "total")
    drawn, trace_problem = _trace_charts(traces, view, matrix, files, total_rails)
    charts = _charts(view, matrix)
    job = store.jobs.get(view.job_id)
    found = {
        "view": view,
        "job": job,
        "files": named_files(job.spec, store.files),
        "open": view.state in OPEN,
        # The box on the error, or on the missing energy, says more than their codes.
        "codes": [c for c in view.codes if c != "energy_absent" and not (view.error and c == view.error.code)],
        "matrix": matrix,
        "energy_reason": energy.absent if isinstance(energy, EnergyAbsent) else None,
        "tiles": attempt_tables.tiles(view, matrix),
        "charts": charts | {chart.name: chart for chart in drawn},
        "traces": drawn,
        "trace_problem": trace_problem,
        "trace_files": files,
        "times": attempt_tables.time_rows(view.times),
        "kpis": attempt_tables.kpis(view, matrix),
        "fact_tables": _fact_tables(view),
        "mesh_pictures": mesh_picture.pictures(view.placement.summary) if view.placement else [],
    }
    found |= _energy(matrix) | _answer(view, store.attempts.solution(attempt_id))
    return found | {"contents": _contents(found)}


def _charts(view: AttemptView, matrix: EnergyMatrix | None) -> dict[str, Chart | None]:
    workload = registry.of_answer(view.answer)
    curve = workload.curve(view.answer) if workload else None
    return {
        "energy": energy_bars(matrix) if matrix and matrix.cells else None,
        "answer": step_curve(curve, view.reality) if curve else None,
    }


def _trace_charts(
    traces: TraceStore,
    view: AttemptView,
    matrix: EnergyMatrix | None,
    files: tuple[TraceInfo, ...],
    total_rails: frozenset[str],
) -> tuple[list[Chart], str | None]:
    """Draw the traces; a sentence says what could not be drawn."""
    windows: tuple[Window, ...] = matrix.windows if matrix else ()
    drawn: list[Chart] = []
    for file in files:
        if file.size > MOST_TRACE_BYTES:
            return drawn, f"The trace of {file.monitor} is too large to be drawn here; download it below."
        try:
            trace = traces.read(file.digest.removeprefix("sha256:"))
        except (FileNotFoundError, ValueError):
            return drawn, f"The trace of {file.monitor} cannot be read from the trace store."
        drawn += _charts_of(trace, windows, view.reality, total_rails)
    return drawn, None


def _charts_of(trace: Trace, windows: tuple[Window, ...], reality: Reality, total_rails: frozenset[str]) -> list[Chart]:
    """Draw a whole trace and, where its windows are too narrow to be seen in it, the first run of it."""
    here = [window for window in windows if window.clock == trace.head.clock]
    whole = downsample.series(trace, POINTS, here)
    charts = [power_trace(whole, reality, total_rails=total_rails)]
    first = next((window for window in here if window.phase == "run"), None)
    if first is not None and first.end_ns - first.begin_ns < NARROW * trace.duration_ns:
        part = _around(trace, first)
        begin_ns, end_ns = part.head.t0_ns, part.head.t0_ns + part.duration_ns
        seen = [window for window in here if window.end_ns > begin_ns and window.begin_ns < end_ns]
        closer = downsample.series(part, POINTS, seen)
        charts.append(closer_look(closer, first, reality, total_rails=total_rails))
    return charts


def _around(trace: Trace, window: Window) -> Trace:
    """Cut a trace to one window and a third of its length on both sides."""
    head = trace.head
    begin, end = ((t_ns - head.t0_ns) / head.dt_ns for t_ns in (window.begin_ns, window.end_ns))
    margin = (end - begin) / 3 + 1
    first, last = max(0, int(begin - margin)), min(len(trace), int(end + margin) + 1)
    part = slice(first, last)
    moved = head.model_copy(update={"t0_ns": head.t0_ns + round(first * head.dt_ns), "gaps": ()})
    return Trace(moved, trace.values[part], trace.digital[part], trace.flags[part])


def _energy(matrix: EnergyMatrix | None) -> dict[str, Any]:
    if matrix is None:
        return {"windows": [], "window_count": 0}
    grades = {cell.energy.grade for cell in matrix.cells}
    return {
        "overview": energy_tables.overview(matrix),
        "sections": energy_tables.sections(matrix),
        "budgets": energy_tables.budgets(matrix),
        "grades_used": sorted(grades),
        "windows": energy_tables.window_rows(matrix.windows, attempt_tables.MOST_ROWS),
        "window_count": len(matrix.windows),
    }


def _answer(view: AttemptView, solution: SolutionView | None) -> dict[str, Any]:
    workload = registry.of_answer(view.answer)
    if view.answer is None:
        return {}
    return {
        "answer_facts": attempt_tables.answer_facts(view.answer),
        "answer_tables": workload.tables(view.answer) if workload else (),
        "verified": getattr(view.answer, "verified", None),
        "solution": solution,
        "ones": _shown(solution.ones) if solution else (),
        "score_note": workload.score_note if workload else "",
    }


LONGEST_NAME = 100


def _shown(names: Sequence[str]) -> list[str]:
    """Return the names that the page has room for; all of them are in the download."""
    return [
        name if len(name) <= LONGEST_NAME else f"{name[:LONGEST_NAME]}…" for name in names[: attempt_tables.MOST_ROWS]
    ]


def _fact_tables(view: AttemptView) -> list[tuple[str, list[tuple[str, str]]]]:
    return [
        ("Provenance", job_text.facts(view.provenance)),
        ("Compiled program", job_text.facts(view.compiled.summary) if view.compiled else []),
        ("Placement", job_text.facts(_without_picture(view.placement.summary)) if view.placement else []),
    ]


def _without_picture(summary: dict[str, Any]) -> dict[str, Any]:
    """Return a placement's facts but the numbers of its picture."""
    return {name: value for name, value in summary.items() if name != "mesh"}


def _contents(found: dict[str, Any]) -> list[tuple[str, str]]:
    """Return (anchor, title) of the sections that the page has."""
    return [
        (anchor, title)
        for anchor, title, there in (
            ("energy", "Energy", found["matrix"]),
            ("trace", "Power trace", found["traces"] or found["trace_problem"]),
            ("answer", "Answer", found["view"].answer),
            ("times", "Times", found["times"]),
            ("kpi", "KPI sheet", found["kpis"]),
            ("provenance", "Provenance", True),
            ("data", "Data", True),
        )
        if there
    ]
