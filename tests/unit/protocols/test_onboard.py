"""Energy of a board's own sensors against numbers worked out by hand."""

from __future__ import annotations

import math
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import ValidationError

from neurorig_protocols.energy import EnergyMatrix
from neurorig_protocols.onboard import ACCURACY, OnboardPower, matrix, until
from neurorig_protocols.quantities import Absent, Quantity

SHARES = {"neurocores": 0.5, "memory": 0.3, "io": 0.2}
"""Watts; 1 W in all."""


def power(statics: dict[str, float] | None = None, **changes: Any) -> OnboardPower:
    """Sensors good to 3 %, a spread of 0.1 W over 100 samples: relative standard uncertainties 1.732 % and 1 %."""
    parts = [
        {"component": name, "rails": (f"{name}-rail",), "mean_w": watts, "static_w": (statics or {}).get(name)}
        for name, watts in SHARES.items()
    ]
    fields = {
        "components": parts, "static_w": 1.2, "chips_available": 8, "chips_allocated": 2, "pass_s": 1.0,
        "samples": 100, "spread_w": 0.1, "accuracy": 0.03, "source": "by hand",
    }  # fmt: skip
    return OnboardPower.model_validate({**fields, **changes})


def made(found: EnergyMatrix | Absent) -> EnergyMatrix:
    """Return a matrix that is there."""
    assert isinstance(found, EnergyMatrix)
    return found


def test_energy_is_mean_power_times_the_run_windows() -> None:
    """0.5 W over 0.2 s and 0.4 s are 0.3 J; 1.732 % and 1 % of it make u = 2 %."""
    cell = made(matrix(power(), [0.2, 0.4], "physical")).cell("neurocores", "run")

    assert (cell.energy.value, cell.energy.u) == (pytest.approx(0.3), pytest.approx(0.006))
    assert [(line.name, line.type) for line in cell.energy.budget] == [(ACCURACY, "B"), ("repeats", "A")]
    assert [line.u for line in cell.energy.budget] == [pytest.approx(0.3 * 0.03 / math.sqrt(3)), pytest.approx(0.003)]
    assert (cell.windows, cell.duration_s, cell.energy.grade) == (2, pytest.approx(0.6), "onboard")
    assert (cell.active_power.value, cell.active_power.u) == (pytest.approx(0.5), pytest.approx(0.01))


def test_the_mean_window_carries_the_spread_of_the_windows() -> None:
    """0.1 J and 0.2 J are 0.15 J with 0.05 J as the standard deviation of the mean."""
    each = made(matrix(power(spread_w=None, samples=None), [0.2, 0.4], "physical")).cell("neurocores", "run").per_window

    assert (each.value, each.n) == (pytest.approx(0.15), 2)
    assert {line.name: line.u for line in each.budget}["repeats"] == pytest.approx(0.05)


def test_the_sensors_error_does_not_average_out_over_components() -> None:
    """One error of all sensors: the total has the relative uncertainty of its parts."""
    found = made(matrix(power(), [0.6], "virtual"))

    assert found.totals[0].energy.value == pytest.approx(0.6)
    assert found.totals[0].energy.u == pytest.approx(sum(cell.energy.u for cell in found.cells)) == pytest.approx(0.012)
    assert found.reality == "virtual"
    assert (found.boundary.components, found.boundary.rails[0]) == (tuple(SHARES), "neurocores-rail")


def test_a_negative_dynamic_energy_is_kept_and_its_uncertainty_does_not_cancel() -> None:
    """0.3 J less 0.6 W over 0.6 s is -0.06 J; both readings have their own error of 1.732 %."""
    cell = made(matrix(power({"neurocores": 0.6}), [0.6], "physical")).cell("neurocores", "run")

    assert isinstance(cell.dynamic, Quantity)
    assert isinstance(cell.idle_power, Quantity)
    assert cell.dynamic.value == pytest.approx(-0.06)
    assert cell.dynamic.u == pytest.approx(math.hypot(0.3 * 0.03 / 3**0.5, 0.36 * 0.03 / 3**0.5, 0.003))
    assert (cell.idle_power.value, cell.idle_power.u) == (0.6, pytest.approx(0.6 * 0.03 / 3**0.5))
    assert power().dynamic_w == pytest.approx(-0.2)


def test_static_power_of_the_whole_board_is_shared_out_to_no_rail() -> None:
    """A component has no baseline without a static power of its rails; the board's own stays with the record."""
    cell = made(matrix(power(), [0.6], "physical")).cells[0]

    assert isinstance(cell.idle_power, Absent)
    assert isinstance(cell.dynamic, Absent)
    assert cell.dynamic.reason_code == "no_static_per_rail"
    assert power().idle_chips_static_w == pytest.approx(0.9)
    assert power(static_w=None).dynamic_w is None


def test_without_a_declared_accuracy_there_is_no_energy() -> None:
    """An uncertainty is not made up."""
    blind = power(accuracy=None)

    for found in (matrix(blind, [0.6], "physical"), until(blind, 0.1)):
        assert isinstance(found, Absent)
        assert found.reason_code == "sensor_accuracy_undeclared"
        assert "declare `sensor_accuracy` in the bench file" in found.reason


@pytest.mark.parametrize("durations_s", [[], [0.0]])
def test_without_a_time_there_is_no_energy(durations_s: list[float]) -> None:
    """No window or one of no length, no joule."""
    found = matrix(power(), durations_s, "physical")

    assert isinstance(found, Absent)
    assert found.reason_code == "no_board_time"


def test_energy_to_a_gap_is_mean_power_times_latency() -> None:
    """1 W for 50 ms, with the budget of the power."""
    found = until(power(), 0.05)

    assert isinstance(found, Quantity)
    assert (found.value, found.u, found.grade) == (pytest.approx(0.05), pytest.approx(0.001), "onboard")


@given(st.floats(1e-6, 1e3), st.floats(1e-3, 1.0))
def test_energy_to_the_end_of_a_run_is_the_energy_of_the_run(seconds: float, accuracy: float) -> None:
    """Both ways to the same joule agree, value and uncertainty."""
    found = power(accuracy=accuracy)

    assert until(found, seconds) == made(matrix(found, [seconds], "physical")).totals[0].energy


@pytest.mark.parametrize(
    ("changes", "what"),
    [
        ({"chips_allocated": 9}, "9 of 8 chips"),
        ({"spread_w": 0.1, "samples": 1}, "two samples"),
        ({"accuracy": 0.0}, "greater than 0"),
        ({"accuracy": 1.1}, "less than or equal to 1"),
        ({"components": [{"component": "a", "rails": ["r"], "mean_w": 0.0}]}, "none of a running board"),
        ({"components": [{"component": "a", "rails": ["r"], "mean_w": 1.0}] * 2}, "two powers"),
    ],
)
def test_a_record_that_contradicts_itself_is_refused(changes: dict[str, Any], what: str) -> None:
    """What no board can have said is no record."""
    with pytest.raises(ValidationError, match=what):
        power(**changes)
