"""The process that holds SANA-FE: reads calls from standard input and answers on what was standard output.

Started by `child.py` as `PYTHON -I .../worker/__main__.py PARENT_PID`; not for people. Calls and answers are those of
`neurorig_drivers.process.worker`:

    open       architecture ("loihi", "truenorth" or YAML text) -> what the file models
    configure  inputs, tiles, input_tiles, inputs_per_core, timing | network, core, input_core, input_slot
    run        steps | event_step, event_input -> one sample
"""

from __future__ import annotations

import ctypes
import os
import signal
import sys
import types
from importlib.metadata import PackageNotFoundError, version
from importlib.resources import files
from pathlib import Path
from typing import TYPE_CHECKING, Any

# Only this package may be found beside what the environment holds: its folder may lie in another environment's.
_PACKAGE = types.ModuleType("neurorig_drivers")
_PACKAGE.__path__ = [str(Path(__file__).resolve().parents[3])]
sys.modules.setdefault("neurorig_drivers", _PACKAGE)

from neurorig_drivers.boards.sanafe.worker.refusal import Refused  # noqa: E402 - the package is made above
from neurorig_drivers.process.framing import Arrays, encode, read_frame  # noqa: E402 - as above

if TYPE_CHECKING:
    from neurorig_drivers.boards.sanafe.worker.architecture import Architecture
    from neurorig_drivers.boards.sanafe.worker.simulation import Simulation

Message = dict[str, Any]
OWN_FILES = ("loihi", "truenorth")
_PR_SET_PDEATHSIG = 1


class _Worker:
    """The calls, in the order in which they make sense."""

    def __init__(self) -> None:
        self._chip: Architecture | None = None
        self._simulation: Simulation | None = None

    def answer(self, call: str, body: Message, arrays: Arrays) -> tuple[Message, Arrays]:
        if call == "open":
            return self._open(str(body["architecture"])), {}
        if call == "configure" and self._chip is not None:
            from neurorig_drivers.boards.sanafe.worker.simulation import Simulation

            self._simulation = None
            self._simulation = Simulation(self._chip, body, arrays)
            return {}, {}
        if call == "run" and self._simulation is not None:
            return self._simulation.run(int(body["steps"]), arrays["event_step"], arrays["event_input"])
        raise Refused("infra_error", "infra", f"'{call}' came out of order")

    def _open(self, name: str) -> Message:
        from neurorig_drivers.boards.sanafe.worker import architecture, simulation

        own = name in OWN_FILES
        try:
            installed = version("sanafe")
        except PackageNotFoundError:
            raise ModuleNotFoundError(name="sanafe") from None
        text = (files("sanafe.examples") / f"{name}.yaml").read_text("utf-8") if own else name
        self._chip = architecture.read(text)
        # What SANA-FE itself misses in a file is to be known now, not with the first network.
        simulation.load(self._chip.cut(1, 0, 0))
        return {**self._chip.facts(), "version": installed, "own_file": own}


def _serve(worker: _Worker, peer_in: int, peer_out: int) -> None:
    def read_exact(size: int) -> bytes:
        chunks = bytearray()
        while len(chunks) < size:
            chunk = os.read(peer_in, min(size - len(chunks), 1 << 20))
            if not chunk:
                raise EOFError
            chunks += chunk
        return bytes(chunks)

    while True:
        try:
            request, arrays = read_frame(read_exact)
        except EOFError:
            return
        if request["call"] == "close":
            return
        try:
            answer, found = worker.answer(request["call"], request["body"], arrays)
            frame = encode({"ok": answer}, found)
        except Refused as refused:
            frame = encode({"error": refused.record})
        except ModuleNotFoundError as error:
            frame = encode({"error": _missing(error).record})
        rest = memoryview(frame)
        while rest:
            rest = rest[os.write(peer_out, rest) :]


def _missing(error: ModuleNotFoundError) -> Refused:
    return Refused(
        "driver_missing",
        "infra",
        f"the Python at {sys.executable} lacks '{error.name}'",
        "Build the environment with `make sanafe-env` and name its python in the bench file.",
    )


def _die_with(parent: int) -> None:
    if sys.platform == "linux":
        ctypes.CDLL(None, use_errno=True).prctl(_PR_SET_PDEATHSIG, signal.SIGKILL)
    if os.getppid() != parent:
        os._exit(1)


def main() -> None:
    """Serve calls; anything but a refusal ends the process with its traceback on standard error."""
    _die_with(int(sys.argv[1]))
    peer_in, peer_out = os.dup(0), os.dup(1)
    nowhere = os.open(os.devnull, os.O_RDWR)
    # SANA-FE prints its progress: neither the frames nor the agent's log have room for it.
    os.dup2(nowhere, 0)
    os.dup2(nowhere, 1)
    os.close(nowhere)
    _serve(_Worker(), peer_in, peer_out)


if __name__ == "__main__":
    main()
