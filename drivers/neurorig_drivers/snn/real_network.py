"""A spiking network in real numbers, with its time already cut into steps: between a NIR graph and integers."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

import numpy as np
import numpy.typing as npt

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
