"""A spiking network loaded on the board, and its batches: samples of some steps each, cleared in between.

configure  kind "snn", inputs, populations | the arrays of neurorig_protocols.board, core
run        steps, samples | event_sample, event_step, event_input, in that order of sorting
"""

from __future__ import annotations

from typing import Any

import numpy as np

from neurorig_drivers.annealing.network import IntArray
from neurorig_drivers.process.framing import Arrays
from neurorig_drivers.process.link import Message
from neurorig_lab.chip import constants, kernel, spiking
from neurorig_lab.chip.chip_programs import activity, check_board, per_core
from neurorig_lab.chip.power import segments_to_play
from neurorig_lab.chip.routing import Mesh
from neurorig_lab.chip.spiking_placed import accept_spiking
from neurorig_lab.chip.work import soma_ticks
from neurorig_lab.power_history import FloatArray
from neurorig_protocols.errors import UserError
from neurorig_protocols.workloads.snn.network import SpikingNetwork

STEPS_MAX = 1_000_000
"""Steps of one sample."""
CELLS_MAX = 100_000_000
"""Samples times outputs or populations: what a batch may answer."""
SEGMENT_S = 1e-5
_SEGMENTS = 8_192


class SpikingProgram:
    """A placed spiking network on a board of `chips` chips."""

    def __init__(self, message: Message, arrays: Arrays, chips: int) -> None:
        self.network = SpikingNetwork.from_arrays(int(message["inputs"]), arrays)
        mesh = Mesh(int(message.get("chips", 1)), int(message["tiles"]))
        check_board(mesh, chips)
        self.mapping = accept_spiking(self.network, arrays["core"], mesh)
        self.routes = self.mapping.routes()
        self.populations = int(message["populations"])
        if not 0 <= self.network.population.min() <= self.network.population.max() < self.populations <= self.network.n:
            raise UserError("a neuron belongs to a population that is not named", where="population")
        self.chips = chips

    def start(self, message: Message, arrays: Arrays) -> SpikingRun:
        """See Program; UserError when the request cannot be."""
        steps, samples = int(message["steps"]), int(message["samples"])
        wide = max(len(self.network.outputs), self.populations, 1)
        if not 1 <= steps <= STEPS_MAX or not 1 <= samples <= CELLS_MAX // wide:
            raise UserError(f"a batch cannot have {samples} samples of {steps} steps", where="steps, samples")
        names = ("event_sample", "event_step", "event_input")
        events = [np.asarray(arrays[name]).astype(np.int64, casting="safe") for name in names]
        _check_events(events, (samples, steps, self.network.inputs))
        return SpikingRun(self, events, steps, samples)


def _check_events(events: list[IntArray], bounds: tuple[int, int, int]) -> None:
    if len({part.shape for part in events}) != 1 or events[0].ndim != 1:
        raise UserError("the arrays of the input events differ in length", where="events")
    for part, bound in zip(events, bounds, strict=True):
        if len(part) and (part.min() < 0 or part.max() >= bound):
            raise UserError(f"an input event is out of range: values are 0..{bound - 1}", where="events")
    order = np.diff(np.ravel_multi_index(tuple(events), (*bounds[:2], max(bounds[2], 1))))
    if (order <= 0).any():
        raise UserError("input events must be sorted by sample, step and input, each of them once", where="events")


class SpikingRun:
    """One batch."""

    def __init__(self, program: SpikingProgram, events: list[IntArray], steps: int, samples: int) -> None:
        network, mapping, self._program = program.network, program.mapping, program
        n, outputs = network.n, len(network.outputs)
        self.events = np.zeros(kernel.COUNTS, np.int64)
        self._spiked = np.zeros(network.inputs + n, np.int64)
        self._cells = (network.du, network.dv, network.vth, network.bias)
        self._synapses = (network.start, network.target.astype(np.int32), network.weight.astype(np.int32))
        self._tables = program.routes.as_tuple()
        longs = np.zeros((4, n), np.int64)
        self._state = (longs[0], longs[1], longs[2])
        self._population_spikes = np.zeros((samples, program.populations), np.int64)
        self._counters = (longs[3], np.full(n, -1), self._population_spikes)
        self._inputs = tuple(events)
        self._s = np.zeros(spiking.SCALARS, np.int64)
        self._limits = np.array([samples, steps, network.inputs])
        self._cost = (mapping.hosted * soma_ticks(), np.zeros((4, *mapping.mesh.extent), np.int64), self._spiked)
        self._answer = (np.zeros((samples, outputs), np.int64), np.full((samples, outputs), -1))
        self._lists = (np.zeros(n, np.int64), np.zeros(max(network.inputs, 1), np.int64))
        self._segments = np.zeros((_SEGMENTS, kernel.COUNTS), np.int64)

    def advance(self) -> tuple[FloatArray, FloatArray] | None:
        """See Run."""
        network, program = self._program.network, self._program
        count = spiking.compiled()(
            self._cells, self._synapses, self._tables, self._state, self._inputs, self._s, _constants(program),
            self._limits, self._cost, self._counters, network.population, network.outputs, self._answer, self._lists,
            self._segments,
        )  # fmt: skip
        segments = self._segments[:count]
        self.events += segments.sum(axis=0)
        return segments_to_play(segments, network.n, program.chips) if count else None

    @property
    def elapsed_s(self) -> float:
        """Chip time since the start."""
        return float(self._s[spiking.TICKS] * constants.TICK_S)

    def account(self) -> dict[str, Any]:
        """See Run."""
        counted = activity(self.events, self.elapsed_s, self._program.network.n)
        return {"elapsed_s": self.elapsed_s, "activity": counted}

    def results(self) -> Arrays:
        """See Run."""
        counts, first = self._answer
        return {
            "counts": counts,
            "first_step": first,
            "population_spikes": self._population_spikes,
            **per_core(self._program.routes, self._spiked),
        }


def _constants(program: SpikingProgram) -> IntArray:
    c = np.zeros(kernel.CONSTANTS, np.int64)
    mesh = program.mapping.mesh
    for place, value in (
        (kernel.LINK_RATE, constants.link_messages_per_1000_ticks()),
        (kernel.SYNC_TICKS, constants.sync_ticks(mesh.tiles, mesh.chips)),
        (kernel.SEGMENT_TICKS, round(SEGMENT_S / constants.TICK_S)),
    ):
        c[place] = value
    return c
