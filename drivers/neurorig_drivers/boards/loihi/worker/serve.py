"""The worker's verbs. Lava is imported by the first verb that needs it, so that `hello` answers at once.

hello    extension (a folder or None) -> protocol, loihi2: whether the closed extension can be imported
prepare  kind "qubo" | "snn", ... -> builds a network and its processes, on the CPU
run      limit_s -> runs it
read     -> what it found; the network is gone afterwards
onboard  -> solves a QUBO on Loihi 2, in one pass (see `silicon`)
"""

from __future__ import annotations

import importlib.util
import sys
import time
from collections.abc import Callable
from typing import Any

from neurorig_drivers.boards.loihi.worker.channel import Pipe
from neurorig_drivers.process.framing import Arrays, encode, read_frame

PROTOCOL = 1
EXTENSION = "lava.utils.loihi2_profiler_api"

Answer = tuple[dict[str, Any], Arrays]


class Worker:
    """Holds at most one network."""

    def __init__(self, gone: Callable[[], bool]) -> None:
        self._gone = gone
        self._network: Any = None
        self.verbs: dict[str, Callable[[dict[str, Any], Arrays], Answer]] = {
            "hello": self._hello,
            "prepare": self._prepare,
            "run": self._run,
            "read": self._read,
            "onboard": self._onboard,
        }

    def _hello(self, body: dict[str, Any], _arrays: Arrays) -> Answer:
        if body["extension"] is not None:
            sys.path.insert(0, body["extension"])
        return {"protocol": PROTOCOL, "loihi2": _is_importable(EXTENSION)}, {}

    def _prepare(self, body: dict[str, Any], arrays: Arrays) -> Answer:
        begin_ns = time.monotonic_ns()
        if self._network is not None:
            self._network.stop()
            self._network = None
        if body["kind"] == "qubo":
            from neurorig_drivers.boards.loihi.worker.anneal_run import AnnealRun

            self._network = AnnealRun(body, arrays)
        else:
            from neurorig_drivers.boards.loihi.worker.spiking_run import SpikingRun

            self._network = SpikingRun(body, arrays)
        return {"elapsed_ns": time.monotonic_ns() - begin_ns}, {}

    def _run(self, body: dict[str, Any], _arrays: Arrays) -> Answer:
        return self._network.run(**body, gone=self._gone), {}

    def _read(self, _body: dict[str, Any], _arrays: Arrays) -> Answer:
        network, self._network = self._network, None
        return network.read()  # type: ignore[no-any-return]  # Lava ships no types

    def _onboard(self, body: dict[str, Any], arrays: Arrays) -> Answer:
        from neurorig_drivers.boards.loihi.worker import silicon

        return silicon.solve(body, arrays)


def serve(pipe: Pipe) -> None:
    """Answer requests until the driver hangs up or asks to close."""
    worker = Worker(pipe.gone)
    while True:
        try:
            request, arrays = read_frame(pipe.read_exact)
        except EOFError:
            return
        if request["call"] == "close":
            return
        answer, found = worker.verbs[request["call"]](request["body"], arrays)
        pipe.write(encode({"ok": answer}, found))


def _is_importable(module: str) -> bool:
    try:
        return importlib.util.find_spec(module) is not None
    except ModuleNotFoundError:
        return False
