"""The integer form of a spiking network: what is taken over and what is refused."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pytest

from neurorig_protocols.board import Arrays
from neurorig_protocols.errors import WrongAnswer
from neurorig_protocols.workloads.snn.network import SpikingNetwork


def arrays() -> Arrays:
    """Return two neurons behind one input line, the first of which feeds the second."""
    return {
        "du": np.array([4096, 4096]),
        "dv": np.array([0, 128]),
        "vth": np.array([640, 640]),
        "bias": np.array([0, 0]),
        "population": np.array([0, 1]),
        "outputs": np.array([1]),
        "start": np.array([0, 1, 2, 2]),
        "target": np.array([0, 1]),
        "weight": np.array([20, -256]),
    }


def test_a_network_comes_back_from_its_arrays() -> None:
    """What goes into the arrays of an artifact comes out of them again."""
    network = SpikingNetwork.from_arrays(1, arrays())
    assert (network.n, network.inputs, network.synapses) == (2, 1, 2)
    again = network.to_arrays()
    assert all(np.array_equal(again[name], values) for name, values in arrays().items())


BROKEN: dict[str, tuple[Callable[[Arrays], object], str]] = {
    "no neurons": (lambda a: a.update({name: np.zeros(0, int) for name in a}), "empty"),
    "neurons of two lengths": (lambda a: a.update(dv=np.zeros(3, int)), "length"),
    "a source without its row": (lambda a: a.update(start=np.array([0, 1, 2])), "length"),
    "a weight without its target": (lambda a: a.update(weight=np.array([1])), "length"),
    "rows that overlap": (lambda a: a.update(start=np.array([0, 2, 1, 2])), "start"),
    "rows whose lengths wrap round": (lambda a: a.update(start=np.array([0, 2**63 - 1, -2, 2])), "start"),
    "synapses beyond the last row": (lambda a: a.update(start=np.array([0, 1, 1, 1])), "start"),
    "a decay of nothing": (lambda a: a.update(du=np.array([0, 1])), "du"),
    "a leak above one": (lambda a: a.update(dv=np.array([0, 4097])), "dv"),
    "a threshold below rest": (lambda a: a.update(vth=np.array([-1, 1])), "vth"),
    "a bias beyond the state": (lambda a: a.update(bias=np.array([2**23, 0])), "bias"),
    "a population beyond the neurons": (lambda a: a.update(population=np.array([0, 2])), "population"),
    "a weight of ten bits": (lambda a: a.update(weight=np.array([256, 0])), "weight"),
    "a target that is not there": (lambda a: a.update(target=np.array([0, 2])), "target"),
    "an output that is not there": (lambda a: a.update(outputs=np.array([-1])), "outputs"),
}


@pytest.mark.parametrize(("change", "named"), BROKEN.values(), ids=BROKEN)
def test_a_malformed_network_is_refused(change: Callable[[Arrays], object], named: str) -> None:
    """Each flaw is found before any board sees the network, and the message names it."""
    broken = arrays()
    change(broken)
    with pytest.raises(WrongAnswer, match=named):
        SpikingNetwork.from_arrays(1, broken)


def test_fractions_are_no_integers() -> None:
    """Weights that are not whole numbers are refused, never rounded in silence."""
    with pytest.raises(TypeError):
        SpikingNetwork.from_arrays(1, {**arrays(), "weight": np.array([0.5, 1.0])})
