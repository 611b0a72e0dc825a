"""One network on one SANA-FE chip. Every sample runs on a new chip: `reset` does not rewind input spike trains.

SANA-FE delivers a spike of step t to the soma in step t + 1, input lines included, so step t of a sample is step
t + 1 here and a sample takes one step more. Biases are set after that first step. Weights, thresholds and biases are
in units of 64 membrane units, in which SANA-FE's Loihi neuron truncates its membrane exactly as ours does.
"""

from __future__ import annotations

import tempfile
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import sanafe

from neurorig_drivers.boards.sanafe.worker.architecture import Architecture
from neurorig_drivers.boards.sanafe.worker.refusal import Refused, wrong_architecture
from neurorig_drivers.process.framing import Arrays

PARTS = ("synapse", "dendrite", "soma", "network")
"""The parts of a chip that SANA-FE accounts for, in the order of the energies of `run`."""
MAX_TRAIN = 50_000_000
"""Entries of all input spike trains of one sample; each costs a byte here and a bit in the chip."""
_UNIT = 64.0
_DECAY_ONE = 4096
_DENSE_SHARE = 0.5
_CHUNK_STEPS = 256
_COUNTED = ("packets_sent", "neurons_updated", "spikes")

Ints = npt.NDArray[np.int64]
Message = dict[str, Any]


@dataclass(frozen=True)
class _Groups:
    """Group 0 holds the input lines, group k + 1 population k; sources are numbered as in the artifact."""

    group: Ints
    offset: Ints
    count: int


