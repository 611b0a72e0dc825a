"""The process that holds one driver: reads calls from standard input and answers on what was standard output.

Started by `child.py` as `python -m neurorig_drivers.process.worker PARENT_PID`; not for people. What a driver or a
library prints goes to standard error, because the answers need their stream to themselves.

    request := {"call": verb, "body": {...}} + arrays
    answer  := {"ok": {...}} + arrays | {"error": ErrorRecord}
"""

from __future__ import annotations

import ctypes
import os
import signal
import sys
from collections.abc import Callable, Iterator

from neurorig_drivers import registry
from neurorig_drivers.interface import BoardDriver, MarkerLog, PowerMonitor
from neurorig_drivers.process import codec
from neurorig_drivers.process.framing import Arrays, encode, read_frame
from neurorig_protocols.bench import BoardConfig, MonitorConfig
from neurorig_protocols.board import Compiled, Placement
from neurorig_protocols.errors import InfraError, NeurorigError, RunStopped
from neurorig_protocols.plan import PhaseName
from neurorig_protocols.trace import AcquisitionPlan, SampleBlock

MAX_STREAM_BYTES = 16 << 20
"""An answer to `stream` ends after this much; the host asks again."""

STOP_SIGNAL = signal.SIGUSR1
"""Asks a board's process to begin no further window of the run that it is in."""

_PR_SET_PDEATHSIG = 1

Verb = Callable[[codec.Message, Arrays], codec.Framed]


class _Markers(MarkerLog):
    """Markers of a run that ends before its next window once the agent has asked for it."""

    def __init__(self, asked: Callable[[], bool]) -> None:
        super().__init__()
        self._asked = asked

    def begin(self, phase: PhaseName, index: int) -> None:
        """Note that a window begins now; RunStopped instead when no further one shall."""
        if self._asked():
            raise RunStopped(
                f"no window after {index} windows of the phase {phase}: the job was cancelled", where="run"
            )
        super().begin(phase, index)


class _BoardVerbs:
    """A board driver's verbs as messages."""

    def __init__(self, config: BoardConfig) -> None:
        self._stop_asked = False
        self._driver: BoardDriver = registry.board_class(config.driver)(config)
        self.close = self._driver.close
        self.verbs: dict[str, Verb] = {
            "compile": self._compile,
            "map": self._map,
            "load": self._load,
            "idle": self._idle,
            "run": self._run,
        }
        # The agent sends it while this thread is in a run, so the flag is all that may change here.
        signal.signal(STOP_SIGNAL, self._ask_to_stop)

    def facts(self) -> codec.Message:
        return {
            "info": self._driver.info.model_dump(mode="json"),
            "run_may_be_killed": getattr(self._driver, "run_may_be_killed", False),
        }

    def _ask_to_stop(self, _number: int, _frame: object) -> None:
        self._stop_asked = True

    def _compile(self, body: codec.Message, arrays: Arrays) -> codec.Framed:
        # A new job begins; a wish that came too late for the last one is not for it.
        self._stop_asked = False
        return self._driver.compile(codec.unpack_artifact(body, arrays)).model_dump(mode="json"), {}

    def _map(self, body: codec.Message, _: Arrays) -> codec.Framed:
        return self._driver.map(Compiled.model_validate(body)).model_dump(mode="json"), {}

    def _load(self, body: codec.Message, _: Arrays) -> codec.Framed:
        self._driver.load(Placement.model_validate(body))
        return {}, {}

    def _idle(self, body: codec.Message, _: Arrays) -> codec.Framed:
        markers = MarkerLog()
        self._driver.idle(body["seconds"], body["index"], markers)
        return {"markers": codec.pack_markers(markers.records)}, {}

    def _run(self, body: codec.Message, arrays: Arrays) -> codec.Framed:
        markers = _Markers(lambda: self._stop_asked)
        output, found = codec.pack_output(self._driver.run(codec.unpack_batch(body, arrays), markers))
        return {"output": output, "markers": codec.pack_markers(markers.records)}, found


