"""Runs a lowered network: the dynamics of `snn.py` for many samples at once, with a bound on the work.

For recomputing and for checking boards; a chip model has its own loop, which must give the same. Not for speed.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from neurorig_protocols.board import Arrays
from neurorig_protocols.errors import DoesNotFit
from neurorig_protocols.snn import DECAY_ONE, STATE_LIMIT, WEIGHT_SHIFT, Ints, SpikingNetwork

Bools = npt.NDArray[np.bool_]

ROOM = 1 << 20
"""Neurons and synapses, each times samples, that are held at the same time; one sample is held whatever its size."""
STEP_WORK = 2_000
"""What a step costs at least, in operations."""
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


def rasters(
    network: SpikingNetwork, events: Arrays, *, steps: int, samples: int, most_work: int | None = None
) -> Iterator[Raster]:
    """Yield what the samples give, in order, some at a time; `events` are the arrays of an "snn" batch.

    One operation is one neuron updated or one synapse visited. Raises DoesNotFit once they are more than `most_work`;
    at once where the neurons alone are.
    """
    work = _Work(most_work)
    at_once = max(1, ROOM // (network.n + network.synapses))
    work.look_ahead(samples * steps * network.n + -(-samples // at_once) * steps * STEP_WORK)
    for first in range(0, samples, at_once):
        count = min(at_once, samples - first)
        bounds = np.searchsorted(events["event_sample"], (first, first + count))
        part = {name: values[bounds[0] : bounds[1]] for name, values in events.items()}
        part["event_sample"] = part["event_sample"] - first
        yield _together(network, part, steps, count, work)


class _Work:
    """Strictly private: counts operations."""

    def __init__(self, most: int | None) -> None:
        self._most = most
        self._done = 0

    def look_ahead(self, operations: int) -> None:
        self._check(operations)

    def add(self, operations: int) -> None:
        self._done += operations
        self._check(self._done)

    def _check(self, operations: int) -> None:
        if self._most is not None and operations > self._most:
            raise DoesNotFit(
                f"the network takes more than {self._most:,} operations",
                where="snn",
                limit="operations",
                needed=operations,
                available=self._most,
            )


def _together(network: SpikingNetwork, events: Arrays, steps: int, samples: int, work: _Work) -> Raster:
    """Run samples side by side from rest."""
    counts = np.zeros((samples, network.n), np.int64)
    first = np.full((samples, network.n), -1, np.int64)
    order = np.argsort(events["event_step"], kind="stable")
    at = np.searchsorted(events["event_step"][order], np.arange(steps + 1))
    current, membrane = np.zeros((samples, network.n), np.int64), np.zeros((samples, network.n), np.int64)
    fired = np.zeros((samples, network.n), bool)
    for step in range(steps):
        now = order[at[step] : at[step + 1]]
        arriving = _delivered(network, (events["event_sample"][now], events["event_input"][now]), fired, work)
        current = _wrapped(_decayed(current, network.du) + (arriving << WEIGHT_SHIFT))
        membrane = np.clip(_decayed(membrane, network.dv) + current + network.bias, -STATE_LIMIT, STATE_LIMIT)
        fired = membrane > network.vth
        membrane[fired] = 0
        counts += fired
        first[fired & (first < 0)] = step
        work.add(samples * network.n + STEP_WORK)
    return Raster(counts, first)


def _delivered(network: SpikingNetwork, inputs: tuple[Ints, Ints], fired: Bools, work: _Work) -> Ints:
    """Return the sums of the weights that reach each neuron, (samples, n); a line named twice delivers twice."""
    in_sample, neuron = np.nonzero(fired)
    sample = np.concatenate([inputs[0], in_sample])
    source = np.concatenate([inputs[1], network.inputs + neuron])
    starts, lengths = network.start[source], network.start[source + 1] - network.start[source]
    ends = np.cumsum(lengths)
    visited = int(ends[-1]) if len(ends) else 0
    work.add(visited)
    synapse = np.arange(visited) + np.repeat(starts - ends + lengths, lengths)
    place = np.repeat(sample, lengths) * network.n + network.target[synapse]
    # Sums of whole numbers below 2**53 are exact in floating point.
    sums = np.bincount(place, network.weight[synapse], fired.size)
    return sums.astype(np.int64).reshape(fired.shape)


def _decayed(value: Ints, decay: Ints) -> Ints:
    """Return trunc(value·(4096 − decay)/4096); int64 division rounds down, so the sign is taken apart."""
    size = np.abs(value) * (DECAY_ONE - decay) // DECAY_ONE
    return np.where(value < 0, -size, size)


def _wrapped(value: Ints) -> Ints:
    half = _CURRENT_SPAN // 2
    wrapped: Ints = (value + half) % _CURRENT_SPAN - half
    return wrapped
