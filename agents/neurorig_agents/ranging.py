"""What the ranging pass teaches: the peak of every rail, the length of a run, and the sample rate that follows.

An unmeasured run fixes ranges and rate for the measured ones, as MLPerf Power has it; both are kept in the report.
The first pass, on the widest ranges, sees little but noise on small rails, so a second one follows on finer ranges.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

from neurorig_agents import sampling
from neurorig_agents.recorder import Recording
from neurorig_agents.workloads.prepared import Prepared
from neurorig_protocols.board import RunOutput
from neurorig_protocols.plan import MeasurementPlan

ASSUMED_SHORTEST_S = 0.2
"""Without a ranging pass a run may end long before its limit, at a gap; finer than this is not assumed."""

_MIN_SHARE = 1e-6


@dataclass(frozen=True)
class Setting:
    """How the monitors are armed. `run_wall_s`: seconds of the host clock that one run takes, 0 when not known."""

    rate_hz: float
    peak_w: dict[str, float] = field(default_factory=dict)
    run_wall_s: float = 0.0
    provenance: dict[str, Any] = field(default_factory=dict)


def assumed(work: Prepared, plan: MeasurementPlan) -> Setting:
    """Return the setting without a ranging pass: the largest ranges, and a rate from the workload's own limits."""
    longest_s = work.longest_s or 1.0
    return Setting(sampling.measuring_rate_hz(min(longest_s, ASSUMED_SHORTEST_S), _total_s(plan, longest_s)))


def learned(
    work: Prepared, plan: MeasurementPlan, output: RunOutput, recordings: Sequence[Recording], wall_s: float
) -> Setting:
    """Return the setting after one unmeasured run that took `wall_s` seconds of the host clock.

    Raises KeyError, TypeError or ValueError when the board's output is not what its kind has agreed.
    """
    share = max(work.share(output), _MIN_SHARE)
    peak_w = {rail: watts for recording in recordings for rail, watts in _peaks_w(recording).items()}
    run_s = max(r.trace.duration_ns for r in recordings) * 1e-9
    shortest_s = work.shortest_s(output) or _shortest_pulse_s(recordings) or run_s or None
    rate_hz = sampling.measuring_rate_hz(shortest_s, _total_s(plan, run_s / share))
    kept = {"peak_w": peak_w, "run_s": run_s, "shortest_window_s": shortest_s, "rate_hz": rate_hz}
    return Setting(rate_hz, peak_w, wall_s / share, kept)


def _peaks_w(recording: Recording) -> dict[str, float]:
    # A negative offset error on a wide range may hide what a finer range would overflow with.
    hidden_w = {c.rail: c.accuracy.offset_limit_w for c in recording.trace.head.channels}
    return {rail: watts + hidden_w[rail] for rail, watts in recording.peak_w.items()}


def _shortest_pulse_s(recordings: Sequence[Recording]) -> float | None:
    found = [sampling.shortest_pulse_window_s(r.trace.digital, r.trace.head.dt_ns * 1e-9) for r in recordings]
    return min((seconds for seconds in found if seconds), default=None)


def _total_s(plan: MeasurementPlan, run_s: float) -> float:
    runs = plan.trials + plan.warmup
    return 2 * plan.idle_s + runs * run_s + (runs + 3) * plan.settle_s
