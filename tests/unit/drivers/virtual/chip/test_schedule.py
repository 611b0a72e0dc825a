"""Schedules are integers of the chip and depend on size and density only."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from neurorig_drivers.annealing.schedule import FRACTION, TEMPERATURE_LIMIT, Schedule, schedule_for
from neurorig_protocols.errors import UserError


@given(
    kind=st.sampled_from(["geometric", "linear"]),
    t_max=st.floats(0.05, 300),
    share=st.floats(0.12, 1),
    levels=st.integers(2, 100),
    scale=st.floats(1, 1e7),
)
def test_words_fit_and_fall_to_the_lowest_temperature(
    kind: Any, t_max: float, share: float, levels: int, scale: float
) -> None:
    """Sent temperatures stay within 16 bits, never rise, and end at t_min within a level's rounding."""
    words = Schedule(kind=kind, t_max=t_max, t_min=t_max * share, levels=levels).words(scale)
    state = words["t_max"]
    sent = [state >> FRACTION]
    for _ in range(levels - 1):
        state = max((state * words["factor"] >> 16) - words["decrement"], words["t_min"])
        sent.append(state >> FRACTION)

    assert 0 < sent[-1] <= sent[0] <= TEMPERATURE_LIMIT
    assert sent == sorted(sent, reverse=True)
    assert state == pytest.approx(words["t_min"], rel=2e-3, abs=levels)


def test_temperatures_follow_the_cost_unit_as_far_as_16_bits_reach() -> None:
    """A problem with ten times the weights gets ten times the temperature, until the word is full."""
    schedule = schedule_for(250, 0.05, {})
    one, ten, huge = (schedule.words(scale) for scale in (1.0, 10.0, 1e9))

    assert ten["t_max"] == pytest.approx(10 * one["t_max"], abs=10)
    assert huge["t_max"] >> FRACTION == TEMPERATURE_LIMIT
    assert huge["t_min"] / huge["t_max"] == pytest.approx(one["t_min"] / one["t_max"], rel=1e-3)


def test_parameters_replace_defaults() -> None:
    """What a job asks for is taken, the rest stays the default of its size and density."""
    schedule = schedule_for(250, 0.05, {"t_max": 1.5, "kind": "linear"})
    default = schedule_for(250, 0.05, {})

    assert (schedule.t_max, schedule.kind) == (1.5, "linear")
    assert schedule.model_copy(update={"t_max": default.t_max, "kind": default.kind}) == default


@pytest.mark.parametrize(
    "params",
    [{"t_max": -1}, {"t_mx": 1}, {"levels": 1}, {"t_min": 9.0}, {"t_max": 1e4}, {"kind": "x"}],
)
def test_wrong_parameters_are_named(params: dict[str, Any]) -> None:
    """A parameter that cannot be is the user's error and says which."""
    with pytest.raises(UserError, match="parameters are wrong"):
        schedule_for(250, 0.05, params)


def test_a_lowest_temperature_below_the_chips_first_one_is_refused() -> None:
    """How low t_min may be depends on the cost unit, so it is the words that say so."""
    schedule = Schedule(t_min=0.001)

    assert schedule.words(10.0)["t_min"] >> FRACTION == 1
    with pytest.raises(UserError, match=r"t_min is 0\.001.*begin at 0\.0056"):
        schedule.words(1.0)
