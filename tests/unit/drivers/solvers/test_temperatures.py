"""The temperatures that a first descent sets."""

from __future__ import annotations

import numpy as np
import pytest

from neurorig_drivers.solvers.machine_code import plain
from neurorig_drivers.solvers.sa_search import COLD, HOT, choose_temperatures


def chosen(rise, sign, hot=0.0, cold=0.0):
    """Return hot and cold for a state."""
    temperatures = np.array([hot, cold])
    plain(choose_temperatures)(temperatures, (np.array(rise), np.array(sign, np.int8)))
    return temperatures.tolist()


def test_scales_are_the_smaller_mean_and_the_smallest_rise():
    """Variables at 1 rise by 2 on average, those at 0 by 6: 2 is the hot scale, and the smallest rise, 1, the cold."""
    assert chosen([1, 3, 4, 8], [-1, -1, 1, 1]) == pytest.approx([2 * HOT, 1 * COLD])


def test_the_cold_scale_is_a_mean_of_the_smallest_in_large_problems():
    """Of 64 variables the two smallest rises above 0 count."""
    rise = [0, 2, 4] + [100] * 61

    assert chosen(rise, [1] * 64)[1] == pytest.approx(3 * COLD)


def test_one_kind_of_variables_is_enough():
    """Where all variables are at 0, their mean alone is the hot scale."""
    assert chosen([5, 7], [1, 1])[0] == pytest.approx(6 * HOT)


def test_a_flat_problem_has_temperatures_too():
    """Where no flip raises the cost, the scales are 1."""
    assert chosen([0, 0], [1, -1]) == pytest.approx([HOT, COLD])


def test_given_temperatures_stay_and_an_anneal_cools():
    """What is given is kept, and the other one is never on its wrong side."""
    assert chosen([1, 3], [1, 1], hot=9.0)[0] == 9.0
    assert chosen([1, 3], [1, 1], cold=50.0) == [50.0, 50.0]
    assert chosen([100, 300], [1, 1], hot=0.5) == [0.5, 0.5]
