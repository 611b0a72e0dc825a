"""Spiking networks in integers: the dynamics that every board follows, running them, and their packed form."""

from __future__ import annotations

import base64
import binascii
import zlib
from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from neurorig_protocols.board import Arrays
from neurorig_protocols.errors import DoesNotFit, WrongAnswer

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


MAX_TEXT = 1 << 20
"""Characters of a packed network: what a report has room for."""
MAX_BYTES = 32 << 20
"""Of a network before it is compressed."""

_HEAD = 4
_WORDS = {
    "du": "<i2", "dv": "<i2", "vth": "<i4", "bias": "<i4", "population": "<i4",
    "outputs": "<i4", "start": "<i8", "target": "<i4", "weight": "<i2",
}  # fmt: skip


def pack_network(network: SpikingNetwork) -> str | None:
    """Return the network as text; None when it is larger than MAX_TEXT or MAX_BYTES."""
    arrays = {**network.to_arrays(), "target": np.diff(network.target, prepend=0)}
    head = np.array([network.inputs, network.n, len(network.outputs), network.synapses], "<i8")
    if _size(*head.tolist()[1:], inputs=network.inputs) > MAX_BYTES:
        return None
    body = b"".join(arrays[name].astype(word).tobytes() for name, word in _WORDS.items())
    text = base64.b64encode(zlib.compress(head.tobytes() + body, 6)).decode("ascii")
    return text if len(text) <= MAX_TEXT else None


def unpack_network(text: str) -> SpikingNetwork:
    """Decode `pack_network`; WrongAnswer for other text, and for what would unpack beyond MAX_BYTES."""
    try:
        opened = zlib.decompressobj()
        data = opened.decompress(base64.b64decode(text, validate=True), MAX_BYTES + 8 * _HEAD)
    except (binascii.Error, zlib.error, ValueError) as error:
        raise _malformed(f"it is not compressed text: {error}") from error
    if not opened.eof or len(data) < 8 * _HEAD:
        raise _malformed("it ends too soon, or is larger than a network may be")
    inputs, *sizes = np.frombuffer(data, "<i8", _HEAD).tolist()
    lengths = _lengths(*sizes, inputs=inputs)
    if min(inputs, *sizes) < 0 or len(data) - 8 * _HEAD != _size(*sizes, inputs=inputs):
        raise _malformed("its arrays have other lengths than it says")
    arrays: dict[str, Ints] = {}
    place = 8 * _HEAD
    for name, word in _WORDS.items():
        arrays[name] = np.frombuffer(data, word, lengths[name], place).astype(np.int64)
        place += lengths[name] * np.dtype(word).itemsize
    arrays["target"] = np.cumsum(arrays["target"])
    return SpikingNetwork.from_arrays(inputs, arrays)


def _lengths(n: int, outputs: int, synapses: int, *, inputs: int) -> dict[str, int]:
    others = {"outputs": outputs, "start": inputs + n + 1, "target": synapses, "weight": synapses}
    return {name: others.get(name, n) for name in _WORDS}


def _size(n: int, outputs: int, synapses: int, *, inputs: int) -> int:
    return sum(
        length * np.dtype(_WORDS[name]).itemsize
        for name, length in _lengths(n, outputs, synapses, inputs=inputs).items()
    )


def _malformed(why: str) -> WrongAnswer:
    return WrongAnswer(f"the packed network cannot be read: {why}", where="network")


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
