"""A spiking network in real numbers, with its time already cut into steps: between a NIR graph and integers."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

import numpy as np
import numpy.typing as npt

from neurorig_protocols.board import Arrays

Floats = npt.NDArray[np.float64]
Ints = npt.NDArray[np.int64]


@dataclass(frozen=True, eq=False)
class RealPopulation:
    """One neuron node of the graph; arrays float64 (neurons,)."""

    name: str
    kind: str
    keep_u: Floats
    keep_v: Floats
    threshold: Floats
    bias: Floats
    notes: tuple[str, ...] = ()

    @property
    def neurons(self) -> int:
        """Number of neurons."""
        return len(self.threshold)


@dataclass(frozen=True, eq=False)
class RealNetwork:
    """Populations in order; `matrix` is a scipy.sparse CSC matrix (neurons, inputs + neurons)."""

    dt: float
    inputs: tuple[tuple[str, int], ...]
    populations: tuple[RealPopulation, ...]
    outputs: tuple[int, ...]
    matrix: Any
    notes: tuple[str, ...] = field(default=())

    @property
    def input_lines(self) -> int:
        """Number of input lines of all Input nodes, in the order of their names."""
        return sum(size for _, size in self.inputs)

    @property
    def neurons(self) -> int:
        """Number of neurons."""
        return sum(population.neurons for population in self.populations)

    @property
    def population_of(self) -> Ints:
        """Number of the population of each neuron, int64 (neurons,)."""
        return np.repeat(np.arange(len(self.populations)), [p.neurons for p in self.populations])


def simulate_real(network: RealNetwork, events: Arrays, *, steps: int, samples: int) -> Ints:
    """Return the spike counts int64 (samples, neurons): what the lowered network is compared with."""
    keep_u, keep_v, threshold, bias = (
        np.concatenate([getattr(p, name) for p in network.populations])
        for name in ("keep_u", "keep_v", "threshold", "bias")
    )
    counts = np.zeros((samples, network.neurons), np.int64)
    for sample in range(samples):
        here = events["event_sample"] == sample
        drive = np.zeros((steps, network.input_lines + network.neurons))
        np.add.at(drive, (events["event_step"][here], events["event_input"][here]), 1.0)
        u, v = np.zeros(network.neurons), np.zeros(network.neurons)
        fired = np.zeros(network.neurons)
        for step in range(steps):
            drive[step, network.input_lines :] = fired
            u = keep_u * u + network.matrix @ drive[step]
            v = keep_v * v + u + bias
            fired = (v > threshold).astype(float)
            v[fired > 0] = 0.0
            counts[sample] += fired.astype(np.int64)
    return counts
