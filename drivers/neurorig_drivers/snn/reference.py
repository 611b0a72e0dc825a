"""The dynamics of `neurorig_protocols.snn` written down plainly: what a board is compared with.

For tests and conformance checks. Not for speed: one step costs a few array operations over all neurons.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from neurorig_protocols.board import Arrays
from neurorig_protocols.snn import DECAY_ONE, STATE_LIMIT, WEIGHT_SHIFT, Ints, SpikingNetwork

_CURRENT_SPAN = 2**24


@dataclass(frozen=True, eq=False)
class Raster:
    """What each sample gave: int64 counts (samples, n) and first_step (samples, n), -1 for neurons that were silent."""

    counts: Ints
    first_step: Ints

    def answer(self, network: SpikingNetwork) -> Arrays:
        """Return the arrays of an "snn" RunOutput."""
        populations = int(network.population.max()) + 1
        by_population = np.zeros((len(self.counts), populations), np.int64)
        np.add.at(by_population.T, network.population, self.counts.T)
        return {
            "counts": self.counts[:, network.outputs],
            "first_step": self.first_step[:, network.outputs],
            "population_spikes": by_population,
        }


def simulate(network: SpikingNetwork, events: Arrays, *, steps: int, samples: int) -> Raster:
    """Run every sample from rest; `events` are the arrays of an "snn" batch."""
    counts = np.zeros((samples, network.n), np.int64)
    first = np.full((samples, network.n), -1, np.int64)
    bounds = np.searchsorted(events["event_sample"], np.arange(samples + 1))
    for sample in range(samples):
        part = slice(bounds[sample], bounds[sample + 1])
        at = np.searchsorted(events["event_step"][part], np.arange(steps + 1))
        inputs = [events["event_input"][part][at[step] : at[step + 1]] for step in range(steps)]
        for step, fired in enumerate(_spikes(network, inputs)):
            counts[sample] += fired
            first[sample, fired & (first[sample] < 0)] = step
    return Raster(counts, first)


def _spikes(network: SpikingNetwork, inputs: list[Ints]) -> Iterator[npt.NDArray[np.bool_]]:
    """Yield who spikes in each step of one sample, bool (n,)."""
    current, membrane = np.zeros(network.n, np.int64), np.zeros(network.n, np.int64)
    fired = np.zeros(network.n, bool)
    for lines in inputs:
        sources = np.concatenate([lines, network.inputs + np.flatnonzero(fired)])
        current = _wrapped(_decayed(current, network.du) + (_delivered(network, sources) << WEIGHT_SHIFT))
        membrane = np.clip(_decayed(membrane, network.dv) + current + network.bias, -STATE_LIMIT, STATE_LIMIT)
        fired = membrane > network.vth
        membrane[fired] = 0
        yield fired


def _delivered(network: SpikingNetwork, sources: Ints) -> Ints:
    """Return the sum of the weights that reach each neuron; a source that is named twice delivers twice."""
    starts, lengths = network.start[sources], network.start[sources + 1] - network.start[sources]
    ends = np.cumsum(lengths)
    synapse = np.arange(ends[-1] if len(ends) else 0) + np.repeat(starts - ends + lengths, lengths)
    total = np.zeros(network.n, np.int64)
    np.add.at(total, network.target[synapse], network.weight[synapse])
    return total


def _decayed(value: Ints, decay: Ints) -> Ints:
    """Return trunc(value·(4096 − decay)/4096); int64 division rounds down, so the sign is taken apart."""
    size = np.abs(value) * (DECAY_ONE - decay) // DECAY_ONE
    return np.where(value < 0, -size, size)


def _wrapped(value: Ints) -> Ints:
    half = _CURRENT_SPAN // 2
    wrapped: npt.NDArray[np.int64] = (value + half) % _CURRENT_SPAN - half
    return wrapped
