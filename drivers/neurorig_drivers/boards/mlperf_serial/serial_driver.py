"""The board driver for any MLPerf Tiny device on a serial port.

The network is part of the device's firmware, so there is nothing to compile, place or load: the driver checks that the
firmware holds the asked model and that an input fits. In energy mode the device itself pulses the marker line, once
for each timestamp; in performance mode it tells the latency instead.
"""

from __future__ import annotations

import hashlib
import json
import re
import time
from typing import TypeVar

import numpy as np
import numpy.typing as npt
from pydantic import ValidationError

from neurorig_drivers.boards.mlperf_serial.serial_device import Identity, MlperfDevice, Options, Outcome
from neurorig_drivers.interface import MarkerSink
from neurorig_protocols import wording
from neurorig_protocols.bench import BoardConfig
from neurorig_protocols.board import Artifact, Batch, BoardInfo, Compiled, Meta, Placement, RunOutput
from neurorig_protocols.errors import BoardLost, InfraError, InvalidConfig, JobError, UserError, WrongAnswer
from neurorig_protocols.plan import PhaseName
from neurorig_protocols.wire.mlperf_tiny.words import Infer

T = TypeVar("T")

_FIXED = "fixed firmware: the network was flashed with it, nothing is compiled, placed or loaded"
_UNMARKED = "unmarked"
_LABEL = re.compile(r"[A-Za-z0-9._:-]{1,64}")


class MlperfSerial:
    """Operates one MLPerf Tiny device; options as in `mlperf_device.Options`."""

    info: BoardInfo

    def __init__(self, config: BoardConfig) -> None:
        try:
            self._options = Options.model_validate(config.options)
        except ValidationError as error:
            problems = "; ".join(wording.sentences(error, Options))
            raise InvalidConfig(f"the options of the board are wrong: {problems}", where="board.options") from error
        self._device = MlperfDevice(self._options)
        self._identity = self._device.identity
        self._artifact: Artifact | None = None
        self._mapped = self._loaded = self._closed = False
        self._session = _UNMARKED
        self.info = _describe(self._identity)

    def compile(self, model: Artifact) -> Compiled:
        """Check that the firmware holds the asked model."""
        self._need(True, "compile", "")
        if model.kind != "classifier":
            raise UserError(f"an MLPerf Tiny device runs classifiers, not a '{model.kind}'", where="compile")
        wanted, held = str(model.meta["model"]), self._identity.model
        if held is not None and held != wanted:
            raise JobError(
                f"the firmware holds the model '{held}', not '{wanted}'",
                where=self._device.where,
                next_step=f"flash firmware with the model '{wanted}' or choose another bench",
            )
        self._artifact, self._mapped, self._loaded = model, False, False
        self._session = _session_of(model.meta, _UNMARKED)
        program = json.dumps([wanted, self._identity.vendor, self._identity.firmware])
        return Compiled(
            digest="sha256:" + hashlib.sha256(program.encode()).hexdigest(),
            summary={"firmware": self._identity.firmware, "note": _FIXED, "model_checked": held is not None},
        )

    def map(self, compiled: Compiled) -> Placement:
        """Ask the device to expect one input; DoesNotFit when its buffer is smaller."""
        artifact = self._need(self._artifact, "map", "nothing was compiled")
        self._reconnect()
        self._device.expect(int(artifact.meta["input_bytes"]))
        self._mapped = True
        return Placement(cores=0, memory_bytes=0, summary={"note": _FIXED, "program": compiled.digest})

    def load(self, placement: Placement) -> None:  # noqa: ARG002 - the firmware is where it is
        """Make sure that the device is there and answers."""
        self._need(self._mapped, "load", "nothing was mapped")
        self._reconnect()
        self._device.name_session(_UNMARKED)
        self._loaded = True

    def idle(self, seconds: float, index: int | None, markers: MarkerSink) -> None:
        """Leave the device waiting for a command; in energy mode two timestamps bracket a marked wait."""
        self._need(self._loaded, "idle", "nothing was loaded")
        if index is None:
            time.sleep(seconds)
            return
        self._device.name_session(self._session)
        markers.begin("idle", index)
        self._device.stamp()
        time.sleep(seconds)
        self._device.stamp()
        markers.end("idle", index)

    def run(self, batch: Batch, markers: MarkerSink) -> RunOutput:
        """Classify each input in a window of its own, window `batch.index` + i; unmarked, the first input only."""
        artifact = self._need(self._artifact if self._loaded else None, "run", "nothing was loaded")
        inputs = _inputs_of(batch, int(artifact.meta["input_bytes"]))
        self._session = _session_of(batch.meta, self._session)
        self._device.name_session(self._session if batch.phase else _UNMARKED)
        command = Infer(int(batch.meta.get("iterations", 1)), int(batch.meta.get("warmups", 0)))
        outcomes = []
        for i, pixels in enumerate(inputs if batch.phase else inputs[:1]):
            self._device.bring(pixels.tobytes())
            window = _Window(batch.phase, batch.index + i, markers)
            outcomes.append(self._device.infer(command, window.end))
            window.end()
        return self._output(outcomes, int(artifact.meta["classes"]), windows=len(inputs) if batch.phase else 0)

    def close(self) -> None:
        """Let go of the port; the device goes on waiting for commands."""
        self._closed = True
        self._device.close()

    def _reconnect(self) -> None:
        """Open the port anew after a loss: between jobs a board may have been unplugged and come back."""
        if not self._device.lost:
            return
        self._device = MlperfDevice(self._options)
        if (found := self._device.identity) != self._identity:
            self._device.close()
            raise BoardLost(f"another board came back: {found}, not {self._identity}", where=self._device.where)

    def _output(self, outcomes: list[Outcome], classes: int, *, windows: int) -> RunOutput:
        if wrong := {len(outcome.scores) for outcome in outcomes} - {classes}:
            raise WrongAnswer(f"the board gave {wrong} results for {classes} classes", where=self._device.where)
        scores = np.array([outcome.scores for outcome in outcomes])
        return RunOutput(
            meta={"clock": self.info.clock, "windows": windows},
            arrays={
                "labels": scores.argmax(axis=1).astype(np.int64),
                "scores": scores,
                "latency_s": np.array([outcome.latency_s for outcome in outcomes]),
            },
        )

    def _need(self, state: T | None, verb: str, otherwise: str) -> T:
        if self._closed or not state:
            raise InfraError(
                f"'{verb}' came out of order: {'the board was closed' if self._closed else otherwise}",
                where=self._device.where,
            )
        return state


