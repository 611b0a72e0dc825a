"""The board says where its neuron cannot keep to the integers, and stays silent where it does."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from neurorig_drivers.boards.sanafe.engine import FRACTIONS, NO_LIMIT, inexact
from neurorig_protocols.workloads.snn.network import SpikingNetwork

QUIET = SpikingNetwork(
    inputs=1,
    du=np.array([4096]),
    dv=np.array([0]),
    vth=np.array([1000]),
    bias=np.array([0]),
    population=np.array([0]),
    outputs=np.array([0]),
    start=np.array([0, 1, 1]),
    target=np.array([0]),
    weight=np.array([-100]),
)


def test_currents_that_last_are_fractions() -> None:
    """A decay of the current below one keeps what the integers cut off."""
    assert inexact(replace(QUIET, du=np.array([4095])), 10) == FRACTIONS


@pytest.mark.parametrize(
    ("network", "steps", "why"),
    [
        (QUIET, 1310, None),
        (QUIET, 1311, NO_LIMIT),
        (replace(QUIET, dv=np.array([4])), 100_000, None),
        (replace(QUIET, dv=np.array([3])), 100_000, NO_LIMIT),
        (replace(QUIET, weight=np.array([100])), 100_000, None),
        (replace(QUIET, weight=np.array([0]), bias=np.array([-100])), 100_000, NO_LIMIT),
        (
            replace(QUIET, start=np.array([0, 600, 600]), target=np.zeros(600, int), weight=np.full(600, 255)),
            1,
            NO_LIMIT,
        ),
    ],
)
def test_states_that_could_leave_24_bits_are_told(network: SpikingNetwork, steps: int, why: str | None) -> None:
    """Inhibition that adds up over the steps that the leak allows, or one step's input, reaches the limit or not."""
    assert inexact(network, steps) == why
