"""One network running on the chip: its state, its stop rule, and the events of each piece of time.

Wraps the kernel's arrays. What events cost in joules is the business of `power`; sockets are in `device`.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

import numpy as np
import numpy.typing as npt

from neurorig_drivers.annealing.network import IntArray, Network
from neurorig_drivers.annealing.schedule import Schedule, key_of, scale
from neurorig_lab.chip import constants, kernel
from neurorig_lab.chip.placed import Mapping
from neurorig_protocols.errors import JobError

SEGMENT_S = 1e-5
"""Steps are played as segments of at least this length: a supply filter shows no finer detail, energy is the same."""

_SEGMENTS = 8_192
_IMPROVEMENTS = 4_096
_NO_LIMIT = 2**62
_FAULTS = {1: "a neuron's state left its 24 bits", 2: "the cost left its 32 bits"}


class Annealer:
    """A network in mid-run, from the cleared state x = 0 on.

    `target_costs` count as reached at or below; with `stop_at_targets` the run ends when the last one is, else at the
    first step that ends at or after `limit_s`, or after `limit_steps`. The same seed gives the same run.
    """

    def __init__(
        self,
        network: Network,
        mapping: Mapping,
        schedule: Schedule,
        *,
        seed: int,
        limit_s: float,
        target_costs: Sequence[float] = (),
        stop_at_targets: bool = False,
        limit_steps: int = _NO_LIMIT,
        segment_s: float = SEGMENT_S,
    ) -> None:
        n, goals = network.n, len(target_costs)
        words = schedule.words(scale(network))
        self.events = np.zeros(kernel.COUNTS, np.int64)
        self._improvements = [(0, 0)]
        # The kernel meets targets in falling order, whatever order they were asked in.
        self._order = np.argsort([-target for target in target_costs], kind="stable")
        floors = np.array([math.floor(target) for target in target_costs], np.int64)
        self._net = _net(network)
        self.routes = mapping.routes()
        self.spiked = np.zeros(len(self.routes.home), np.int64)
        self._tables = self.routes.as_tuple()
        self._neurons = (np.zeros(n, np.int8), np.zeros(n, np.int32), np.zeros(n, np.int64), np.zeros(n, np.int32))
        self._marks = _marks(n)
        self._lists = _lists(n, len(self.spiked))
        self._boxes = (np.zeros(len(mapping.leaf_core) + 1, np.int64), mapping.leaf)
        self._s = _scalars(schedule, words)
        self._c = _constants(schedule, words)
        self._c[kernel.LIMIT_TICKS] = round(limit_s / constants.TICK_S)
        self._c[kernel.SEGMENT_TICKS] = round(segment_s / constants.TICK_S)
        self._c[kernel.STEP_LIMIT] = limit_steps
        self._c[kernel.SYNC_TICKS] = constants.sync_ticks(mapping.mesh.tiles, mapping.mesh.chips)
        self._c[kernel.STOP_AT_TARGETS] = stop_at_targets and goals > 0
        self._rng = np.array([key_of(seed)], np.uint64)
        self._goal = (floors[self._order], np.zeros(goals, np.int64), np.zeros((goals + 1, n), np.int8))
        soma = constants.ticks("soma_access_time") + constants.ticks("soma_update_time")
        self._cost = (mapping.hosted * soma, np.zeros((4, *mapping.mesh.extent), np.int64), self.spiked)
        self._out = (np.zeros((_SEGMENTS, kernel.COUNTS), np.int64), np.zeros((_IMPROVEMENTS, 2), np.int64))

    def advance(self) -> IntArray:
        """Run on; return the events of the next segments (k, COUNTS), none when the run has ended.

        Raises JobError when a word of the chip overflowed.
        """
        self._s[kernel.IMPROVED] = 0
        count = kernel.compiled()(
            self._net, self._tables, self._neurons, self._marks, self._lists, self._boxes, self._s, self._c, self._rng,
            self._goal, self._cost, self._out,
        )  # fmt: skip
        if fault := int(self._s[kernel.FAULT]):
            raise JobError(_FAULTS[fault], where="virtual chip", next_step="scale the problem's weights down")
        segments, improved = self._out
        self._improvements += [(int(t), int(cost)) for t, cost in improved[: self._s[kernel.IMPROVED]]]
        self.events += segments[:count].sum(axis=0)
        return segments[:count].copy()

    @property
    def elapsed_s(self) -> float:
        """Chip time since the start."""
        return float(self._s[kernel.TICKS] * constants.TICK_S)

    @property
    def best_cost(self) -> int:
        """The lowest cost that the integrator has seen."""
        return int(self._s[kernel.BEST])

    @property
    def solution(self) -> npt.NDArray[np.uint8]:
        """The state (n,) that has the best cost."""
        return np.asarray(self._goal[2][0], np.uint8)

    @property
    def all_reached(self) -> bool:
        """Whether there were targets and the integrator has seen them all."""
        return 0 < len(self._order) == int(self._s[kernel.REACHED])

    @property
    def improvements(self) -> tuple[npt.NDArray[np.float64], IntArray]:
        """Seconds since the start (k,) and the best cost from then on (k,), the cleared state's cost 0 first."""
        table = np.array(self._improvements, np.int64)
        return table[:, 0].astype(np.float64) * constants.TICK_S, table[:, 1]

    @property
    def reached(self) -> tuple[npt.NDArray[np.float64], npt.NDArray[np.uint8]]:
        """Seconds (g,) until each target was seen, NaN where it was not, and the states (g, n) that met them."""
        _, ticks, kept = self._goal
        count = int(self._s[kernel.REACHED])
        seconds, states = np.full(len(self._order), np.nan), np.zeros((len(self._order), kept.shape[1]), np.uint8)
        seconds[self._order[:count]] = ticks[:count] * constants.TICK_S
        states[self._order[:count]] = kept[1 : count + 1]
        return seconds, states

    def state(self) -> dict[str, Any]:
        """Return the network's present state, for tests and diagnosis."""
        x, u, until, sent = (array.copy() for array in self._neurons)
        return {"x": x, "u": u, "until": until, "sent": sent, "cost": int(self._s[kernel.COST])}


