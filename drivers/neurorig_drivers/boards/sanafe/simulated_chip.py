"""SANA-FE's simulated chip as a device: it configures, waits and runs, and plays its power to whoever meters it.

Its requests are messages {"call": verb, ...}:

    identify   -> the worker's facts
    configure  inputs, timing, session | arrays of an "snn" artifact
    wait       seconds, marked
    run        steps, samples, marked, session | events -> counts, first_step, spikes of every neuron

A driver calls it in its own process, where the run reports the modelled energy itself; a lab serves it over TCP.
"""

from __future__ import annotations

import contextlib
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from typing import Any, Protocol

import numpy as np
import numpy.typing as npt

from neurorig_drivers.boards.sanafe.engine import PARTS, Engine
from neurorig_drivers.boards.sanafe.placing import Mapping, place
from neurorig_drivers.process.framing import Arrays
from neurorig_drivers.process.link import Answer, Gone, Message
from neurorig_protocols.errors import InfraError, InvalidConfig, NeurorigError
from neurorig_protocols.workloads.snn.network import SpikingNetwork

TICK_S = 1e-3
"""A step of an architecture whose file gives no times: TrueNorth's published tick."""
WHERE = "SANA-FE"

FloatArray = npt.NDArray[np.float64]


class Surroundings(Protocol):
    """What the chip's power and marker line feed, such as the world of a virtual lab."""

    rails: tuple[str, ...]

    def standing(self, power_w: dict[str, float]) -> None:
        """Set the power of the named rails, in watts, that holds whenever nothing plays."""

    def play(self, durations_s: FloatArray, power_w: FloatArray) -> int:
        """Add segments of constant power: durations (k,) in seconds, power (k, rails) in watts."""

    def wait(self, seconds: float) -> None:
        """Let time pass under the standing power."""

    def mark(self, level: int) -> None:
        """Move the marker line."""

    def session(self, label: str) -> None:
        """Label the truth of the windows that begin from now on."""


class SimulatedChip:
    """One simulated chip. Callers take turns."""

    def __init__(self, engine: Engine, world: Surroundings | None = None) -> None:
        self._engine = engine
        self._world = world
        self._turn = threading.Lock()
        self._loaded: SpikingNetwork | None = None
        self._session: str | None = None
        self._verbs: dict[str, Callable[[Message, Arrays, Gone], Answer]] = {
            "identify": lambda _m, _a, _g: (self._engine.facts, {}),
            "configure": self._configure,
            "wait": self._wait,
            "run": self._run,
        }
        if world is not None:
            _check_rails(world, engine)
            world.standing(dict.fromkeys(PARTS, 0.0))

    def handle(self, message: Message, arrays: Arrays, gone: Gone) -> Answer:
        """Answer one request; the handler of a LinkServer."""
        with self._turn:
            try:
                return self._verbs[message["call"]](message, arrays, gone)
            except NeurorigError as error:
                return {"error": error.record().model_dump(mode="json")}, {}

    def _configure(self, message: Message, arrays: Arrays, _gone: Gone) -> Answer:
        self._loaded = None
        network = SpikingNetwork.from_arrays(int(message["inputs"]), arrays)
        mapping: Mapping = place(network, self._engine.facts)
        self._engine.configure(network, mapping, str(message["timing"]))
        self._loaded = network
        self._name_session(message)
        return {}, {}

    def _wait(self, message: Message, _arrays: Arrays, _gone: Gone) -> Answer:
        with self._marked(bool(message["marked"])):
            (time.sleep if self._world is None else self._world.wait)(float(message["seconds"]))
        return {}, {}

    def _run(self, message: Message, arrays: Arrays, gone: Gone) -> Answer:
        if self._loaded is None:
            raise InfraError("the chip was told to run before it was configured", where=WHERE)
        steps, samples = int(message["steps"]), int(message["samples"])
        counts = np.zeros((samples, self._loaded.n), np.int64)
        first = np.full_like(counts, -1)
        account = _Account()
        bounds = np.searchsorted(arrays["event_sample"], np.arange(samples + 1))
        self._name_session(message)
        with self._marked(bool(message["marked"])):
            for sample in range(samples):
                if gone():
                    raise InfraError(f"the caller hung up after {sample} of {samples} samples", where=WHERE)
                part = slice(bounds[sample], bounds[sample + 1])
                events = arrays["event_step"][part], arrays["event_input"][part]
                totals, found = self._engine.run(steps, *events)
                counts[sample], first[sample] = found["counts"], found["first_step"]
                account.add(totals, self._played(found), found["energy_j"])
        told = () if self._world is not None else tuple(self._engine.facts["modelled"])
        return account.message(told), {"counts": counts, "first_step": first}

    def _played(self, found: Arrays) -> float:
        """Play one sample's power into the world; return its duration in seconds."""
        seconds, energy_j = found["duration_s"], found["energy_j"]
        if not self._engine.facts["timed"]:
            return TICK_S * len(seconds)
        if self._world is not None:
            self._world.play(*segments_to_play(seconds, energy_j))
        return float(seconds.sum())

    def _name_session(self, message: Message) -> None:
        """Label the truth. Only a change counts: naming a session starts its windows from 0."""
        label = str(message.get("session") or "")
        if self._world is not None and label != self._session:
            self._world.session(label)
            self._session = label

    @contextlib.contextmanager
    def _marked(self, marked: bool) -> Iterator[None]:
        if not marked or self._world is None:
            yield
            return
        self._world.mark(1)
        try:
            yield
        finally:
            self._world.mark(0)


