"""The board driver "loihi": order of the verbs and the worker's life. What a backend does is its own module's business.

`backend = "cpu"` simulates (`cpu`), `backend = "loihi2"` runs on the chip where Intel's closed extension is installed
(`onboard`). Either way Lava lives in a worker process under Python 3.10, and its failures end there.
"""

from __future__ import annotations

import os
from typing import Protocol, TypeVar

from neurorig_drivers.boards.loihi import environment
from neurorig_drivers.boards.loihi.cpu import CpuBackend
from neurorig_drivers.boards.loihi.lava_child import LavaChild
from neurorig_drivers.boards.loihi.onboard import Loihi2Backend
from neurorig_drivers.boards.loihi.program import Options, Program, read_options, read_program
from neurorig_drivers.interface import MarkerSink, idle_on_host_clock
from neurorig_protocols.bench import BoardConfig
from neurorig_protocols.board import Artifact, Batch, BoardInfo, Compiled, Placement, RunOutput
from neurorig_protocols.errors import DriverMissing, InfraError, UserError

T = TypeVar("T")


class _Backend(Protocol):
    info: BoardInfo

    def load(self, program: Program, worker: LavaChild) -> None: ...

    def run(self, program: Program, batch: Batch, worker: LavaChild, markers: MarkerSink) -> RunOutput: ...


class LoihiBoard:
    """QUBOs and spiking networks through Lava."""

    info: BoardInfo

    def __init__(self, config: BoardConfig) -> None:
        self._options = read_options(config)
        self._interpreter = environment.python(self._options.lava_python)
        versions = environment.check(self._interpreter)
        self._closed = False
        self._compiled: Program | None = None
        self._mapped: Program | None = None
        self._loaded: Program | None = None
        self._worker: LavaChild | None = None
        self._running_worker()
        self._backend = _backend(self._options, versions)
        self.info = self._backend.info

    def compile(self, model: Artifact) -> Compiled:
        """Check the model and name it by its content; touches no hardware."""
        self._refuse_closed("compile")
        if model.kind not in self.info.kinds:
            raise UserError(f"this board runs {' and '.join(self.info.kinds)}, not '{model.kind}'", where="compile")
        self._compiled = read_program(model)
        self._mapped = self._loaded = None
        return Compiled(digest=self._compiled.digest, summary=self._compiled.summary)

    def map(self, compiled: Compiled) -> Placement:
        """Say what the network needs; Lava places it on the chip itself, later, and tells nobody where."""
        program = self._after("map", "compile", self._compiled)
        if program.digest != compiled.digest:
            raise InfraError(f"'{compiled.digest}' is not what was compiled last", where="map")
        self._loaded = None
        self._mapped = program
        return Placement(cores=0, memory_bytes=program.memory_bytes, summary={"placed_by": "Lava"})

    def load(self, placement: Placement) -> None:  # noqa: ARG002 - the program is with the driver
        """Take the mapped program as the one to run."""
        program = self._after("load", "map", self._mapped)
        self._loaded = None
        self._backend.load(program, self._running_worker())
        self._loaded = program

    def idle(self, seconds: float, index: int | None, markers: MarkerSink) -> None:
        """Wait on the host's clock."""
        self._after("idle", "load", self._loaded)
        idle_on_host_clock(seconds, index, markers)

    def run(self, batch: Batch, markers: MarkerSink) -> RunOutput:
        """Run one batch in the worker; after one that failed another is started."""
        program = self._after("run", "load", self._loaded)
        if batch.kind != program.kind:
            raise UserError(f"a '{program.kind}' is loaded, the batch is a '{batch.kind}'", where="run")
        return self._backend.run(program, batch, self._running_worker(), markers)

    def close(self) -> None:
        """End the worker."""
        self._closed = True
        self._compiled = self._mapped = self._loaded = None
        if self._worker is not None:
            self._worker.close()
            self._worker = None

    def _running_worker(self) -> LavaChild:
        if self._worker is not None and self._worker.alive:
            return self._worker
        if self._worker is not None:
            self._worker.kill()
        options = self._options
        self._worker = worker = LavaChild(
            self._interpreter,
            start_limit_s=options.start_limit_s,
            extension=options.extension,
            environment=options.environment(os.environ),
        )
        if options.backend == "loihi2" and not worker.loihi2:
            self.close()
            raise DriverMissing(
                "the backend 'loihi2' needs Intel's closed Loihi 2 extension, which the worker cannot import",
                where="board.options.extension",
                next_step="Install the extension in the worker's environment (INRC members get it from Intel), name "
                "its folder by the option 'extension', or use the backend 'cpu'.",
            )
        return worker

    def _refuse_closed(self, verb: str) -> None:
        if self._closed:
            raise InfraError(f"'{verb}' was called on a closed board", where="loihi")

    def _after(self, verb: str, needed: str, state: T | None) -> T:
        self._refuse_closed(verb)
        if state is None:
            raise InfraError(f"'{verb}' was called before '{needed}'", where="loihi")
        return state


def _backend(options: Options, versions: dict[str, str]) -> _Backend:
    return CpuBackend(options, versions) if options.backend == "cpu" else Loihi2Backend(options, versions)