def _net(network: Network) -> tuple[npt.NDArray[Any], ...]:
    """Return diagonal, starts of the rows, targets and weights as the kernel takes them."""
    # Places without a sign spare the kernel a look whether they count from the end.
    places = network.start.astype(np.uint64), np.asarray(network.target, np.int32).view(np.uint32)
    return network.diagonal.astype(np.int32), *places, network.weight


def _marks(n: int) -> tuple[npt.NDArray[Any], ...]:
    """Return room for a mark on each neuron, the same memory as words, and room to list the marked ones."""
    marks = np.zeros(-(-n // kernel.MARKS) * kernel.MARKS, np.uint8)
    return marks, marks.view(np.uint64), np.zeros(n + 1, np.uint32)


def _lists(n: int, rows: int) -> tuple[IntArray, ...]:
    """Return room for flips, the flips of the step before, and rows that spike."""
    return np.zeros(n, np.int64), np.zeros(n, np.int64), np.zeros(rows, np.int64)


def _scalars(schedule: Schedule, words: dict[str, int]) -> IntArray:
    s = np.zeros(kernel.SCALARS, np.int64)
    s[kernel.TEMPERATURE] = words["t_max"]
    s[kernel.LEVEL_STEPS] = s[kernel.LEVEL_ENDS] = schedule.steps_per_level
    return s


def _constants(schedule: Schedule, words: dict[str, int]) -> IntArray:
    c = np.zeros(kernel.CONSTANTS, np.int64)
    for place, value in (
        (kernel.T_MAX, words["t_max"]),
        (kernel.T_MIN, words["t_min"]),
        (kernel.T_FACTOR, words["factor"]),
        (kernel.T_DECREMENT, words["decrement"]),
        (kernel.LEVELS, schedule.levels),
        (kernel.GROWTH, schedule.growth),
        (kernel.STEPS_MAX, schedule.steps_per_level_max),
        (kernel.SHIFT, schedule.refract_scaling),
        (kernel.CLASH_SHIFT, schedule.clash_scaling),
        (kernel.START_SHIFT, schedule.start_scaling),
        (kernel.LINK_RATE, constants.link_messages_per_1000_ticks()),
    ):
        c[place] = value
    return c