class _Account:
    """What all samples of a run amount to."""

    def __init__(self) -> None:
        self._seconds = 0.0
        self._steps = 0
        self._energy_j = np.zeros(len(PARTS))
        self._totals: dict[str, int] = {}

    def add(self, totals: dict[str, Any], seconds: float, energy_j: Any) -> None:
        self._seconds += seconds
        self._steps += len(energy_j)
        self._energy_j += energy_j.sum(axis=0)
        self._totals = {key: self._totals.get(key, 0) + int(value) for key, value in totals.items()}

    def message(self, told: Sequence[str]) -> Message:
        """Return times, counts and the energies of the parts that are told."""
        counted = {
            "steps": float(self._steps),
            "mean_step_s": self._seconds / self._steps,
            "messages": float(self._totals["packets_sent"]),
            "neuron_updates": float(self._totals["neurons_updated"]),
            "synaptic_operations": float(self._totals["spikes"]),
        }
        energy_j = {f"modelled_{part}_j": float(self._energy_j[PARTS.index(part)]) for part in told}
        return {"solve_s": self._seconds, "activity": {**counted, **energy_j}}


def segments_to_play(seconds: FloatArray, energy_j: FloatArray) -> tuple[FloatArray, FloatArray]:
    """Return durations (k,) in seconds and power (k, parts) in watts; a step without duration joins the one before."""
    lasting = np.flatnonzero(seconds > 0)
    if not len(lasting):
        raise InfraError("the simulator gave steps without duration only", where=WHERE)
    begins = np.concatenate([[0], lasting[1:]])
    durations: FloatArray = seconds[lasting]
    power: FloatArray = np.add.reduceat(energy_j, begins, axis=0) / durations[:, np.newaxis]
    return durations, power


def _check_rails(world: Surroundings, engine: Engine) -> None:
    if tuple(world.rails) != PARTS:
        raise InvalidConfig(f"the chip feeds from {', '.join(PARTS)}, the world has {', '.join(world.rails)}")
    if not (engine.facts["timed"] and engine.facts["modelled"]):
        raise InvalidConfig(
            f"the architecture '{engine.facts['name']}' gives no times or no energies, so there is nothing to measure",
            where="architecture",
            next_step="Use it without a lab: it simulates the spikes, and energy stays absent.",
        )
