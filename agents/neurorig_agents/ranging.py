"""What the ranging pass measures: the peak of every rail, the length of a run, and the sample rate that follows."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import numpy.typing as npt

from neurorig_agents.recorder import Recording
from neurorig_agents.workloads.prepared import Prepared
from neurorig_protocols.board import RunOutput
from neurorig_protocols.plan import MeasurementPlan

EDGE_SHARE = 2e-4
"""Both edges together may be uncertain by so much of the shortest window."""

MIN_SAMPLES_PER_WINDOW = 2000
MAX_SAMPLES = 5_000_000
"""Of one monitor in one attempt; this bound comes before the others."""

DEFAULT_RATE_HZ = 10_000.0
"""For the ranging pass, and for a measurement without one, when nothing is known of the run's length."""

MAX_RANGING_RATE_HZ = 1e6
MAX_RANGING_SAMPLES = 2_000_000


def measuring_rate_hz(shortest_s: float | None, total_s: float) -> float:
    """Return the rate for windows of at least `shortest_s` in an acquisition of `total_s`, both in seconds."""
    bound_hz = MAX_SAMPLES / total_s
    if shortest_s is None:
        return min(DEFAULT_RATE_HZ, bound_hz)
    edges_hz = math.sqrt(2 / 12) / (EDGE_SHARE * shortest_s)
    return min(max(edges_hz, MIN_SAMPLES_PER_WINDOW / shortest_s), bound_hz)


def ranging_rate_hz(longest_s: float | None) -> float:
    """Return the rate for one run of at most `longest_s`: fine, because coarse samples average the peaks away."""
    if longest_s is None:
        return DEFAULT_RATE_HZ
    return min(MAX_RANGING_RATE_HZ, MAX_RANGING_SAMPLES / longest_s)


def shortest_pulse_window_s(digital: npt.NDArray[np.uint8], period_s: float) -> float | None:
    """Return the shortest stretch between the falling edges of a pair on the marker line (bit 0); None without one.

    A board that pulses for every timestamp does so in the ranging pass too, and often tells no latency besides.
    """
    line = (digital & 1).astype(np.int8)
    falls = np.flatnonzero(np.diff(line) == -1)
    pairs = len(falls) // 2
    lengths = falls[1 : 2 * pairs : 2] - falls[0 : 2 * pairs : 2]
    return float(lengths.min()) * period_s if pairs else None


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
    return Setting(measuring_rate_hz(min(longest_s, ASSUMED_SHORTEST_S), _total_s(plan, longest_s)))


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
    rate_hz = measuring_rate_hz(shortest_s, _total_s(plan, run_s / share))
    kept = {"peak_w": peak_w, "run_s": run_s, "shortest_window_s": shortest_s, "rate_hz": rate_hz}
    return Setting(rate_hz, peak_w, wall_s / share, kept)


def _peaks_w(recording: Recording) -> dict[str, float]:
    # A negative offset error on a wide range may hide what a finer range would overflow with.
    hidden_w = {c.rail: c.accuracy.offset_limit_w for c in recording.trace.head.channels}
    return {rail: watts + hidden_w[rail] for rail, watts in recording.peak_w.items()}


def _shortest_pulse_s(recordings: Sequence[Recording]) -> float | None:
    found = [shortest_pulse_window_s(r.trace.digital, r.trace.head.dt_ns * 1e-9) for r in recordings]
    return min((seconds for seconds in found if seconds), default=None)


def _total_s(plan: MeasurementPlan, run_s: float) -> float:
    runs = plan.trials + plan.warmup
    return 2 * plan.idle_s + runs * run_s + (runs + 3) * plan.settle_s
