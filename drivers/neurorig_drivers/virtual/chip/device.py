"""The virtual chip as a device behind a loopback TCP port: configure a network, wait, run, read.

    python -m neurorig_drivers.virtual.chip.device --world 127.0.0.1:4000

prints one JSON line when it answers. It plays its power into a world and moves the marker line there. Requests are
framed messages {"call": verb, ...}; failures of ours come back as {"error": ErrorRecord}.

    identify   -> what it is
    configure  tiles, session | diagonal, rows, cols, weights, core -> loads a placed network
    wait       seconds, marked -> stays configured and ready
    run        scenario, limit_s, seed, params, marked, session | target_costs -> counts and times
    read       -> solution, improvements, reached states of the last run
"""

from __future__ import annotations

import contextlib
import threading
from collections.abc import Callable, Iterator
from typing import Any

import click
import numpy as np

from neurorig_drivers.framing import Arrays
from neurorig_drivers.link import Answer, Gone, LinkServer, Message
from neurorig_drivers.virtual.chip import constants, kernel
from neurorig_drivers.virtual.chip.annealer import Annealer
from neurorig_drivers.virtual.chip.mapping import CONTROL_NEURONS, Mapping, accept
from neurorig_drivers.virtual.chip.network import Network, from_arrays
from neurorig_drivers.virtual.chip.power import segments_to_play, standing_w
from neurorig_drivers.virtual.chip.schedule import Schedule, schedule_for
from neurorig_drivers.virtual.process import announce, stop_signals
from neurorig_drivers.virtual.world import WorldAccess
from neurorig_drivers.virtual.world_client import WorldClient
from neurorig_protocols.errors import InfraError, NeurorigError, UserError

FAMILY = "VIRTUAL Loihi-1-type chip"
FIRMWARE = "nebm-sa 1"
SCENARIOS = ("fixed-timeout", "time-to-solution")


class ChipDevice:
    """One chip in a world. Callers take turns; a caller that hangs up ends its own run and nothing else."""

    def __init__(self, world: WorldAccess, serial_number: str = "0") -> None:
        if tuple(world.rails) != constants.RAILS:
            raise ValueError(
                f"the chip feeds from {', '.join(constants.RAILS)}, the world has {', '.join(world.rails)}"
            )
        self._world = world
        self._serial_number = serial_number
        self._turn = threading.Lock()
        self._loaded: tuple[Network, Mapping] | None = None
        self._last: Annealer | None = None
        self._session: str | None = None
        self._verbs: dict[str, Callable[[Message, Arrays, Gone], Answer]] = {
            "identify": lambda _m, _a, _g: (self._identity(), {}),
            "configure": self._configure,
            "wait": self._wait,
            "run": self._run,
            "read": lambda _m, _a, _g: ({}, self._results()),
        }
        _warm_up()
        world.standing(standing_w())

    def handle(self, message: Message, arrays: Arrays, gone: Gone) -> Answer:
        """Answer one request; the handler of a LinkServer."""
        with self._turn:
            try:
                return self._verbs[message["call"]](message, arrays, gone)
            except NeurorigError as error:
                return {"error": error.record().model_dump(mode="json")}, {}

    def _identity(self) -> Message:
        return {
            "family": FAMILY,
            "serial_number": self._serial_number,
            "firmware": FIRMWARE,
            "unknown": [f"{term}: {reason}" for term, reason in constants.UNKNOWN.items()],
        }

    def _configure(self, message: Message, arrays: Arrays, _gone: Gone) -> Answer:
        self._loaded = self._last = None
        network = from_arrays(arrays)
        self._loaded = network, accept(network, arrays["core"], int(message["tiles"]))
        self._name_session(message)
        return {}, {}

    def _wait(self, message: Message, _arrays: Arrays, _gone: Gone) -> Answer:
        with self._marked(bool(message["marked"])):
            self._world.wait(float(message["seconds"]))
        return {}, {}

    def _run(self, message: Message, arrays: Arrays, gone: Gone) -> Answer:
        if self._loaded is None:
            raise InfraError("the chip was told to run before it was configured", where=FAMILY)
        network, mapping = self._loaded
        annealer = Annealer(
            network,
            mapping,
            _schedule(network, message),
            seed=int(message["seed"]),
            limit_s=float(message["limit_s"]),
            target_costs=arrays["target_costs"].tolist(),
            stop_at_targets=message["scenario"] == "time-to-solution",
        )
        self._name_session(message)
        with self._marked(bool(message["marked"])):
            while len(segments := annealer.advance()) and not gone():
                self._world.play(*segments_to_play(segments, network.n + CONTROL_NEURONS))
        self._last = annealer
        return _account(annealer, network), {}

    def _results(self) -> Arrays:
        if self._last is None:
            raise InfraError("there is no run to read", where=FAMILY)
        improvement_s, improvement_cost = self._last.improvements
        reached_s, reached_solution = self._last.reached
        return {
            "solution": self._last.solution,
            "improvement_s": improvement_s,
            "improvement_cost": improvement_cost,
            "reached_s": reached_s,
            "reached_solution": reached_solution,
        }

    def _name_session(self, message: Message) -> None:
        """Label the truth. Only a change counts: naming a session starts its windows from 0."""
        label = str(message.get("session") or "")
        if label != self._session:
            self._world.session(label)
            self._session = label

    @contextlib.contextmanager
    def _marked(self, marked: bool) -> Iterator[None]:
        if not marked:
            yield
            return
        self._world.mark(1)
        try:
            yield
        finally:
            self._world.mark(0)


