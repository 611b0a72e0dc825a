"""Drivers in child processes, behind the same interface as drivers in this one.

A driver that hangs is killed, one that crashes takes nothing with it, and both are started anew by `ensure_running`.
A hosted driver stays warm between jobs. Not for choosing drivers: the bench file names them, `registry.py` finds them.

The options `interpreter` (Python of the child) and `optional` belong to the host and never reach the driver.
"""

from __future__ import annotations

import signal
import sys
from collections import deque
from collections.abc import Iterator, Sequence
from typing import Any, Self

from neurorig_drivers.interface import MarkerSink, pass_on
from neurorig_drivers.process import codec
from neurorig_drivers.process.child import Child
from neurorig_drivers.process.framing import Arrays
from neurorig_drivers.process.worker import STOP_SIGNAL
from neurorig_drivers.registry import Role
from neurorig_protocols.bench import BoardConfig, MonitorConfig
from neurorig_protocols.board import Artifact, Batch, BoardInfo, Compiled, Placement, RunOutput
from neurorig_protocols.errors import DriverCrashed, InvalidConfig
from neurorig_protocols.trace import AcquisitionPlan, AcquisitionReport, ChannelInfo, SampleBlock, TraceHead

HOST_OPTIONS = ("interpreter", "optional")
"""Options of a bench file that the host reads itself."""

OPEN_LIMIT_S = 60.0
CALL_LIMIT_S = 60.0


class _Hosted:
    """One driver's child process: started by `ensure_running` or `with`, not by the constructor."""

    def __init__(self, role: Role, name: str, config: BoardConfig | MonitorConfig) -> None:
        self.name = name
        self.limit_s = CALL_LIMIT_S
        """Time limit of each call in seconds; the caller may change it before any call."""
        self._role = role
        self._config = config
        self._child: Child | None = None

    def __enter__(self) -> Self:
        self.ensure_running()
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    @property
    def running(self) -> bool:
        """Whether a process is there and answers for the driver."""
        return self._child is not None and self._child.alive

    @property
    def pid(self) -> int | None:
        """Process id of the driver, None while it does not run."""
        return self._child.pid if self._child is not None and self.running else None

    def ensure_running(self) -> None:
        """Start the driver unless it runs; raises what its constructor raised, then nothing runs."""
        if self.running:
            return
        self.close()
        child = Child(self.name, _interpreter(self._config))
        body = {"role": self._role, "config": _driver_part(self._config)}
        try:
            facts, _ = child.call("open", body, limit_s=OPEN_LIMIT_S)
        except BaseException:
            child.kill()
            raise
        self._child = child
        self._learn(facts)

    def close(self) -> None:
        """Close the driver and end its process. Idempotent, never raises."""
        if self._child is not None:
            self._child.close()
            self._child = None

    def close_driver(self) -> None:
        """Close the driver and leave its process running, for the checks of what a closed driver does."""
        self._call("close_driver")

    def _learn(self, facts: dict[str, Any]) -> None:
        raise NotImplementedError

    def _call(
        self, verb: str, body: dict[str, Any] | None = None, arrays: Arrays | None = None
    ) -> tuple[dict[str, Any], Arrays]:
        if self._child is None:
            raise DriverCrashed(f"{self.name} does not run", where=self.name)
        return self._child.call(verb, body or {}, arrays, limit_s=self.limit_s)


class HostedBoard(_Hosted):
    """A BoardDriver in a process of its own; `info` is known once it has run."""

    info: BoardInfo
    run_may_be_killed = False
    """Whether `stop_run` ends a run inside a window; otherwise it ends before the next one."""

    def __init__(self, config: BoardConfig) -> None:
        super().__init__("board", f"board '{config.driver}'", config)

    def _learn(self, facts: dict[str, Any]) -> None:
        self.info = BoardInfo.model_validate(facts["info"])
        self.run_may_be_killed = bool(facts["run_may_be_killed"])

    def stop_run(self) -> None:
        """End the run that another thread is in: at once where that is safe, else before its next window.

        That `run` raises DriverCrashed or RunStopped, or returns when it was in its last window. Call it only during
        `run`: between runs it would end the driver for nothing.
        """
        if self._child is not None:
            killed = self.run_may_be_killed
            self._child.signal(signal.SIGKILL if killed else STOP_SIGNAL, group=killed)

    def compile(self, model: Artifact) -> Compiled:
        """See BoardDriver."""
        return Compiled.model_validate(self._call("compile", *codec.pack_artifact(model))[0])

    def map(self, compiled: Compiled) -> Placement:
        """See BoardDriver."""
        return Placement.model_validate(self._call("map", compiled.model_dump(mode="json"))[0])

    def load(self, placement: Placement) -> None:
        """See BoardDriver."""
        self._call("load", placement.model_dump(mode="json"))

    def idle(self, seconds: float, index: int | None, markers: MarkerSink) -> None:
        """See BoardDriver."""
        answer, _ = self._call("idle", {"seconds": seconds, "index": index})
        pass_on(codec.unpack_markers(answer["markers"]), markers)

    def run(self, batch: Batch, markers: MarkerSink) -> RunOutput:
        """See BoardDriver."""
        answer, arrays = self._call("run", *codec.pack_batch(batch))
        pass_on(codec.unpack_markers(answer["markers"]), markers)
        return codec.unpack_output(answer["output"], arrays)


class HostedMonitor(_Hosted):
    """A PowerMonitor in a process of its own; `channels` are known once it has run."""

    channels: Sequence[ChannelInfo]
    head: TraceHead

    def __init__(self, config: MonitorConfig) -> None:
        super().__init__("monitor", f"monitor '{config.id}' ({config.driver})", config)
        self._waiting: deque[SampleBlock] = deque()

    def _learn(self, facts: dict[str, Any]) -> None:
        self.channels = tuple(ChannelInfo.model_validate(channel) for channel in facts["channels"])

    def arm(self, plan: AcquisitionPlan) -> None:
        """See PowerMonitor."""
        self._waiting.clear()
        facts, _ = self._call("arm", plan.model_dump(mode="json"))
        self._learn(facts)
        self.head = TraceHead.model_validate(facts["head"])

    def stream(self) -> Iterator[SampleBlock]:
        """See PowerMonitor; blocks that a caller did not take come first in the next stream."""
        more = True
        while more or self._waiting:
            if not self._waiting:
                answer, arrays = self._call("stream")
                more = answer["more"]
                self._waiting.extend(codec.unpack_blocks(answer, arrays))
            while self._waiting:
                yield self._waiting.popleft()

    def disarm(self) -> AcquisitionReport:
        """See PowerMonitor."""
        return AcquisitionReport.model_validate(self._call("disarm")[0])


def _driver_part(config: BoardConfig | MonitorConfig) -> dict[str, Any]:
    options = {key: value for key, value in config.options.items() if key not in HOST_OPTIONS}
    return {**config.model_dump(mode="json"), "options": options}


def _interpreter(config: BoardConfig | MonitorConfig) -> str:
    chosen = config.options.get("interpreter", sys.executable)
    if not isinstance(chosen, str):
        raise InvalidConfig(f"the option 'interpreter' of driver '{config.driver}' is not a path: {chosen!r}")
    return chosen
