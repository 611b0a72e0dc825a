"""What leaves the chip's words while it runs is told, never wrapped."""

from __future__ import annotations

import numpy as np
import pytest

from neurorig_drivers.annealing.network import Network
from neurorig_drivers.annealing.schedule import schedule_for
from neurorig_lab.chip.annealer import Annealer
from neurorig_lab.chip.mapping import Mapping
from neurorig_lab.chip.placed import accept
from neurorig_lab.chip.routing import Mesh
from neurorig_protocols.errors import JobError


def unchecked(diagonal: list[int], rows: list[int], cols: list[int], weight: int) -> tuple[Network, Mapping]:
    """Return a network that the checks of `from_arrays` would refuse, on one tile."""
    source, target = np.array(rows + cols), np.array(cols + rows)
    order = np.lexsort((target, source))
    start = np.zeros(len(diagonal) + 1, np.int64)
    np.cumsum(np.bincount(source, minlength=len(diagonal)), out=start[1:])
    network = Network(np.array(diagonal), start, target[order], np.full(len(target), weight))
    return network, accept(network, np.arange(len(diagonal)) % 4, Mesh(1, 1), tree=False)


def test_a_state_beyond_24_bits_stops_the_run() -> None:
    """Two spikes of -2²² leave the range of a neuron's state, which is told and not wrapped."""
    network, mapping = unchecked([-1, -1, -1], [0, 1], [1, 2], -(2**22))
    run = Annealer(network, mapping, schedule_for(3, 1.0, {}), seed=1, limit_s=1e-3)
    with pytest.raises(JobError, match="24 bits"):
        run.advance()


def test_a_cost_beyond_32_bits_stops_the_run() -> None:
    """A ring whose best cost is below -2³¹ is told to overflow, with every neuron's state in range."""
    n = 600
    network, mapping = unchecked([-1] * n, list(range(n)), [*range(1, n), 0], -(2**21))
    run = Annealer(network, mapping, schedule_for(n, 0.01, {}), seed=1, limit_s=1e-2)
    with pytest.raises(JobError, match="32 bits"):
        run.advance()
