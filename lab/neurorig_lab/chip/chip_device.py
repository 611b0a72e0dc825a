"""The virtual chip as a device behind a loopback TCP port: configure a network, wait, run, read.

    python -m neurorig_lab.chip.chip_device --world 127.0.0.1:4000

prints one JSON line when it answers. It plays its power into a world and moves the marker line there. Requests are
framed messages {"call": verb, ...}; failures of ours come back as {"error": ErrorRecord}.

    identify   -> what it is
    configure  kind, chips, tiles, tree, session | the network's arrays, core -> loads a placed network
    wait       seconds, marked -> stays configured and ready
    run        marked, session, what the kind of network needs -> counts and times (see programs, spiking_program)
    read       -> what the last run found, and what each core did in it
"""

from __future__ import annotations

import contextlib
import threading
from collections.abc import Callable, Iterator

import click
import numpy as np

from neurorig_drivers.process.framing import Arrays
from neurorig_drivers.process.link import Answer, Gone, LinkServer, Message
from neurorig_lab.chip import constants
from neurorig_lab.chip.chip_programs import Program, QuboProgram, Run
from neurorig_lab.chip.power import standing_w
from neurorig_lab.chip.spiking_program import SpikingProgram
from neurorig_lab.device_process import announce, stop_signals
from neurorig_lab.world import WorldAccess
from neurorig_lab.world_client import WorldClient
from neurorig_protocols.errors import InfraError, NeurorigError

FAMILY = "VIRTUAL Loihi-1-type chip"
FIRMWARE = "nebm-sa 1"
_PROGRAMS: dict[str, Callable[[Message, Arrays, int], Program]] = {"qubo": QuboProgram, "snn": SpikingProgram}


class ChipDevice:
    """A board of chips in a world. Callers take turns; one that hangs up ends its own run and nothing else."""

    def __init__(self, world: WorldAccess, serial_number: str = "0", chips: int = 1) -> None:
        if tuple(world.rails) != constants.RAILS:
            raise ValueError(
                f"the chip feeds from {', '.join(constants.RAILS)}, the world has {', '.join(world.rails)}"
            )
        self._world = world
        self._serial_number = serial_number
        self._turn = threading.Lock()
        self._chips = chips
        self._loaded: Program | None = None
        self._last: Run | None = None
        self._session: str | None = None
        self._verbs: dict[str, Callable[[Message, Arrays, Gone], Answer]] = {
            "identify": lambda _m, _a, _g: (self._identity(), {}),
            "configure": self._configure,
            "wait": self._wait,
            "run": self._run,
            "read": lambda _m, _a, _g: ({}, self._results()),
        }
        _warm_up()
        world.standing(standing_w(chips))

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
            "chips": self._chips,
            "unknown": [f"{term}: {reason}" for term, reason in constants.UNKNOWN.items()],
        }

    def _configure(self, message: Message, arrays: Arrays, _gone: Gone) -> Answer:
        self._loaded = self._last = None
        self._loaded = _PROGRAMS[message.get("kind", "qubo")](message, arrays, self._chips)
        self._name_session(message)
        return {}, {}

    def _wait(self, message: Message, _arrays: Arrays, _gone: Gone) -> Answer:
        with self._marked(bool(message["marked"])):
            self._world.wait(float(message["seconds"]))
        return {}, {}

    def _run(self, message: Message, arrays: Arrays, gone: Gone) -> Answer:
        if self._loaded is None:
            raise InfraError("the chip was told to run before it was configured", where=FAMILY)
        run = self._loaded.start(message, arrays)
        self._name_session(message)
        with self._marked(bool(message["marked"])):
            while (piece := run.advance()) is not None and not gone():
                self._world.play(*piece)
        self._last = run
        return run.account(), {}

    def _results(self) -> Arrays:
        if self._last is None:
            raise InfraError("there is no run to read", where=FAMILY)
        return self._last.results()

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


def _warm_up() -> None:
    """Run a network of two neurons of each kind, so that compiling the kernels lies outside every run."""
    core = np.zeros(2, np.int64)
    pair = QuboProgram({"tiles": 1}, {**{name: np.array(values) for name, values in _PAIR.items()}, "core": core}, 1)
    request = {"scenario": "fixed-timeout", "limit_s": 1e-5, "seed": 0, "params": {}}
    pair.start(request, {"target_costs": np.array([-1.0])}).advance()
    one, none = np.ones(2, np.int64), np.zeros(0, np.int64)
    lif = dict.fromkeys(("du", "dv", "vth", "bias"), one) | {"population": core, "outputs": none}
    synapse = {"start": np.array([0, 0, 1]), "target": core[:1], "weight": one[:1], "core": core}
    events = dict.fromkeys(("event_sample", "event_step", "event_input"), none)
    spiking = SpikingProgram({"tiles": 1, "inputs": 0, "populations": 1}, lif | synapse, 1)
    spiking.start({"steps": 2, "samples": 1}, events).advance()


_PAIR = {"diagonal": [-1, -1], "rows": [0], "cols": [1], "weights": [4]}


@click.command()
@click.option("--world", "address", required=True, help="Address of the virtual world.")
@click.option("--listen", default="127.0.0.1:0", show_default=True, help="HOST:PORT of the device.")
@click.option("--serial-number", default="VIRTUAL-0", show_default=True)
@click.option("--chips", default=1, show_default=True, type=click.IntRange(1, constants.CHIPS_MAX))
def main(address: str, listen: str, serial_number: str, chips: int) -> None:
    """Run the virtual board until it is told to stop."""
    with stop_signals() as wait:
        try:
            world = WorldClient(address)
        except (OSError, ValueError) as error:
            raise click.ClickException(f"no world answers at {address}: {error}") from error
        device = ChipDevice(world, serial_number, chips)
        with contextlib.closing(world), LinkServer(device.handle, listen).serving() as port:
            announce(address=port, family=FAMILY, chips=chips, unknown=list(constants.UNKNOWN))
            wait()


if __name__ == "__main__":
    main()
