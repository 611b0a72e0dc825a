# ruff: noqa: D102, T201, ARG002 - the verbs are documented in the interface; printing is one of the faults
"""Small real drivers that the tests run in real child processes; their faults are chosen by options.

The board solves QUBOs by counting, classifies by the first byte and simulates spiking networks. The monitor makes up a
constant power on the host's clock: it is a test double and says so in its identity.
"""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np

from neurorig_drivers.interface import MarkerSink, host_ns
from neurorig_drivers.snn.reference import simulate
from neurorig_protocols.bench import BoardConfig, MonitorConfig
from neurorig_protocols.board import Artifact, Batch, BoardInfo, Compiled, Placement, RunOutput
from neurorig_protocols.errors import BoardLost, DoesNotFit, InfraError, MonitorLost, MonitorUnavailable
from neurorig_protocols.trace import (
    FLAG_OVERLOAD,
    AccuracySpec,
    AcquisitionPlan,
    AcquisitionReport,
    ChannelInfo,
    SampleBlock,
    TraceHead,
    digest_of,
)
from neurorig_protocols.workloads.snn.network import SpikingNetwork


def _misbehave(options: dict[str, Any], verb: str) -> None:
    """Do what the options ask for in this verb: `VERB = "crash"`, "hang", "segfault", "lost", "print", …"""
    fault = options.get(verb)
    once = options.get("once")
    if fault is None or (once is not None and Path(str(once)).exists()):
        return
    if once is not None:
        Path(str(once)).touch()
    if fault == "crash":
        print(f"the last words before {verb}", file=sys.stderr)
        raise RuntimeError(f"{verb} went wrong")
    if fault == "segfault":
        os.kill(os.getpid(), signal.SIGSEGV)
    if fault == "hang":
        threading.Event().wait()
    if fault == "grandchild":
        child = subprocess.Popen([sys.executable, "-c", "import threading; threading.Event().wait()"])
        Path(str(options["pid_file"])).write_text(str(child.pid))
    if fault == "print":
        print("x" * 100_000)
        os.write(1, b"raw bytes on the standard output\n")
        subprocess.run([sys.executable, "-c", "print('a child prints')"], check=True)
    if fault == "lost":
        raise BoardLost(f"the board vanished during {verb}", where="port", next_step="Plug it in.", verb=verb)
    if fault == "too-large":
        raise DoesNotFit("1 neuron too many", limit="neurons", needed=2, available=1)


class TrialBoard:
    """Real time, no marker line."""

    def __init__(self, config: BoardConfig) -> None:
        self._options = config.options
        self._state = "open"
        self._n = 0
        # A real driver says so once, for its class.
        self.run_may_be_killed = bool(config.options.get("run_may_be_killed"))
        _misbehave(self._options, "open")
        self.info = BoardInfo(
            family="trial", serial_number="T-1", firmware="1", kinds=("qubo", "classifier", "snn"), solvers=("count",)
        )

    def compile(self, model: Artifact) -> Compiled:
        _misbehave(self._options, "compile")
        self._in_order("compile", "open", "compiled", "mapped", "loaded")
        self._state = "compiled"
        self._n = int(model.meta.get("n", model.meta.get("classes", 0)))
        self._network = SpikingNetwork.from_arrays(model.meta["inputs"], model.arrays) if model.kind == "snn" else None
        content = b"".join(model.arrays[name].tobytes() for name in sorted(model.arrays))
        return Compiled(digest=digest_of(content), summary={"n": self._n})

    def map(self, compiled: Compiled) -> Placement:
        _misbehave(self._options, "map")
        self._in_order("map", "compiled")
        self._state = "mapped"
        return Placement(cores=1, memory_bytes=int(compiled.summary["n"]))

    def load(self, placement: Placement) -> None:
        _misbehave(self._options, "load")
        self._in_order("load", "mapped")
        self._state = "loaded"

    def idle(self, seconds: float, index: int | None, markers: MarkerSink) -> None:
        _misbehave(self._options, "idle")
        self._in_order("idle", "loaded")
        if index is not None:
            markers.begin("idle", index)
        time.sleep(seconds)
        if index is not None:
            markers.end("idle", index)

    def run(self, batch: Batch, markers: MarkerSink) -> RunOutput:
        self._in_order("run", "loaded")
        seconds = float(self._options.get("run_s", 0.01))
        self._windows = int(self._options.get("windows", 1)) if batch.phase is not None else 0
        for k in range(max(self._windows, 1)):
            if batch.phase is not None:
                markers.begin(batch.phase, batch.index + k)
            if batch.phase == "run" and "begun" in self._options:
                Path(str(self._options["begun"])).touch()
            _misbehave(self._options, "run" if batch.phase is not None else "ranging")
            time.sleep(seconds)
            if batch.phase is not None:
                markers.end(batch.phase, batch.index + k)
        if self._network is not None:
            return self._spikes(self._network, batch, seconds)
        return self._qubo(batch, seconds) if batch.kind == "qubo" else self._labels(batch)

    def _spikes(self, network: SpikingNetwork, batch: Batch, seconds: float) -> RunOutput:
        raster = simulate(network, batch.arrays, steps=batch.meta["steps"], samples=batch.meta["samples"])
        meta = {"solve_s": seconds, "clock": "host", "windows": self._windows}
        return RunOutput({**meta, "spikes": int(raster.counts.sum())}, raster.answer(network))

    def _qubo(self, batch: Batch, seconds: float) -> RunOutput:
        gaps = len(batch.arrays["gaps"])
        solution = np.zeros(self._n, np.uint8)
        solution[0] = 1
        reached = batch.arrays["target_costs"] >= -1
        return RunOutput(
            {
                "solver": "count",
                "solver_cost": -1,
                "requested_s": batch.meta["limit_s"],
                "setup_s": 0.001,
                "solve_s": seconds,
                "clock": "host",
                "stopped_by": "timeout",
                "windows": self._windows,
                "flips": 3.0,
                "seed": batch.meta["seed"],
            },
            {
                "solution": solution,
                "improvement_s": np.array([0.0, seconds / 2]),
                "improvement_cost": np.array([0, -1]),
                "reached_s": np.where(reached, seconds / 2, np.nan),
                "reached_window": np.zeros(gaps, np.int64),
                "reached_solution": np.tile(solution, (gaps, 1)),
            },
        )

    def _labels(self, batch: Batch) -> RunOutput:
        inputs = batch.arrays["inputs"]
        return RunOutput(
            {"clock": "host", "windows": self._windows},
            {
                "labels": (inputs[:, 0] % 10).astype(np.int64),
                "scores": np.zeros((len(inputs), 10)),
                "latency_s": np.full(len(inputs), np.nan),
            },
        )

    def _in_order(self, verb: str, *after: str) -> None:
        if self._state not in after:
            raise InfraError(f"'{verb}' is not possible when the board is {self._state}", where="trial-board")

    def close(self) -> None:
        self._state = "closed"


