"""Spiking networks in integers: the dynamics that every simulated or real chip of this project has to follow.

One time step, all neurons in parallel, for a neuron with current u and membrane v (both start at 0):

    a = 64 * (sum of the weights of the synapses whose source spiked)
    u = trunc(u * (4096 - du) / 4096) + a
    v = clip(trunc(v * (4096 - dv) / 4096) + u + bias, -(2**23 - 1), 2**23 - 1)
    if v > vth: spike, v = 0

`trunc` rounds towards zero; u wraps round at 24 bits with sign. An input event of step t acts in step t, a spike of
a neuron in step t acts in step t + 1. This is the fixed-point leaky integrate-and-fire neuron of Lava (its du is
ours - 1, its vth ours / 64). IF neurons have du = 4096 and dv = 0.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from neurorig_protocols.board import Arrays
from neurorig_protocols.errors import WrongAnswer

Ints = npt.NDArray[np.int64]

WEIGHT_SHIFT = 6
"""A weight of 1 moves the current by 2**6 membrane units."""
DECAY_ONE = 4096
STATE_LIMIT = 2**23 - 1
WEIGHT_MIN, WEIGHT_MAX = -256, 255


@dataclass(frozen=True, eq=False)
class SpikingNetwork:
    """A network of n neurons and `inputs` input lines; arrays as listed in neurorig_protocols.board, kind "snn"."""

    inputs: int
    du: Ints
    dv: Ints
    vth: Ints
    bias: Ints
    population: Ints
    outputs: Ints
    start: Ints
    target: Ints
    weight: Ints

    @property
    def n(self) -> int:
        """Number of neurons."""
        return len(self.vth)

    @property
    def synapses(self) -> int:
        """Number of synapses, those of the input lines included."""
        return len(self.target)

    @classmethod
    def from_arrays(cls, inputs: int, arrays: Arrays) -> SpikingNetwork:
        """Check the arrays of an "snn" artifact; WrongAnswer names what is malformed."""
        names = ("du", "dv", "vth", "bias", "population", "outputs", "start", "target", "weight")
        network = cls(inputs, *(np.asarray(arrays[name]).astype(np.int64, casting="safe") for name in names))
        if (flaw := network._first_flaw()) is not None:
            raise WrongAnswer(f"the network is malformed: {flaw}", where="snn")
        return network

    def to_arrays(self) -> Arrays:
        """Return the arrays of an "snn" artifact."""
        names = ("du", "dv", "vth", "bias", "population", "outputs", "start", "target", "weight")
        return {name: getattr(self, name) for name in names}

    def _first_flaw(self) -> str | None:
        per_neuron = (self.du, self.dv, self.vth, self.bias, self.population)
        ranges = (
            ("du", self.du, 1, DECAY_ONE),
            ("dv", self.dv, 0, DECAY_ONE),
            ("vth", self.vth, 0, STATE_LIMIT),
            ("bias", self.bias, -STATE_LIMIT, STATE_LIMIT),
            ("population", self.population, 0, self.n - 1),
            ("weight", self.weight, WEIGHT_MIN, WEIGHT_MAX),
            ("target", self.target, 0, self.n - 1),
            ("outputs", self.outputs, 0, self.n - 1),
        )
        if self.n < 1 or self.inputs < 0 or any(part.shape != (self.n,) for part in per_neuron):
            return "the arrays of the neurons differ in length or are empty"
        if len(self.start) != self.inputs + self.n + 1 or self.target.shape != self.weight.shape:
            return "the arrays of the synapses differ in length"
        # Compared, not subtracted: a difference of hostile numbers may wrap round to a positive one.
        falls = (self.start[1:] < self.start[:-1]).any()
        if self.start[0] != 0 or self.start[-1] != self.synapses or falls:
            return "'start' does not rise from 0 to the number of synapses"
        wrong = [name for name, values, low, high in ranges if _beyond(values, low, high)]
        return f"'{wrong[0]}' is out of range" if wrong else None


def _beyond(values: Ints, low: int, high: int) -> bool:
    return bool(len(values) and (values.min() < low or values.max() > high))
