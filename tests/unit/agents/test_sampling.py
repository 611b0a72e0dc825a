"""The sample rate makes edges certain enough, within the bound on samples."""

from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from neurorig_agents import ranging
from neurorig_agents.ranging import measuring_rate_hz, ranging_rate_hz, shortest_pulse_window_s


@given(st.floats(1e-6, 1e3), st.floats(1.0, 1e4))
def test_windows_get_samples_and_certain_edges(shortest_s: float, factor: float) -> None:
    """Unless the bound forbids it, a window has 2000 samples and edges uncertain by 0.02 % of it at most."""
    total_s = shortest_s * factor
    rate_hz = measuring_rate_hz(shortest_s, total_s)

    assert rate_hz * total_s <= ranging.MAX_SAMPLES * (1 + 1e-9)
    if rate_hz * total_s < ranging.MAX_SAMPLES * (1 - 1e-9):
        assert rate_hz * shortest_s >= 2000
        assert math.sqrt(2) / (rate_hz * math.sqrt(12)) <= 0.0002 * shortest_s * (1 + 1e-9)
        # And no faster than that needs.
        assert rate_hz * shortest_s <= 2042


def test_the_rate_of_ten_milliseconds() -> None:
    """A 10 ms window needs 204 kHz."""
    assert measuring_rate_hz(0.01, 0.2) == pytest.approx(204_124, rel=1e-4)


def test_an_unknown_length_gets_the_default() -> None:
    """Where no length is known the rate is 10 kHz, bounded like any other."""
    assert measuring_rate_hz(None, 1.0) == 10_000
    assert measuring_rate_hz(None, 5000.0) == 1000


@pytest.mark.parametrize(("longest_s", "rate_hz"), [(None, 1e4), (0.01, 1e6), (2.0, 1e6), (20.0, 1e5)])
def test_the_ranging_pass_is_fine_but_bounded(longest_s: float | None, rate_hz: float) -> None:
    """The ranging pass samples as fast as its longest possible run allows."""
    assert ranging_rate_hz(longest_s) == rate_hz


def test_pulse_pairs_give_the_shortest_window() -> None:
    """Falling edges in pairs bracket windows; a last edge without its pair does not count."""
    line = np.ones(100, np.uint8)
    line[[10, 30, 50, 60, 90]] = 0

    assert shortest_pulse_window_s(line, 1e-3) == pytest.approx(0.010)
    assert shortest_pulse_window_s(line[:35], 1e-3) == pytest.approx(0.020)


def test_no_pulse_is_no_window() -> None:
    """A line that does not move, or moves once, tells nothing."""
    line = np.zeros(50, np.uint8)
    assert shortest_pulse_window_s(line, 1.0) is None
    line[10:20] = 1
    assert shortest_pulse_window_s(line, 1.0) is None
    assert shortest_pulse_window_s(line[:0], 1.0) is None