class NeedsLibrary:
    """A driver that imports its library where it is used."""

    def __init__(self, config: BoardConfig) -> None:
        import a_library_that_nobody_has  # noqa: F401  # only its absence matters


class TrialMonitor:
    """A constant power per rail with one sample every 1/rate; real time, clock "host"."""

    rates_hz = (1000.0, 10_000.0, 100_000.0, 1_000_000.0)

    def __init__(self, config: MonitorConfig) -> None:
        self._config = config
        self._options = config.options
        if (once := self._options.get("absent_until")) is not None and not Path(str(once)).exists():
            raise MonitorUnavailable("no monitor answers", where=config.id, next_step="Switch it on.")
        self.channels = self._channels(1000.0, {})
        self._given = self._counted = self._overloads = 0
        self._state = "open"
        self._acquisitions = 0

    def _in_order(self, verb: str, state: str) -> None:
        if self._state == "closed" and verb == "arm" and self._options.get("armed_when_closed"):
            return
        if self._state == "closed" or state not in (self._state, "any"):
            raise InfraError(f"'{verb}' is not possible when the monitor is {self._state}", where=self._config.id)

    def _channels(self, rate_hz: float, peak_w: dict[str, float]) -> tuple[ChannelInfo, ...]:
        peak_w = {} if self._options.get("fixed_range") else peak_w
        accuracy = AccuracySpec(
            gain_limit=1e-3, offset_limit_w=1e-4, noise_w=1e-5, resolution_w=1e-6, timebase_limit=1e-5, source="made up"
        )
        return tuple(
            ChannelInfo(
                channel=c.channel, rail=c.rail, rate_hz=rate_hz, range_w=peak_w.get(c.rail, 100.0), accuracy=accuracy
            )
            for c in self._config.channels
        )

    def arm(self, plan: AcquisitionPlan) -> None:
        self._in_order("arm", "any")
        rate = min((r for r in self.rates_hz if r >= plan.rate_hz), default=self.rates_hz[-1])
        self.channels = self._channels(rate, plan.peak_w)
        self._given = self._counted = self._overloads = 0
        self._acquisitions += 1
        self.head = TraceHead(
            monitor=self._config.id, clock="host", t0_ns=host_ns(), dt_ns=1e9 / rate, channels=self.channels
        )
        self._state = "armed"

    def stream(self) -> Iterator[SampleBlock]:
        self._in_order("stream", "armed")
        if self._options.get("dies_in_acquisition") == self._acquisitions:
            raise MonitorLost("the monitor stopped answering", where=self._config.id)
        # Up to now, not up to a moving end: at a high rate a stream would never end.
        taken = int((host_ns() - self.head.t0_ns) / self.head.dt_ns)
        while self._given < taken:
            yield self._block(min(taken - self._given, 50_000))

    def _block(self, length: int) -> SampleBlock:
        index = self._given
        self._given += length
        values = np.tile(np.array([0.1 * c.channel for c in self.channels], np.float32), (length, 1))
        flags = np.zeros(length, np.uint8)
        if self._options.get("overload") and self._acquisitions == 3 and index == 0:
            flags[0] = FLAG_OVERLOAD
            self._overloads = 1
        if self._options.get("drops") and index == 0:
            # One sample fewer than was taken: a gap before the next block.
            values, flags, length = values[:-1], flags[:-1], length - 1
        self._counted += length
        return SampleBlock(index, values, np.zeros(length, np.uint8), flags)

    def disarm(self) -> AcquisitionReport:
        _misbehave(self._options, "disarm")
        self._in_order("disarm", "armed")
        self._state = "open"
        return AcquisitionReport(
            monitor=self._config.id,
            samples=self._counted,
            dropped=self._given - self._counted,
            overloads=self._overloads,
            identity="trial monitor, a test double",
        )

    def close(self) -> None:
        self._state = "closed"
