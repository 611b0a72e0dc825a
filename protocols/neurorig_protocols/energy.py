"""From traces and windows to joules: the component x phase matrix, with a budget on every cell.

Pure and deterministic: the stored joules can be recomputed from the stored trace, bit for bit.

Model of one rail in one window of N samples, duration T (all terms in joules):

    E = (1 + gain) (1 + timebase) * sum(P_i dt)  +  offset * T  +  noise  +  resolution  +  edges

Gain, offset and time base are one error each for a channel or monitor, shared by all its windows: they do not
average out over samples, they cancel in active - idle as far as they are common, and GTC keeps track of it
(JCGM 100, 5.2). Noise and edges are independent from window to window.

Edges from the marker line fall inside a sample whose mean M mixes the power outside, P_out, and inside. The unknown
share f ~ U(0, 1) leaves f P_in dt = M dt - (1 - f) P_out dt, so the window gets M dt - P_out dt / 2 with the
standard uncertainty P_out dt / sqrt(12). A counter that is updated seldom adds the term of `updates.py`, which is
one error for all windows of a phase.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from neurorig_protocols.bench import BenchProfile, Boundary
from neurorig_protocols.counter_updates import edges_u_j
from neurorig_protocols.errors import Overload, SamplesLost
from neurorig_protocols.plan import PhaseName
from neurorig_protocols.quantities import Absent, BudgetLine, Grade, Quantity, Reality, quantity_or_none, worst_grade
from neurorig_protocols.records import Finite, Name, Record
from neurorig_protocols.trace import ChannelInfo, Trace, Window
from neurorig_protocols.uncertain import Inputs, Uncertain, as_quantity

UNATTRIBUTED = "unattributed"
"""Component of rails that the bench maps to none."""


class EnergyCell(Record):
    """Energy of one component in one phase: the sum over the phase's windows."""

    component: Name
    rails: tuple[Name, ...]
    phase: PhaseName
    windows: int
    duration_s: Finite
    energy: Quantity
    per_window: Quantity
    active_power: Quantity
    idle_power: Quantity | Absent
    dynamic: Quantity | Absent


class PhaseTotal(Record):
    """All measured components of one phase, the input rail, and what the parts leave unexplained."""

    phase: PhaseName
    energy: Quantity
    supply: Quantity | Absent
    residual: Quantity | Absent


class EnergyMatrix(Record):
    """Component x phase. Numbers of one bench, one reality, one boundary."""

    reality: Reality
    boundary: Boundary
    cells: tuple[EnergyCell, ...]
    totals: tuple[PhaseTotal, ...]
    windows: tuple[Window, ...]

    def cell(self, component: str, phase: PhaseName) -> EnergyCell:
        """Return one cell; KeyError when it was not measured."""
        for cell in self.cells:
            if (cell.component, cell.phase) == (component, phase):
                return cell
        raise KeyError((component, phase))

    def rows(self) -> list[dict[str, Any]]:
        """Return one plain dictionary per component and phase, for example for `pandas.DataFrame(...)`.

        Returns:
            Energies and standard uncertainties in J, durations in s. The dynamic energy (active minus idle) is None
            where it was not measured, and `dynamic_absent` says why.
        """
        return [_plain(cell, self.reality) for cell in self.cells]


def _plain(cell: EnergyCell, reality: Reality) -> dict[str, Any]:
    dynamic = quantity_or_none(cell.dynamic)
    return {
        "component": cell.component,
        "phase": cell.phase,
        "rails": ", ".join(cell.rails),
        "reality": reality,
        "windows": cell.windows,
        "duration_s": cell.duration_s,
        "energy_j": cell.energy.value,
        "u_j": cell.energy.u,
        "per_window_j": cell.per_window.value,
        "per_window_u_j": cell.per_window.u,
        "grade": cell.energy.grade,
        "dynamic_j": dynamic.value if dynamic else None,
        "dynamic_u_j": dynamic.u if dynamic else None,
        "dynamic_absent": cell.dynamic.reason if isinstance(cell.dynamic, Absent) else None,
    }


