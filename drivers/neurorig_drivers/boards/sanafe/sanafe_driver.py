"""The board driver of SANA-FE's simulated chips: in a virtual lab over a TCP port, or by itself without energy.

A VIRTUAL board: what it measures is a model. The neuron of SANA-FE's Loihi keeps its membrane as ours does, bit by
bit; its current is a floating-point number, ours a whole one, so networks whose current decays (du < 4096) may spike
differently now and then. Its TrueNorth neuron has no proportional leak, so networks with one are refused.
"""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from typing import Any, ClassVar, Literal, TypeVar

import numpy as np
from pydantic import Field, ValidationError

from neurorig_drivers.boards.sanafe.engine import PARTS, Engine, inexact
from neurorig_drivers.boards.sanafe.placing import place
from neurorig_drivers.boards.sanafe.simulated_chip import SimulatedChip
from neurorig_drivers.interface import MarkerSink
from neurorig_drivers.process.framing import Arrays
from neurorig_drivers.process.link import Answer, Link, RemoteFailure
from neurorig_protocols import wording
from neurorig_protocols.bench import BoardConfig
from neurorig_protocols.board import Artifact, Batch, BoardInfo, Compiled, Placement, RunOutput
from neurorig_protocols.errors import (
    BoardLost,
    DoesNotFit,
    ErrorRecord,
    InfraError,
    InvalidConfig,
    UserError,
    WrongAnswer,
    from_record,
)
from neurorig_protocols.plan import PhaseName
from neurorig_protocols.records import Finite, Record
from neurorig_protocols.workloads.snn.network import DECAY_ONE, SpikingNetwork

T = TypeVar("T")

MAX_SYNAPSES = 2_000_000
"""SANA-FE keeps every synapse as an object of a few hundred bytes."""
MAX_STEPS = 10_000_000

_ERRORS = "fitted to a Loihi 1 by SANA-FE's authors: energy within 11.7 %, time within 24.3 %"
_SOURCE = "SANA-FE {version} (doi 10.1109/TCAD.2025.3537971), architecture '{name}', {origin}"


class Options(Record):
    """`board.options` of a bench file: the address of a lab's chip, or else the Python that holds SANA-FE."""

    address: str = Field(default="", description="HOST:PORT of the simulated chip of a virtual lab")
    python: str = Field(default="", description="Python of the environment with SANA-FE, for a bench without a lab")
    architecture: str = Field(default="loihi", description="loihi, truenorth or a YAML file; without a lab")
    timing: Literal["detailed", "simple"] = "detailed"
    session: str = Field(default="", max_length=64, description="label of the truth when a job brings none")
    connect_s: Finite = Field(default=10.0, gt=0, le=120, description="limit for the chip to take the connection")
    sample_limit_s: Finite = Field(default=600.0, gt=0, description="seconds that simulating one sample may take")


@dataclass(frozen=True)
class _Program:
    digest: str
    network: SpikingNetwork
    populations: int
    session: str


