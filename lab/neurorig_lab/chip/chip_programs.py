"""What the device holds and runs, whichever kind of network it is; and a QUBO as one of them.

Not for sockets or marker lines (`device`), nor for what events cost (`power`).
"""

from __future__ import annotations

from typing import Any, Protocol

import numpy as np

from neurorig_drivers.annealing.network import IntArray, from_arrays
from neurorig_drivers.annealing.schedule import Schedule, schedule_of
from neurorig_drivers.process.framing import Arrays
from neurorig_drivers.process.link import Message
from neurorig_lab.chip import kernel
from neurorig_lab.chip.annealer import Annealer
from neurorig_lab.chip.placed import accept
from neurorig_lab.chip.power import segments_to_play
from neurorig_lab.chip.routing import Mesh, Routes
from neurorig_lab.power_history import FloatArray
from neurorig_protocols.errors import UserError

SCENARIOS = ("fixed-timeout", "time-to-solution")


class Run(Protocol):
    """One batch on the chip."""

    def advance(self) -> tuple[FloatArray, FloatArray] | None:
        """Run on; return durations (k,) in seconds and power (k, rails) in watts, None when the run has ended."""

    def account(self) -> dict[str, Any]:
        """Return what the chip counted."""

    def results(self) -> Arrays:
        """Return what the chip found."""


class Program(Protocol):
    """A network that is loaded and can be run again and again."""

    def start(self, message: Message, arrays: Arrays) -> Run:
        """Begin a batch from the cleared state."""


class QuboProgram:
    """A placed QUBO on a board of `chips` chips."""

    def __init__(self, message: Message, arrays: Arrays, chips: int) -> None:
        mesh = Mesh(int(message.get("chips", 1)), int(message["tiles"]))
        check_board(mesh, chips)
        self.network = from_arrays(arrays)
        self.mapping = accept(self.network, arrays["core"], mesh, tree=bool(message.get("tree", False)))
        self.chips = chips

    def start(self, message: Message, arrays: Arrays) -> QuboRun:
        """See Program; UserError when the request cannot be."""
        if message["scenario"] not in SCENARIOS:
            raise UserError(f"there is no scenario '{message['scenario']}'", where="scenario")
        if not 0 < float(message["limit_s"]) <= 1e6:
            raise UserError(f"a run cannot last {message['limit_s']} s", where="limit_s")
        return QuboRun(self, self._schedule(message), message, arrays["target_costs"].tolist())

    def _schedule(self, message: Message) -> Schedule:
        return schedule_of(self.network, dict(message["params"]))


class QuboRun:
    """One run of a QUBO."""

    def __init__(self, program: QuboProgram, schedule: Schedule, message: Message, targets: list[float]) -> None:
        self._program = program
        self._neurons = program.network.n + program.mapping.control_neurons
        self._annealer = Annealer(
            program.network,
            program.mapping,
            schedule,
            seed=int(message["seed"]),
            limit_s=float(message["limit_s"]),
            target_costs=targets,
            stop_at_targets=message["scenario"] == "time-to-solution",
        )

    def advance(self) -> tuple[FloatArray, FloatArray] | None:
        """See Run."""
        segments = self._annealer.advance()
        return segments_to_play(segments, self._neurons, self._program.chips) if len(segments) else None

    def account(self) -> dict[str, Any]:
        """See Run."""
        annealer = self._annealer
        return {
            "cost": annealer.best_cost,
            "elapsed_s": annealer.elapsed_s,
            "all_reached": annealer.all_reached,
            "activity": activity(annealer.events, annealer.elapsed_s, self._neurons),
        }

    def results(self) -> Arrays:
        """See Run."""
        improvement_s, improvement_cost = self._annealer.improvements
        reached_s, reached_solution = self._annealer.reached
        return {
            "solution": self._annealer.solution,
            "improvement_s": improvement_s,
            "improvement_cost": improvement_cost,
            "reached_s": reached_s,
            "reached_solution": reached_solution,
            **per_core(self._annealer.routes, self._annealer.spiked),
        }


def activity(events: IntArray, elapsed_s: float, neurons: int) -> dict[str, float]:
    """Return the counts of a run of `neurons` neurons, all of them floats."""
    steps = int(events[kernel.SEG_STEPS])
    return {
        "steps": float(steps),
        "mean_step_s": elapsed_s / steps,
        "neuron_updates": float(steps * neurons),
        "synaptic_operations": float(events[kernel.SYNOPS]),
        "busiest_core_synaptic_operations": float(events[kernel.BUSIEST]),
        "spikes": float(events[kernel.SPIKES]),
        "messages": float(events[kernel.MESSAGES]),
        "hops": float(events[kernel.HOPS_EW] + events[kernel.HOPS_NS]),
        "chip_crossings": float(events[kernel.CROSSINGS]),
    }


def per_core(routes: Routes, spiked: IntArray) -> Arrays:
    """Return what each core did in a run, int64 (cores,), and the messages over each link (4, columns, rows).

    spiked (rows,) counts the spikes of each row of the routing table. Sums over cores are the totals of the run.
    """
    fan, cores = routes.fan, routes.mesh.cores
    inside = np.flatnonzero(routes.home >= 0)
    home, own = routes.home[inside], spiked[inside]
    counts = {
        "core_synaptic_operations": np.bincount(fan.to_core, spiked[fan.source] * fan.synapses, cores),
        "core_spikes": np.bincount(home, own, cores),
        "core_messages": np.bincount(home, own * fan.messages[inside], cores),
    }
    arrays: Arrays = {name: np.rint(count).astype(np.int64) for name, count in counts.items()}
    source, begin, end = routes.flows
    return {**arrays, "link_messages": routes.mesh.loads(begin, end, spiked[source])}


def check_board(mesh: Mesh, chips: int) -> None:
    """Refuse a placement on more chips than the board has, or on parts of several chips."""
    if not 1 <= mesh.chips <= chips or mesh.tiles < 1:
        raise UserError(f"the board has {chips} chip(s), the placement names {mesh.chips}", where="configure")