class _MonitorVerbs:
    """A monitor driver's verbs as messages."""

    def __init__(self, config: MonitorConfig) -> None:
        self._driver: PowerMonitor = registry.monitor_class(config.driver)(config)
        self._stream: Iterator[SampleBlock] | None = None
        self.close = self._driver.close
        self.verbs: dict[str, Verb] = {"arm": self._arm, "stream": self._fetch, "disarm": self._disarm}

    def facts(self) -> codec.Message:
        return {"channels": [channel.model_dump(mode="json") for channel in self._driver.channels]}

    def _arm(self, body: codec.Message, _: Arrays) -> codec.Framed:
        self._stream = None
        self._driver.arm(AcquisitionPlan.model_validate(body))
        return {**self.facts(), "head": self._driver.head.model_dump(mode="json")}, {}

    def _fetch(self, _: codec.Message, __: Arrays) -> codec.Framed:
        blocks, size = [], 0
        stream = self._stream or self._driver.stream()
        for block in stream:
            blocks.append(block)
            size += block.values.nbytes + block.digital.nbytes + block.flags.nbytes
            if size >= MAX_STREAM_BYTES:
                break
        # A long stream goes on where it stopped, so nothing that was fetched from the instrument is lost.
        self._stream = stream if size >= MAX_STREAM_BYTES else None
        body, arrays = codec.pack_blocks(blocks)
        return {**body, "more": self._stream is not None}, arrays

    def _disarm(self, _: codec.Message, __: Arrays) -> codec.Framed:
        return self._driver.disarm().model_dump(mode="json"), {}


_Verbs = _BoardVerbs | _MonitorVerbs


def _open(body: codec.Message) -> _Verbs:
    if body["role"] == "board":
        return _BoardVerbs(BoardConfig.model_validate(body["config"]))
    return _MonitorVerbs(MonitorConfig.model_validate(body["config"]))


class _Pipe:
    """Standard input and output, taken away from everything else in this process."""

    def __init__(self) -> None:
        self._in, self._out = os.dup(0), os.dup(1)
        nowhere = os.open(os.devnull, os.O_RDONLY)
        os.dup2(nowhere, 0)
        os.close(nowhere)
        os.dup2(2, 1)

    def read_exact(self, size: int) -> bytes:
        chunks = bytearray()
        while len(chunks) < size:
            chunk = os.read(self._in, min(size - len(chunks), 1 << 20))
            if not chunk:
                raise EOFError("the agent hung up")
            chunks += chunk
        return bytes(chunks)

    def write(self, data: bytes) -> None:
        rest = memoryview(data)
        while rest:
            rest = rest[os.write(self._out, rest) :]


def _serve(pipe: _Pipe) -> None:
    """Answer calls until the agent hangs up or asks to close."""
    held: _Verbs | None = None
    role: registry.Role = "board"
    name = ""
    try:
        while True:
            try:
                request, arrays = read_frame(pipe.read_exact)
            except EOFError:
                return
            call, body = request["call"], request["body"]
            try:
                if call == "open":
                    role, name = body["role"], body["config"]["driver"]
                    held = _open(body)
                    answer: codec.Framed = held.facts(), {}
                elif call == "close":
                    return
                elif call == "close_driver":
                    # The conformance kit asks what a closed driver does, which a process that has ended cannot say.
                    _closed(held)
                    answer = {}, {}
                else:
                    answer = _dispatch(held, call, body, arrays)
            except ModuleNotFoundError as error:
                pipe.write(_failure(registry.missing_library(role, name, error)))
            except NeurorigError as error:
                pipe.write(_failure(error))
            else:
                pipe.write(encode({"ok": answer[0]}, answer[1]))
    finally:
        _closed(held)


def _closed(held: _Verbs | None) -> None:
    if held is not None:
        held.close()


def _dispatch(held: _Verbs | None, call: str, body: codec.Message, arrays: Arrays) -> codec.Framed:
    if held is None:
        raise InfraError(f"'{call}' was asked of a driver that did not open", where="driver process")
    return held.verbs[call](body, arrays)


def _failure(error: NeurorigError) -> bytes:
    return encode({"error": error.record().model_dump(mode="json")})


def _die_with(parent: int) -> None:
    """Ask the kernel to kill this process with its parent; Linux only, elsewhere the closed pipe ends it."""
    if sys.platform == "linux":
        ctypes.CDLL(None, use_errno=True).prctl(_PR_SET_PDEATHSIG, signal.SIGKILL)
    # The parent may have died before the request: then nobody would ever send the signal.
    if os.getppid() != parent:
        os._exit(1)


def main() -> None:
    """Serve one driver; anything but a NeurorigError ends the process with its traceback on standard error."""
    _die_with(int(sys.argv[1]))
    pipe = _Pipe()
    # A print must be seen even if the process is killed before it fills a buffer.
    sys.stdout.reconfigure(line_buffering=True)  # type: ignore[union-attr]  # a text stream, no pipe was closed
    _serve(pipe)


if __name__ == "__main__":
    main()