class _Window:
    """One marked window on the host's clock: begins when it is made, ends once. Phase None marks nothing.

    It begins before the command is sent and ends when the device reports, so it encloses the window on the line.
    """

    def __init__(self, phase: PhaseName | None, index: int, markers: MarkerSink) -> None:
        self._open = phase
        self._index = index
        self._markers = markers
        if phase:
            markers.begin(phase, index)

    def end(self) -> None:
        """End the window, unless it has ended."""
        if self._open:
            self._markers.end(self._open, self._index)
            self._open = None


def _inputs_of(batch: Batch, input_bytes: int) -> npt.NDArray[np.uint8]:
    inputs = batch.arrays["inputs"]
    if inputs.dtype != np.uint8 or inputs.ndim != 2 or inputs.shape[1] != input_bytes or not len(inputs):
        raise JobError(
            f"inputs of shape {inputs.shape} and type {inputs.dtype} are not uint8 (count, {input_bytes})", where="run"
        )
    return inputs


def _session_of(meta: Meta, otherwise: str) -> str:
    label = str(meta.get("session", otherwise))
    if not _LABEL.fullmatch(label):
        raise UserError(f"'{label[:80]}' cannot be the label of a session", where="meta.session")
    return label


def _describe(identity: Identity) -> BoardInfo:
    virtual = ("a VIRTUAL board: its time and power are modelled",) if identity.virtual else ()
    return BoardInfo(
        family=identity.vendor,
        firmware=identity.firmware,
        kinds=("classifier",),
        clock="dut" if identity.mode == "performance" else "host",
        notes=(
            *virtual,
            f"firmware in {identity.mode} mode",
            f"model {identity.model or 'not told by the firmware'}",
        ),
    )
