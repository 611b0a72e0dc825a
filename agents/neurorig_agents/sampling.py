"""Which sample rate an attempt needs. Pure; the monitor takes the slowest rate it has at or above the one asked for.

An edge lies anywhere inside a sample, so each has the standard uncertainty dt/√12 and a window √2 times that.
"""

from __future__ import annotations

import math

import numpy as np
import numpy.typing as npt

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