class SanafeBoard:
    """One simulated chip: spiking networks, with time and energy from an architecture file."""

    info: BoardInfo
    run_may_be_killed: ClassVar[bool] = True
    """The simulator is a process that ends with its caller, or a lab's, which stops when its caller hangs up."""

    def __init__(self, config: BoardConfig) -> None:
        try:
            self._options = Options.model_validate(config.options)
        except ValidationError as error:
            problems = "; ".join(wording.sentences(error, Options))
            raise InvalidConfig(f"the options of the board are wrong: {problems}", where="board.options") from error
        self._closed = False
        self._compiled: _Program | None = None
        self._mapped: _Program | None = None
        self._loaded: _Program | None = None
        self._engine: Engine | None = None
        self._link: Link | None = None
        self._device: SimulatedChip | None = None
        self._connect()
        try:
            self._facts = self._call("identify")[0]
        except BaseException:
            self.close()
            raise
        self.info = _describe(self._facts, metered=self._link is not None)

    def compile(self, model: Artifact) -> Compiled:
        """Check the network against what the neuron model can do, and name it by its content."""
        self._need(True, "compile", "")
        if model.kind != "snn":
            raise UserError(f"SANA-FE simulates spiking networks, not a '{model.kind}'", where="compile")
        try:
            network = SpikingNetwork.from_arrays(int(model.meta["inputs"]), model.arrays)
            populations = len(model.meta["populations"])
        except (KeyError, TypeError, ValueError) as error:
            raise WrongAnswer(f"the network is malformed: {type(error).__name__}: {error}", where="compile") from error
        self._check(network)
        session = str(model.meta.get("session", self._options.session))
        digest = _digest(network)
        self._compiled = _Program(digest, network, populations, session)
        self._mapped = self._loaded = None
        summary = {"neurons": network.n, "synapses": network.synapses, "neuron model": self._facts["soma"]}
        rounding = {key: model.meta[key] for key in ("quantisation",) if key in model.meta}
        return Compiled(digest=digest, summary={**summary, **rounding})

    def map(self, compiled: Compiled) -> Placement:
        """Place the network on cores and tiles; DoesNotFit names the limit and by how much."""
        program = self._need(self._compiled, "map", "nothing was compiled")
        if program.digest != compiled.digest:
            raise InfraError(f"'{compiled.digest}' is not what was compiled last", where="map")
        self._loaded = None
        placement = place(program.network, self._facts).placement(program.network, int(self._facts["tiles"]))
        self._mapped = program
        return placement

    def load(self, placement: Placement) -> None:  # noqa: ARG002 - the placement in full stays with the driver
        """Build the chip and the network; the device places it as `map` did."""
        program = self._need(self._mapped, "load", "nothing was mapped")
        facts = {"inputs": program.network.inputs, "timing": self._options.timing, "session": program.session}
        self._call("configure", program.network.to_arrays(), **facts)
        self._loaded = program

    def idle(self, seconds: float, index: int | None, markers: MarkerSink) -> None:
        """Let the chip wait; the device moves the marker line itself."""
        self._need(self._loaded, "idle", "nothing was loaded")
        self._bracketed("idle" if index is not None else None, index or 0, markers, "wait", seconds=seconds)

    def run(self, batch: Batch, markers: MarkerSink) -> RunOutput:
        """Run all samples in one window; times are those of the simulated chip."""
        program = self._need(self._loaded, "run", "nothing was loaded")
        if batch.kind != "snn":
            raise UserError(f"SANA-FE simulates spiking networks, not a '{batch.kind}'", where="run")
        steps, samples = int(batch.meta["steps"]), int(batch.meta["samples"])
        events = _events(batch, program.network.inputs, steps, samples)
        request = {"steps": steps, "samples": samples, "session": str(batch.meta.get("session", program.session))}
        account, found = self._bracketed(batch.phase, batch.index, markers, "run", events, **request)
        return _output(program, batch, account, found)

    def close(self) -> None:
        """Hang up, or end SANA-FE where it is ours."""
        self._closed = True
        if self._link is not None:
            self._link.close()
        if self._engine is not None:
            self._engine.close()

    def _connect(self) -> None:
        options = self._options
        if bool(options.address) == bool(options.python):
            raise InvalidConfig(
                "the board needs either the address of a lab's chip or the Python of SANA-FE",
                where="board.options",
                next_step="Start `neurorig lab start sanafe`, or set 'python' to that of `make sanafe-env`.",
            )
        if options.python:
            self._engine = Engine(options.python, options.architecture, options.sample_limit_s)
            self._device = SimulatedChip(self._engine)
            return
        try:
            self._link = Link(options.address, connect_s=options.connect_s)
        except ValueError as error:
            raise InvalidConfig(str(error), where="board.options.address") from error
        except OSError as error:
            raise BoardLost(
                f"no simulated chip answers at {options.address}: {error}",
                where="board.options.address",
                next_step="start the lab with `neurorig lab start sanafe` and use the bench file it writes",
            ) from error

    def _check(self, network: SpikingNetwork) -> None:
        if network.synapses > MAX_SYNAPSES:
            raise DoesNotFit(
                f"the network has {network.synapses:,} synapses, SANA-FE is given {MAX_SYNAPSES:,} at most",
                where="compile",
                limit="synapses",
                needed=network.synapses,
                available=MAX_SYNAPSES,
            )
        leaks = int(((network.dv != 0) | (network.du != DECAY_ONE)).sum())
        if self._facts["soma"] == "truenorth" and leaks:
            raise UserError(
                f"{leaks} neurons lose a share of their state in each step; TrueNorth's leak takes a fixed amount",
                where="compile",
                next_step="Use IF neurons (NIR's IF), or a Loihi architecture.",
            )

    def _bracketed(
        self,
        phase: PhaseName | None,
        index: int,
        markers: MarkerSink,
        call: str,
        arrays: Arrays | None = None,
        **arguments: object,
    ) -> Answer:
        """Call the chip inside a window of its line and of the host's markers, or unmarked without a phase."""
        if phase is None:
            return self._call(call, arrays, marked=False, **arguments)
        markers.begin(phase, index)
        answer = self._call(call, arrays, marked=True, **arguments)
        markers.end(phase, index)
        return answer

    def _call(self, call: str, arrays: Arrays | None = None, **arguments: object) -> Answer:
        message = {"call": call, **arguments}
        try:
            if self._device is not None:
                answer, found = self._device.handle(message, arrays or {}, lambda: False)
            else:
                assert self._link is not None  # noqa: S101 - one of the two is there
                answer, found = self._link.call(message, arrays)
        except RemoteFailure as failure:
            raise InfraError(f"the simulated chip failed: {failure.kind}: {failure}", where=self._where) from failure
        except OSError as error:
            raise BoardLost(
                f"the simulated chip went away during '{call}': {error}",
                where=self._where,
                next_step="start the lab again with `neurorig lab start sanafe`",
            ) from error
        if (record := answer.get("error")) is not None:
            raise from_record(ErrorRecord.model_validate(record))
        return answer, found

    def _need(self, state: T | None, verb: str, otherwise: str) -> T:
        if self._closed or not state:
            reason = "the board was closed" if self._closed else otherwise
            raise InfraError(f"'{verb}' came out of order: {reason}", where=self._where)
        return state

    @property
    def _where(self) -> str:
        return f"sanafe at {self._options.address or self._options.python}"