@dataclass(frozen=True)
class _Rail:
    """One measured rail: where its samples are and what they are worth."""

    name: str
    component: str
    total: bool
    trace: Trace
    info: ChannelInfo
    windows: Sequence[Window]
    grade: Grade


@dataclass(frozen=True)
class _Part:
    """One rail in one window."""

    energy: Uncertain
    duration_s: float


def compute(
    profile: BenchProfile,
    traces: Mapping[str, Trace],
    windows: Mapping[str, Sequence[Window]],
    grades: Mapping[str, Grade],
) -> EnergyMatrix:
    """Integrate every measured rail over every window.

    traces, windows and grades are keyed by monitor id. Raises SamplesLost or Overload when a window holds a sample
    that is missing or outside its range, WindowTooShort when a counter was updated too seldom for it.
    """
    inputs = Inputs()
    rails = _rails(profile, traces, windows, grades)
    parts = {rail.name: [_integrate(inputs, rail, w) for w in rail.windows] for rail in rails}
    marked = next(iter(windows.values()), ())
    phases = list(dict.fromkeys(w.phase for w in marked))
    components = [r for r in rails if not r.total]
    by_component = {
        c: [r for r in components if r.component == c] for c in dict.fromkeys(r.component for r in components)
    }
    return EnergyMatrix(
        reality=profile.reality,
        boundary=profile.boundary,
        cells=tuple(_cell(c, rs, p, parts) for p in phases for c, rs in by_component.items()),
        totals=tuple(_total(rails, p, parts) for p in phases),
        windows=tuple(marked),
    )


def until(
    profile: BenchProfile,
    traces: Mapping[str, Trace],
    windows: Mapping[str, Sequence[Window]],
    grades: Mapping[str, Grade],
    *,
    index: int,
    latency_s: float,
) -> Quantity:
    """Energy of all measured components from the begin of run window `index` to `latency_s` later.

    This is NeuroBench's energy to solution: mean power since the start event times latency.
    """
    inputs = Inputs()
    rails = [r for r in _rails(profile, traces, windows, grades) if not r.total]
    total = inputs.zero()
    for rail in rails:
        window = next(w for w in rail.windows if (w.phase, w.index) == ("run", index))
        cut = window.model_copy(update={"end_ns": window.begin_ns + latency_s * 1e9})
        total = total + _integrate(inputs, rail, cut, open_end=True).energy
    return as_quantity(total, "J", worst_grade([r.grade for r in rails]))


def _rails(
    profile: BenchProfile,
    traces: Mapping[str, Trace],
    windows: Mapping[str, Sequence[Window]],
    grades: Mapping[str, Grade],
) -> list[_Rail]:
    known = {rail.name: rail for rail in profile.rails}
    return [
        _Rail(
            name=info.rail,
            component=known[info.rail].component or UNATTRIBUTED,
            total=known[info.rail].role == "total",
            trace=trace,
            info=info,
            windows=windows[monitor],
            grade=grades[monitor],
        )
        for monitor, trace in traces.items()
        for info in trace.head.channels
    ]


