"""Puts the trial drivers, installed like anyone's, in reach of this process and of its children."""

from __future__ import annotations

from pathlib import Path

import pytest

TRIAL_DRIVERS = Path(__file__).parents[2] / "trial_drivers"


@pytest.fixture
def trial_drivers(monkeypatch: pytest.MonkeyPatch) -> Path:
    """Install the trial drivers for one test."""
    monkeypatch.syspath_prepend(str(TRIAL_DRIVERS))
    monkeypatch.setenv("PYTHONPATH", str(TRIAL_DRIVERS))
    return TRIAL_DRIVERS