class Simulation:
    """A placed network, ready to run sample by sample."""

    def __init__(self, chip: Architecture, body: Message, arrays: Arrays) -> None:
        self._chip = chip
        self._arrays = arrays
        self._inputs = int(body["inputs"])
        self._n = len(arrays["vth"])
        self._timing = str(body["timing"])
        self._architecture = load(chip.cut(int(body["tiles"]), int(body["input_tiles"]), int(body["inputs_per_core"])))
        self._groups = _group(self._inputs, arrays["population"])
        self._number = {
            (f"g{group}", int(offset)): number - self._inputs
            for number, (group, offset) in enumerate(zip(self._groups.group, self._groups.offset, strict=True))
        }
        self._network = self._build()
        self._driven: set[int] = set()

    def run(self, steps: int, event_step: Ints, event_input: Ints) -> tuple[Message, Arrays]:
        """Run one sample; arrays: duration_s (steps + 1,), energy_j (steps + 1, parts), counts and first_step (n,)."""
        self._drive(event_step, event_input)
        chip = sanafe.SpikingChip(self._architecture)
        chip.load(self._network)
        counts, first = np.zeros(self._n, np.int64), np.full(self._n, -1, np.int64)
        totals = dict.fromkeys(_COUNTED, 0)
        rows: list[npt.NDArray[np.float64]] = []
        done = 0
        while done < steps + 1:
            # The first step brings the first input on its way; biases act from the second on.
            length = 1 if done == 0 else min(_CHUNK_STEPS, steps + 1 - done)
            found = chip.sim(length, timing_model=self._timing, spike_trace=True, perf_trace=True)
            self._count(found["spike_trace"], done - 1, counts, first)
            perf = found["perf_trace"]
            rows.append(np.array([perf["sim_time"], *(perf[f"{part}_energy"] for part in PARTS)]).T)
            totals = {key: totals[key] + int(found[key]) for key in totals}
            if done == 0:
                self._switch_bias_on(chip)
            done += length
        trace = np.concatenate(rows)
        arrays = {"duration_s": trace[:, 0], "energy_j": trace[:, 1:], "counts": counts, "first_step": first}
        return totals, arrays

    def _count(self, trace: list[list[Any]], step: int, counts: Ints, first: Ints) -> None:
        for number, fired in enumerate(trace, start=step):
            for neuron in fired:
                index = self._number[neuron.group_name, neuron.neuron_offset]
                counts[index] += 1
                if first[index] < 0:
                    first[index] = number

    def _switch_bias_on(self, chip: Any) -> None:
        groups = chip.mapped_neuron_groups
        for index in np.flatnonzero(self._arrays["bias"]):
            number = self._inputs + int(index)
            neuron = groups[f"g{self._groups.group[number]}"][int(self._groups.offset[number])]
            neuron.set_attributes(model_attributes={"bias": float(self._arrays["bias"][index]) / _UNIT})

    def _drive(self, event_step: Ints, event_input: Ints) -> None:
        lines = np.unique(event_input)
        lengths = {int(line): int(event_step[event_input == line].max()) + 1 for line in lines}
        if (needed := sum(lengths.values())) > MAX_TRAIN:
            raise Refused(
                "does_not_fit",
                "job",
                f"the input spike trains of one sample have {needed:,} entries, {MAX_TRAIN:,} are possible",
                limit="input spike train entries",
                needed=needed,
                available=MAX_TRAIN,
            )
        group: Any = self._network["g0"] if self._inputs else None
        for line in self._driven - set(lengths):
            group[line].set_attributes(model_attributes={"spikes": [False]})
        for line, length in lengths.items():
            train = np.zeros(length, bool)
            train[event_step[event_input == line]] = True
            group[line].set_attributes(model_attributes={"spikes": train.tolist()})
        self._driven = set(lengths)

    def _build(self) -> Any:
        network = sanafe.Network()
        cores = [core for tile in self._architecture.tiles for core in tile.cores]
        sizes = np.bincount(self._groups.group, minlength=self._groups.count)
        kinds = self._synapse_kinds(sizes)
        made = [
            network.create_neuron_group(
                f"g{group}",
                int(size),
                default_synapse_hw_name=kinds[group],
                default_dendrite_hw_name=self._chip.dendrite,
                soma_hw_name=str(self._chip.soma["name"]),
                log_spikes=group > 0,
            )
            if size
            else None
            for group, size in enumerate(sizes)
        ]
        place = np.concatenate([self._arrays["input_core"], self._arrays["core"]])
        for number, (group, offset) in enumerate(zip(self._groups.group, self._groups.offset, strict=True)):
            neuron = made[group][int(offset)]
            if number < self._inputs:
                neuron.set_attributes(soma_hw_name=f"input[{self._arrays['input_slot'][number]}]")
            else:
                neuron.set_attributes(model_attributes=self._neuron(number - self._inputs))
            neuron.map_to_core(cores[int(place[number])])
        self._connect(made)
        return network

    def _neuron(self, index: int) -> Message:
        du, dv, vth = (int(self._arrays[name][index]) for name in ("du", "dv", "vth"))
        if self._chip.soma["attributes"]["model"] == "truenorth":
            # It fires at its threshold, ours above it; membranes are whole numbers.
            return {"threshold": (vth + 1) / _UNIT, "leak": 0.0}
        leak, decay = (_DECAY_ONE - dv) / _DECAY_ONE, (_DECAY_ONE - du) / _DECAY_ONE
        return {"threshold": vth / _UNIT, "leak_decay": leak, "input_decay": decay}

    def _edges(self) -> tuple[Ints, Ints]:
        start = self._arrays["start"]
        source = np.repeat(np.arange(len(start) - 1), np.diff(start))
        return source, self._inputs + self._arrays["target"]

    def _synapse_kinds(self, sizes: Ints) -> list[str]:
        """Return the synapse unit of each target group: dense where half of the possible synapses or more exist."""
        source, target = self._edges()
        from_group, to_group = self._groups.group[source], self._groups.group[target]
        kinds = []
        for group in range(self._groups.count):
            here = to_group == group
            possible = int(sizes[np.unique(from_group[here])].sum()) * int(sizes[group])
            kinds.append(self._chip.synapse("dense" if here.sum() >= _DENSE_SHARE * possible else "sparse"))
        return kinds

    def _connect(self, made: list[Any]) -> None:
        source, target = self._edges()
        pair = self._groups.group[source] * self._groups.count + self._groups.group[target]
        for code in np.unique(pair):
            here = pair == code
            ends = zip(
                self._groups.offset[source[here]].tolist(), self._groups.offset[target[here]].tolist(), strict=True
            )
            weights = self._arrays["weight"][here].astype(float).tolist()
            made[code // self._groups.count].connect_neurons_sparse(
                made[code % self._groups.count], {"weight": weights}, list(ends)
            )


def _group(inputs: int, population: Ints) -> _Groups:
    group = np.concatenate([np.zeros(inputs, np.int64), population + 1])
    offset = np.zeros(len(group), np.int64)
    for number in np.unique(group):
        here = group == number
        offset[here] = np.arange(here.sum())
    return _Groups(group, offset, int(group.max()) + 1)


def load(text: str) -> Any:
    """Return an architecture as SANA-FE reads it; Refused says what it misses."""
    with tempfile.TemporaryDirectory(prefix="neurorig-sanafe-") as folder:
        path = Path(folder) / "architecture.yaml"
        path.write_text(text, encoding="utf-8")
        try:
            return sanafe.load_arch(path)
        except (ValueError, RuntimeError) as error:
            raise wrong_architecture(f"SANA-FE says: {error}") from error
