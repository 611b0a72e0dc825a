"""Drivers are found by name, and what is missing is said."""

from __future__ import annotations

from pathlib import Path

import pytest

from neurorig_drivers import registry
from neurorig_protocols.errors import DriverMissing


def test_an_unknown_name_lists_the_known_ones() -> None:
    """A driver that nobody installed is refused with the names of those that are."""
    with pytest.raises(DriverMissing) as caught:
        registry.board_class("no-such-board")

    assert "no board driver is called 'no-such-board'" in caught.value.message
    assert "host-cpu" in (caught.value.next_step or "")
    assert set(registry.known("board")) == set(caught.value.detail["known"])


def test_board_and_monitor_names_are_apart() -> None:
    """A board's name is no monitor's name."""
    with pytest.raises(DriverMissing, match="no monitor driver"):
        registry.monitor_class("host-cpu")


def test_a_foreign_distribution_adds_drivers(trial_drivers: Path) -> None:
    """A driver of another installed distribution is found by its entry point."""
    assert "trial-board" in registry.known("board")
    assert registry.board_class("trial-board").__name__ == "TrialBoard"
    assert registry.monitor_class("trial-monitor").__name__ == "TrialMonitor"


def test_a_missing_library_of_a_foreign_driver_names_its_package(trial_drivers: Path) -> None:
    """A driver whose library is missing says which library and whose driver it is."""
    with pytest.raises(DriverMissing, match="'a_library_that_nobody_has' is missing") as caught:
        registry.board_class("trial-without-library")

    assert "'trial-drivers'" in (caught.value.next_step or "")


def test_a_missing_library_of_our_driver_names_the_extra() -> None:
    """Our own drivers say which extra brings their library."""
    error = registry.missing_library("board", "host-cpu", ModuleNotFoundError("No module named 'dwave'", name="dwave"))

    assert "'dwave' is missing" in error.message
    assert error.next_step == "pip install neurorig[agent]"
