"""How an annealing is cut into launches: lengths, temperatures, limits."""

from __future__ import annotations

import math
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from neurorig_drivers.solvers.gpu_search import LONGEST_SLICE_S, Pace, Schedule

TEMPERATURES = (8.0, 0.5)


def played(schedule, sweep_s, launch_s):
    """Play a schedule on a GPU of constant pace; return its slices with the instants of their ends."""
    now_s, slices = 0.0, []
    while (part := schedule.next(now_s)) is not None:
        now_s += launch_s + part.sweeps * sweep_s
        schedule.took(part.sweeps, launch_s + part.sweeps * sweep_s)
        slices.append((now_s, part))
    return slices


def temperatures(slices):
    """Return the temperature of every sweep."""
    return [part.base * math.exp(part.slope * (part.position + k)) for _, part in slices for k in range(part.sweeps)]


@given(
    limit_s=st.floats(1e-4, 0.1),
    sweep_s=st.floats(1e-6, 1e-3),
    launch_s=st.floats(0, 1e-4),
    read_s=st.floats(0, 1e-4),
    guess=st.floats(0.2, 5),
)
def test_a_limit_is_kept_by_a_sweep(limit_s, sweep_s, launch_s, read_s, guess):
    """At a constant pace no search goes beyond its limit, unless the pace of the very first launch was misjudged."""
    pace = Pace(launch_s=launch_s, read_s=read_s, hot_sweep_s=sweep_s * guess)
    slices = played(Schedule(pace, limit_s, TEMPERATURES, 16, None), sweep_s, launch_s)

    first = slices[0][0] if slices else 0.0
    end_s = slices[-1][0] if slices else 0.0
    assert end_s + read_s <= max(limit_s, first + read_s) * (1 + 1e-6)
    assert all(part.sweeps > 0 for _, part in slices)


def test_a_limit_is_used_up():
    """A search of a constant pace stops less than one launch and one sweep before its limit."""
    pace = Pace(launch_s=2e-5, read_s=5e-5, hot_sweep_s=1e-5)
    slices = played(Schedule(pace, 0.01, TEMPERATURES, 16, None), 1e-5, 2e-5)

    assert 0.01 - 5e-5 - 3e-5 - 2e-5 < slices[-1][0] <= 0.01 - 5e-5


@pytest.mark.parametrize("sweep_s", [1e-6, 1e-4])
def test_equal_numbers_of_sweeps_have_equal_temperatures(sweep_s):
    """Given the number of sweeps, each sweep's temperature is the same to the last bit, however it is cut."""
    usual = played(Schedule(Pace(hot_sweep_s=1e-5), 1e6, TEMPERATURES, 16, 200), 1e-5, 0.0)
    other = played(Schedule(Pace(hot_sweep_s=sweep_s), 1e6, TEMPERATURES, 16, 200), sweep_s, 0.0)

    assert temperatures(usual) == temperatures(other)
    assert len(temperatures(usual)) == 200


def test_anneals_double_and_cool():
    """Sweeps 0-3, 4-11 and 12-27 are anneals: each begins hot, cools all along and ends just above the cold end."""
    curve = temperatures(played(Schedule(Pace(), 1e6, TEMPERATURES, 4, 28), 1e-5, 0.0))
    anneals = [curve[:4], curve[4:12], curve[12:]]

    for anneal in anneals:
        assert anneal[0] == TEMPERATURES[0]
        assert all(b < a for a, b in pairwise(anneal))
        assert anneal[-1] > TEMPERATURES[1]


def test_the_last_anneal_ends_cold():
    """Under a time limit the last sweep comes within a few per cent of the cold end."""
    pace = Pace(launch_s=1e-5, read_s=0.0, hot_sweep_s=1e-5)
    slices = played(Schedule(pace, 0.02, TEMPERATURES, 16, None), 1e-5, 1e-5)

    assert TEMPERATURES[1] <= temperatures(slices)[-1] < 1.05 * TEMPERATURES[1]


def test_slices_are_short():
    """No launch is planned longer than a slice, after the pace is known."""
    slices = played(Schedule(Pace(launch_s=0.0, hot_sweep_s=1e-5), 1.0, TEMPERATURES, 16, None), 1e-5, 0.0)

    assert max(part.sweeps for _, part in slices) * 1e-5 <= LONGEST_SLICE_S * (1 + 1e-9)


def test_a_limit_too_short_for_a_sweep_has_no_launch():
    """Where not one sweep fits, nothing is launched: the descent's answer stands."""
    assert Schedule(Pace(), 1e-6, TEMPERATURES, 16, None).next(0.0) is None
