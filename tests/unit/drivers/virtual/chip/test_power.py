"""Events become joules by the published figures, and nothing is lost between rails."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from neurorig_lab.chip import constants, kernel, power

COUNTS = st.lists(st.integers(0, 10**6), min_size=kernel.COUNTS, max_size=kernel.COUNTS)


@given(rows=st.lists(COUNTS, min_size=1, max_size=5), neurons=st.integers(1, 5000))
def test_energy_of_each_rail_is_events_times_published_energy(rows: list[list[int]], neurons: int) -> None:
    """Each rail is the closed form of its own events; power times duration gives the energy back."""
    segments = np.array(rows, np.int64)
    segments[:, kernel.SEG_TICKS] += 1
    steps, synops, spikes, messages, ew, ns, ticks = (
        segments[:, i].astype(float)
        for i in (
            kernel.SEG_STEPS,
            kernel.SYNOPS,
            kernel.SPIKES,
            kernel.MESSAGES,
            kernel.HOPS_EW,
            kernel.HOPS_NS,
            kernel.SEG_TICKS,
        )
    )
    expected = np.stack(
        [
            (steps * neurons * (51.2 + 21.6) + spikes * 69.3) * 1e-12,
            synops * 33.6e-12,
            (messages * 111 + ew * 3.0 + ns * 4.2) * 1e-12,
            ticks * 1e-10 * 65e-3,
            ticks * 1e-10 * 104.4e-3,
        ],
        axis=1,
    )

    assert power.energy_j(segments, neurons) == pytest.approx(expected, rel=1e-12)
    durations, watts = power.segments_to_play(segments, neurons)
    assert watts * durations[:, np.newaxis] == pytest.approx(expected, rel=1e-12)


def test_a_chip_at_rest_draws_leakage_and_management() -> None:
    """Configured and ready: 104.4 mW and 65 mW, nothing on the other rails."""
    assert power.standing_w() == {
        "neurocores": 0.0,
        "memory": 0.0,
        "io": 0.0,
        "management": pytest.approx(0.065),
        "static": pytest.approx(0.1044),
    }
    assert tuple(power.standing_w()) == constants.RAILS