def _schedule(network: Network, message: Message) -> Schedule:
    if message["scenario"] not in SCENARIOS:
        raise UserError(f"there is no scenario '{message['scenario']}'", where="scenario")
    if not 0 < float(message["limit_s"]) <= 1e6:
        raise UserError(f"a run cannot last {message['limit_s']} s", where="limit_s")
    return schedule_for(network.n, network.density, dict(message["params"]))


def _account(annealer: Annealer, network: Network) -> dict[str, Any]:
    """Return what the chip counted; times in seconds of its own clock."""
    events = annealer.events
    steps = int(events[kernel.SEG_STEPS])
    return {
        "cost": annealer.best_cost,
        "elapsed_s": annealer.elapsed_s,
        "all_reached": annealer.all_reached,
        "activity": {
            "steps": float(steps),
            "mean_step_s": annealer.elapsed_s / steps,
            "neuron_updates": float(steps * (network.n + CONTROL_NEURONS)),
            "synaptic_operations": float(events[kernel.SYNOPS]),
            "busiest_core_synaptic_operations": float(events[kernel.BUSIEST]),
            "spikes": float(events[kernel.SPIKES]),
            "messages": float(events[kernel.MESSAGES]),
            "hops": float(events[kernel.HOPS_EW] + events[kernel.HOPS_NS]),
        },
    }


def _warm_up() -> None:
    """Run a network of two neurons, so that compiling the kernel lies outside every run."""
    pair = {name: np.array(values) for name, values in _PAIR.items()}
    network = from_arrays(pair)
    mapping = accept(network, np.zeros(2, np.int64), 1)
    Annealer(network, mapping, schedule_for(2, 0.0, {}), seed=0, limit_s=1e-5, target_costs=[-1]).advance()


_PAIR = {"diagonal": [-1, -1], "rows": [0], "cols": [1], "weights": [4]}


@click.command()
@click.option("--world", "address", required=True, help="Address of the virtual world.")
@click.option("--listen", default="127.0.0.1:0", show_default=True, help="HOST:PORT of the device.")
@click.option("--serial-number", default="VIRTUAL-0", show_default=True)
def main(address: str, listen: str, serial_number: str) -> None:
    """Run the virtual chip until it is told to stop."""
    with stop_signals() as wait:
        try:
            world = WorldClient(address)
        except (OSError, ValueError) as error:
            raise click.ClickException(f"no world answers at {address}: {error}") from error
        with contextlib.closing(world), LinkServer(ChipDevice(world, serial_number).handle, listen).serving() as port:
            announce(address=port, family=FAMILY, unknown=list(constants.UNKNOWN))
            wait()


if __name__ == "__main__":
    main()