def _integrate(inputs: Inputs, rail: _Rail, window: Window, *, open_end: bool = False) -> _Part:
    """Integrate one rail over one window; `open_end` says that the end is no edge of the marker line."""
    dt_s = rail.trace.head.dt_ns * 1e-9
    begin, end = (_position(rail.trace, t) for t in (window.begin_ns, window.end_ns))
    first, last = _checked(rail, window, begin, end)
    power = rail.trace.rail(rail.name)[first:last].astype(np.float64)
    joules = (float(power.sum()) - power[0] * (begin - first) - power[-1] * (last - end)) * dt_s
    count = end - begin
    duration_s = count * dt_s
    u_edge: list[float] = []
    for edge_correction, u in _edges(rail, window, power, first, last, open_end=open_end):
        joules += edge_correction
        u_edge.append(u)
    spec, name = rail.info.accuracy, f"{rail.trace.head.monitor}.{rail.name}"
    gain = inputs.rectangular(f"gain:{name}", spec.gain_limit)
    offset = inputs.rectangular(f"offset:{name}", spec.offset_limit_w)
    timebase = inputs.rectangular(f"timebase:{rail.trace.head.monitor}", spec.timebase_limit)
    tag = f"{name}:{window.phase}{window.index}"
    noise = inputs.normal(f"noise:{tag}", spec.noise_w * dt_s * math.sqrt(count))
    step = inputs.normal(f"resolution:{tag}", _resolution_w(rail.info, count) * duration_s)
    edges = inputs.normal(f"edges:{tag}", math.hypot(*u_edge))
    u_updates = edges_u_j(rail.trace, rail.info, first, last, duration_s=duration_s, where=_place(rail, window))
    # One input for a phase: its windows have the same load inside and outside, so all err to the same side.
    updates = inputs.normal(f"updates:{name}:{window.phase}", 1.0) * u_updates if u_updates else 0.0
    energy = (1 + gain) * (1 + timebase) * joules + offset * duration_s + noise + step + edges + updates
    return _Part(energy=energy, duration_s=duration_s)


def _place(rail: _Rail, window: Window) -> str:
    return f"{rail.trace.head.monitor}, rail {rail.name}, {window.phase} {window.index}"


def _position(trace: Trace, t_ns: float) -> float:
    return (t_ns - trace.head.t0_ns) / trace.head.dt_ns


def _checked(rail: _Rail, window: Window, begin: float, end: float) -> tuple[int, int]:
    """Return the samples that a window touches; refuse missing and overloaded ones."""
    where = _place(rail, window)
    # Before rounding: a claimed time may be too large for a whole number.
    covered = 0 <= begin <= end <= len(rail.trace)
    first, last = (math.floor(begin), math.ceil(end)) if covered else (0, 0)
    if last <= first:
        raise SamplesLost("the trace does not cover the window", where=where)
    values = rail.trace.rail(rail.name)[first:last]
    if not np.isfinite(values).all():
        raise SamplesLost(
            f"{int((~np.isfinite(values)).sum())} samples of the window are missing",
            where=where,
            next_step="Lower the sample rate or repeat the attempt.",
        )
    overloaded = int((rail.trace.flags[first:last] & 1).sum())
    if overloaded:
        raise Overload(
            f"{overloaded} samples of the window left their range",
            where=where,
            next_step="Keep the ranging pass on, or raise the channel's range.",
        )
    return first, last


def _edges(
    rail: _Rail,
    window: Window,
    power: np.ndarray[tuple[int], np.dtype[np.float64]],
    first: int,
    last: int,
    *,
    open_end: bool,
) -> list[tuple[float, float]]:
    """Correction and standard uncertainty, in joules, of the window's begin and end (module docstring)."""
    dt_s = rail.trace.head.dt_ns * 1e-9
    if window.source == "software":
        return [(0.0, window.u_ns * 1e-9 * abs(float(p))) for p in (power[0], power[-1])]
    samples = rail.trace.rail(rail.name)
    before = float(samples[first - 1]) if first > 0 else float(power[0])
    after = float(samples[last]) if last < len(samples) else float(power[-1])
    begin = (0.5 * (float(power[0]) - before) * dt_s, abs(before) * dt_s / math.sqrt(12))
    if open_end:
        return [begin, (0.0, window.u_ns * 1e-9 * abs(float(power[-1])))]
    return [begin, (0.5 * (float(power[-1]) - after) * dt_s, abs(after) * dt_s / math.sqrt(12))]


def _resolution_w(info: ChannelInfo, count: float) -> float:
    """Quantisation of a mean: it averages only where noise dithers at least half a step."""
    u = info.accuracy.resolution_w / math.sqrt(12)
    dithered = info.accuracy.noise_w >= info.accuracy.resolution_w / 2
    return u / math.sqrt(max(count, 1.0)) if dithered else u


