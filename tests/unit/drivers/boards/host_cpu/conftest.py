"""Fixtures of the host-cpu board: a warm driver, and one with a problem loaded."""

from __future__ import annotations

import pytest
from host_cpu_kit import CONFIG, artifact, load

from neurorig_drivers.boards.host_cpu import HostCpu


@pytest.fixture(scope="module")
def warm():
    """One board for the module: its constructor imports and warms the solvers."""
    board = HostCpu(CONFIG)
    yield board
    board.close()


@pytest.fixture
def loaded(warm):
    """The board with the default problem loaded."""
    return load(warm, artifact())
