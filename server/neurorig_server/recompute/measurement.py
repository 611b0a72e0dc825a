"""From stored traces, or a board's own sensors, to windows and joules with the protocols' pure functions."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from neurorig_protocols import energy, onboard, windows
from neurorig_protocols.bench import BenchProfile
from neurorig_protocols.energy import EnergyMatrix
from neurorig_protocols.errors import MeasurementError, SamplesLost
from neurorig_protocols.onboard import OnboardPower
from neurorig_protocols.quantities import GRADE_ORDER, Absent, Grade, Quantity, Reality
from neurorig_protocols.report import AttemptReport
from neurorig_protocols.trace import AcquisitionReport, Trace, Window
from neurorig_server.objects.traces import TraceStore

UNKNOWN_GRADE: Grade = "assumed"
"""Grade of a monitor that does not say what it is: the weakest there is."""


class BadTrace(MeasurementError):
    """A stored trace cannot be read."""

    code = "bad_trace"


@dataclass(frozen=True)
class Measured:
    """Traces that could be laid beside the phases. All maps are keyed by monitor id."""

    profile: BenchProfile
    traces: Mapping[str, Trace]
    windows: Mapping[str, tuple[Window, ...]]
    grades: Mapping[str, Grade]
    codes: tuple[str, ...]

    def matrix(self) -> EnergyMatrix:
        """Return component x phase; SamplesLost or Overload when a window holds bad samples."""
        return energy.compute(self.profile, self.traces, self.windows, self.grades)

    def until(self, *, window: int, latency_s: float) -> Quantity | Absent:
        """Return the energy from the begin of run window `window` to `latency_s` later, or why there is none."""
        if any(("run", window) not in {(w.phase, w.index) for w in found} for found in self.windows.values()):
            return Absent(reason_code="no_window", reason=f"there is no run window {window}")
        try:
            return energy.until(self.profile, self.traces, self.windows, self.grades, index=window, latency_s=latency_s)
        except MeasurementError as error:
            return Absent(reason_code=error.code, reason=error.message)


def measure(profile: BenchProfile, report: AttemptReport, store: TraceStore) -> Measured:
    """Read the traces that a report names and find its windows on them; MeasurementError when that cannot be done.

    A monitor whose clock cannot be tied to the marker line is left out, with a code, and the boundary says so.
    """
    acquired = {a.monitor: a for a in report.acquisitions}
    traces = {ref.monitor: _read(store, ref.digest, ref.monitor) for ref in report.traces}
    codes = [code for monitor, trace in traces.items() for code in _losses(trace, acquired.get(monitor))]
    found = _windows(profile, report, traces)
    configured = {m.id for m in profile.monitors if m.channels}
    codes += ["monitor_without_trace"] if configured - set(traces) else []
    codes += ["clock_not_mapped"] if set(traces) - set(found) else []
    grades = {monitor: _grade(acquired.get(monitor)) for monitor in found}
    codes += ["grade_unknown"] if None in grades.values() else []
    return Measured(
        profile=_seen_by(profile, set(found)),
        traces={monitor: traces[monitor] for monitor in found},
        windows=found,
        grades={monitor: grade or UNKNOWN_GRADE for monitor, grade in grades.items()},
        codes=tuple(dict.fromkeys(codes)),
    )


def _read(store: TraceStore, digest: str, monitor: str) -> Trace:
    try:
        return store.read(digest.removeprefix("sha256:"))
    except (ValueError, FileNotFoundError) as error:
        raise BadTrace(f"the trace of monitor '{monitor}' cannot be read: {error}", where=monitor) from error


def _losses(trace: Trace, acquired: AcquisitionReport | None) -> list[str]:
    """Name lost samples outside the windows; SamplesLost when nobody knows where they are missing."""
    if acquired is None:
        return ["no_acquisition_report"]
    placed = sum(gap.length for gap in trace.head.gaps)
    if acquired.dropped > placed:
        raise SamplesLost(
            f"{acquired.dropped} samples were dropped and only {placed} of them have a place in the trace",
            where=acquired.monitor,
            next_step="Lower the sample rate or repeat the attempt.",
        )
    return ["samples_dropped"] if placed else []


def _windows(
    profile: BenchProfile, report: AttemptReport, traces: Mapping[str, Trace]
) -> dict[str, tuple[Window, ...]]:
    """Find the windows on every trace whose clock is known: the marker monitor's, or the host's by the marker log."""
    marker = profile.marker
    line: tuple[Window, ...] = ()
    line_clock = None
    wired = traces.get(marker.monitor or "")
    if marker.mode != "software" and wired is not None:
        line_clock = wired.head.clock
        line = windows.align(wired, report.windows, marker.mode)
    found = {monitor: line for monitor, trace in traces.items() if trace.head.clock == line_clock}
    by_host = [m for m, trace in traces.items() if m not in found and trace.head.clock == "host"]
    if by_host:
        logged = windows.from_markers(report.markers, report.windows)
        found |= dict.fromkeys(by_host, logged)
    return found


def _grade(acquired: AcquisitionReport | None) -> Grade | None:
    said = acquired.settings.get("grade") if acquired else None
    return next((grade for grade in GRADE_ORDER if grade == said), None)


def _seen_by(profile: BenchProfile, monitors: set[str]) -> BenchProfile:
    """Return the profile with only those monitors, so that the boundary says what was really inside."""
    return profile.model_copy(update={"monitors": tuple(m for m in profile.monitors if m.id in monitors)})


@dataclass(frozen=True)
class OnboardEnergy:
    """The sensors' mean powers and the lengths in seconds of the run windows, by window."""

    power: OnboardPower
    lengths_s: Mapping[int, float]
    reality: Reality

    def matrix(self) -> EnergyMatrix | Absent:
        """Return component x "run", or why there is none."""
        return onboard.matrix(self.power, list(self.lengths_s.values()), self.reality)

    def until(self, *, window: int, latency_s: float) -> Quantity | Absent:
        """Return the energy from the begin of run window `window` to `latency_s` later, or why there is none."""
        if window not in self.lengths_s:
            return Absent(reason_code="no_window", reason=f"there is no run window {window}")
        return onboard.until(self.power, latency_s)


def onboard_energy(report: AttemptReport, reality: Reality) -> OnboardEnergy | Absent | None:
    """Return the energy by the board's own sensors, or why there is none; None for a board without sensors."""
    found, clock = getattr(report.answer, "onboard", None), getattr(report.answer, "clock", "host")
    if not isinstance(found, OnboardPower):
        return found if isinstance(found, Absent) else None
    # Only the sensors' own clock says how long the chip ran; a host's window holds the host's work too.
    runs = [time for time in report.times if time.phase == "run" and time.clock == clock != "host"]
    return OnboardEnergy(found, {time.index: time.duration_s for time in runs}, reality)