def _describe(facts: dict[str, Any], *, metered: bool) -> BoardInfo:
    origin = "SANA-FE's own file" if facts["own_file"] else "a file of the bench's owner"
    silent = [part for part in PARTS if part not in facts["modelled"]]
    notes = [
        "a VIRTUAL board: its time and energy are modelled",
        _SOURCE.format(version=facts["version"], name=facts["name"], origin=origin),
        *([_ERRORS] if facts["own_file"] and facts["name"].startswith("loihi") else []),
        "static power: the architecture file has none, so energies are those of events alone",
        "resetting the neurons between samples is not modelled; a sample takes one step more, for its first input",
        *([f"the architecture file gives no energy for: {', '.join(silent)}"] if silent else []),
        *(
            ["the architecture file gives no times: a step is taken as the published tick of 1 ms"]
            * (not facts["timed"])
        ),
        *(["input units were added at no cost: the architecture file has none"] * facts["inputs_added"]),
        *(["no lab: what energy the model gives is told in the answer and not metered"] * (not metered)),
    ]
    return BoardInfo(
        family=f"VIRTUAL {facts['name']} (SANA-FE)",
        firmware=f"sanafe {facts['version']}",
        kinds=("snn",),
        clock="dut",
        notes=tuple(notes),
    )


def _digest(network: SpikingNetwork) -> str:
    told = hashlib.sha256(f"snn {network.inputs}".encode())
    for name, array in network.to_arrays().items():
        told.update(f"{name} {array.size} ".encode() + np.ascontiguousarray(array, "<i8").tobytes())
    return f"sha256:{told.hexdigest()}"


def _events(batch: Batch, inputs: int, steps: int, samples: int) -> Arrays:
    """Return the events; WrongAnswer when they lie outside the run or out of order."""
    if not (steps >= 1 and samples >= 1 and steps * samples <= MAX_STEPS):
        raise DoesNotFit(
            f"{steps:,} steps of {samples:,} samples are more than {MAX_STEPS:,} steps",
            where="run",
            limit="steps",
            needed=steps * samples,
            available=MAX_STEPS,
        )
    names = ("event_sample", "event_step", "event_input")
    events = {name: np.asarray(batch.arrays[name]).astype(np.int64, casting="safe") for name in names}
    for name, limit in zip(names, (samples, steps, inputs), strict=True):
        values = events[name]
        if len(values) != len(events["event_sample"]) or (
            len(values) and not 0 <= values.min() <= values.max() < limit
        ):
            raise WrongAnswer(f"'{name}' does not lie in 0…{limit - 1}", where="run")
    if (np.diff(events["event_sample"] * steps + events["event_step"]) < 0).any():
        raise WrongAnswer("the events are not sorted by sample and step", where="run")
    return events


def _output(program: _Program, batch: Batch, account: dict[str, Any], found: Arrays) -> RunOutput:
    network, counts = program.network, found["counts"]
    by_population = np.zeros((program.populations, len(counts)), np.int64)
    np.add.at(by_population, network.population, counts.T)
    why = inexact(network, int(batch.meta["steps"]))
    return RunOutput(
        meta={
            "solve_s": account["solve_s"],
            "clock": "dut",
            "windows": int(batch.phase is not None),
            "spikes": int(counts.sum()),
            **({"inexact": why} if why else {}),
            **account["activity"],
        },
        arrays={
            "counts": counts[:, network.outputs],
            "first_step": found["first_step"][:, network.outputs],
            "population_spikes": np.ascontiguousarray(by_population.T),
        },
    )