def _of_phase(rail: _Rail, phase: PhaseName, parts: Mapping[str, list[_Part]]) -> list[_Part]:
    return [part for w, part in zip(rail.windows, parts[rail.name], strict=True) if w.phase == phase]


def _sum(parts: Sequence[_Part]) -> Uncertain:
    total = parts[0].energy
    for part in parts[1:]:
        total = total + part.energy
    return total


def _cell(component: str, rails: list[_Rail], phase: PhaseName, parts: Mapping[str, list[_Part]]) -> EnergyCell:
    per_rail = [_of_phase(rail, phase, parts) for rail in rails]
    energy = _sum([part for found in per_rail for part in found])
    n, duration_s = len(per_rail[0]), sum(part.duration_s for part in per_rail[0])
    grade = worst_grade([rail.grade for rail in rails])
    idle = (
        _idle_power(rails, parts)
        if phase != "idle"
        else Absent(reason_code="is_baseline", reason="the idle phase is the baseline itself")
    )
    return EnergyCell(
        component=component,
        rails=tuple(rail.name for rail in rails),
        phase=phase,
        windows=n,
        duration_s=duration_s,
        energy=as_quantity(energy, "J", grade),
        per_window=_per_window(energy, per_rail, grade),
        active_power=as_quantity(energy / duration_s, "W", grade),
        idle_power=idle if isinstance(idle, Absent) else as_quantity(idle, "W", grade),
        dynamic=idle if isinstance(idle, Absent) else as_quantity(energy - idle * duration_s, "J", grade),
    )


def _idle_power(rails: list[_Rail], parts: Mapping[str, list[_Part]]) -> Uncertain | Absent:
    """Mean idle power over the windows before and after; half their difference bounds the drift between them."""
    idles = [_of_phase(rail, "idle", parts) for rail in rails]
    if not idles[0]:
        return Absent(reason_code="no_idle_window", reason="the plan has no idle window")
    duration_s = sum(part.duration_s for part in idles[0])
    power = _sum([part for found in idles for part in found]) / duration_s
    means = [sum(float(f[i].energy.x) for f in idles) / idles[0][i].duration_s for i in range(len(idles[0]))]
    drift = Inputs().rectangular("baseline drift", (max(means) - min(means)) / 2)
    return power + drift


def _per_window(energy: Uncertain, per_rail: list[list[_Part]], grade: Grade) -> Quantity:
    """Mean energy of one window; with several, their spread enters as the line "repeats"."""
    n = len(per_rail[0])
    mean = as_quantity(energy / n, "J", grade)
    if n < 2:
        return mean
    each = np.array([sum(float(found[i].energy.x) for found in per_rail) for i in range(n)])
    repeats = float(each.std(ddof=1)) / math.sqrt(n)
    line = BudgetLine(name="repeats", u=repeats, type="A")
    return mean.model_copy(update={"u": math.hypot(mean.known_u, repeats), "n": n, "budget": (*mean.budget, line)})


def _total(rails: list[_Rail], phase: PhaseName, parts: Mapping[str, list[_Part]]) -> PhaseTotal:
    inside = [rail for rail in rails if not rail.total]
    supply = [rail for rail in rails if rail.total]
    energy = _sum([part for rail in inside for part in _of_phase(rail, phase, parts)])
    grade = worst_grade([rail.grade for rail in inside])
    if not supply:
        absent = Absent(reason_code="no_total_rail", reason="no monitor channel on an input rail that feeds the others")
        return PhaseTotal(phase=phase, energy=as_quantity(energy, "J", grade), supply=absent, residual=absent)
    fed = _sum(_of_phase(supply[0], phase, parts))
    return PhaseTotal(
        phase=phase,
        energy=as_quantity(energy, "J", grade),
        supply=as_quantity(fed, "J", supply[0].grade),
        residual=as_quantity(fed - energy, "J", worst_grade([grade, supply[0].grade])),
    )
