"""The board driver of the VIRTUAL Loihi-1-type chip, over its TCP port, with the tool chain it runs on the host."""

from __future__ import annotations

import hashlib
import math
from dataclasses import dataclass
from typing import Any, ClassVar, Protocol, TypeVar

import numpy as np
from pydantic import Field, ValidationError

from neurorig_drivers.annealing.network import from_arrays
from neurorig_drivers.annealing.quantise import policy_of, quantise
from neurorig_drivers.interface import MarkerSink
from neurorig_drivers.process.framing import Arrays
from neurorig_drivers.process.link import Answer, Link, RemoteFailure
from neurorig_lab.chip.mapping import place
from neurorig_lab.chip.placement_report import qubo_placement, spiking_placement
from neurorig_lab.chip.spiking_placed import place_spiking
from neurorig_protocols import wording
from neurorig_protocols.bench import BoardConfig
from neurorig_protocols.board import Artifact, Batch, BoardInfo, Compiled, Meta, Placement, RunOutput
from neurorig_protocols.errors import (
    BoardLost,
    DoesNotFit,
    ErrorRecord,
    InfraError,
    InvalidConfig,
    UserError,
    from_record,
)
from neurorig_protocols.plan import PhaseName
from neurorig_protocols.records import Finite, Record
from neurorig_protocols.workloads.snn.network import SpikingNetwork

SOLVER = "nebm-sa"
_QUBO_PARTS = ("diagonal", "rows", "cols", "weights")
_OWN_PARAMS = frozenset(("quantisation",))


class HostProgram(Protocol):
    """A compiled artifact."""

    digest: str
    summary: dict[str, Any]

    def place(self, chips: int) -> Placement:
        """Place it on a board of so many chips; DoesNotFit names the limit and by how much."""

    def configuration(self) -> tuple[Meta, Arrays]:
        """Return what the board is configured with, once it is placed."""

    def request(self, batch: Batch) -> tuple[Meta, Arrays]:
        """Return what the board is asked to run; UserError when it cannot be."""

    def output(self, batch: Batch, account: dict[str, Any], results: Arrays) -> RunOutput:
        """Return the board's answer in the terms of the batch."""


class QuboProgram:
    """A QUBO in the chip's words."""

    def __init__(self, model: Artifact) -> None:
        params = dict(model.meta.get("params") or {})
        exact = _integers(model.arrays, _QUBO_PARTS)
        self._quantised = quantise(exact, policy_of(params))
        self._network = from_arrays(self._quantised.arrays)
        self.digest = _digest("qubo", exact)
        self.summary = {
            "neurons": self._network.n,
            "synapses": self._network.synapses,
            "solver": SOLVER,
            **self._quantised.facts,
        }

    def place(self, chips: int) -> Placement:
        """See HostProgram."""
        self._mapping = place(self._network, chips)
        return qubo_placement(self._network, self._mapping)

    def configuration(self) -> tuple[Meta, Arrays]:
        """See HostProgram."""
        mapping = self._mapping
        told = {"chips": mapping.mesh.chips, "tiles": mapping.mesh.tiles, "tree": bool(len(mapping.leaf_core))}
        return {"kind": "qubo", **told}, {**self._quantised.arrays, "core": mapping.core}

    def request(self, batch: Batch) -> tuple[Meta, Arrays]:
        """See HostProgram."""
        meta = batch.meta
        if meta.get("solver", "default") not in ("default", SOLVER):
            raise UserError(
                f"the virtual chip has no solver '{meta['solver']}'", where="solver", next_step=f"use '{SOLVER}'"
            )
        params = dict(meta.get("params") or {})
        if policy_of(params) == "refuse" and self._quantised.quantum > 1:
            raise DoesNotFit(
                f"the coefficients fit into the chip only in units of {self._quantised.quantum:,}",
                where="solver.params.quantisation",
                next_step="allow 'round', or use a board that holds them exactly",
            )
        asked = {
            "scenario": meta.get("scenario"),
            "limit_s": meta["limit_s"],
            "seed": meta["seed"],
            "params": {name: value for name, value in params.items() if name not in _OWN_PARAMS},
        }
        targets = [math.floor(target / self._quantised.quantum) for target in batch.arrays["target_costs"].tolist()]
        return asked, {"target_costs": np.array(targets, float)}

    def output(self, batch: Batch, account: dict[str, Any], results: Arrays) -> RunOutput:
        """See HostProgram; costs are what the chip believes, in the units of the problem."""
        stopped_early = batch.meta["scenario"] == "time-to-solution" and account["all_reached"]
        return RunOutput(
            meta={
                "solver": SOLVER,
                "solver_cost": account["cost"] * self._quantised.quantum,
                "cost_error_bound": self._quantised.cost_error_bound,
                "requested_s": float(batch.meta["limit_s"]),
                # The network was configured by `load`; clearing its state is not modelled.
                "setup_s": None,
                "solve_s": account["elapsed_s"],
                "clock": "dut",
                "stopped_by": "target" if stopped_early else "timeout",
                "windows": int(batch.phase is not None),
                **account["activity"],
            },
            arrays={
                **results,
                "improvement_cost": results["improvement_cost"] * self._quantised.quantum,
                "reached_window": np.zeros(len(results["reached_s"]), np.int64),
            },
        )


class SpikingProgram:
    """A spiking network, which comes in the chip's own integers."""

    def __init__(self, model: Artifact) -> None:
        self._inputs = int(model.meta["inputs"])
        self._populations = tuple(model.meta["populations"])
        self._network = SpikingNetwork.from_arrays(self._inputs, model.arrays)
        self.digest = _digest(f"snn {self._inputs}", _integers(self._network.to_arrays(), self._network.to_arrays()))
        self.summary = {
            "neurons": self._network.n,
            "synapses": self._network.synapses,
            "inputs": self._inputs,
            "populations": len(self._populations),
        }

    def place(self, chips: int) -> Placement:
        """See HostProgram."""
        self._mapping = place_spiking(self._network, chips)
        return spiking_placement(self._network, self._mapping)

    def configuration(self) -> tuple[Meta, Arrays]:
        """See HostProgram."""
        mesh = self._mapping.mesh
        told = {"kind": "snn", "inputs": self._inputs, "populations": len(self._populations)}
        return {**told, "chips": mesh.chips, "tiles": mesh.tiles}, {
            **self._network.to_arrays(),
            "core": self._mapping.core,
        }

    def request(self, batch: Batch) -> tuple[Meta, Arrays]:
        """See HostProgram."""
        names = ("event_sample", "event_step", "event_input")
        asked = {"steps": int(batch.meta["steps"]), "samples": int(batch.meta["samples"])}
        return asked, {name: batch.arrays[name] for name in names}

    def output(self, batch: Batch, account: dict[str, Any], results: Arrays) -> RunOutput:
        """See HostProgram."""
        meta = {"solve_s": account["elapsed_s"], "clock": "dut", "windows": int(batch.phase is not None)}
        return RunOutput(meta={**meta, **account["activity"]}, arrays=results)


PROGRAMS: dict[str, type[QuboProgram | SpikingProgram]] = {"qubo": QuboProgram, "snn": SpikingProgram}


def _integers(arrays: Arrays, names: Any) -> Arrays:
    return {name: np.asarray(arrays[name]).astype(np.int64, casting="safe") for name in names}


def _digest(kind: str, arrays: Arrays) -> str:
    told = hashlib.sha256(kind.encode())
    for name, values in arrays.items():
        told.update(f"{name} {values.size} ".encode() + np.ascontiguousarray(values, "<i8").tobytes())
    return f"sha256:{told.hexdigest()}"


T = TypeVar("T")


class Options(Record):
    """`board.options` of a bench file."""

    address: str = Field(min_length=3, description="HOST:PORT of the virtual chip")
    session: str = Field(default="", max_length=64, description="label of the truth when a job brings none")
    connect_s: Finite = Field(default=10.0, gt=0, le=120, description="limit for the chip to take the connection")


@dataclass(frozen=True)
class _Job:
    kind: str
    program: HostProgram
    session: str


class VirtualLoihi:
    """A virtual board: QUBOs by stochastic annealing and spiking networks, timed by the board's own clock."""

    info: BoardInfo
    run_may_be_killed: ClassVar[bool] = True
    """The chip ends a run when its caller hangs up, and waits for the next one."""

    def __init__(self, config: BoardConfig) -> None:
        try:
            self._options = Options.model_validate(config.options)
        except ValidationError as error:
            problems = "; ".join(wording.sentences(error, Options))
            raise InvalidConfig(f"the options of the board are wrong: {problems}", where="board.options") from error
        self._closed = False
        self._compiled: _Job | None = None
        self._mapped: _Job | None = None
        self._loaded: _Job | None = None
        self._link = _connect(self._options)
        try:
            identity = self._call("identify")[0]
            self._chips = int(identity["chips"])
            self.info = _describe(identity)
        except BaseException:
            self._link.close()
            raise

    def compile(self, model: Artifact) -> Compiled:
        """Bring the model into the chip's words and name it by its content; touches no hardware."""
        self._need(True, "compile", "")
        if model.kind not in PROGRAMS:
            raise UserError(f"the virtual chip takes {', '.join(PROGRAMS)}, not '{model.kind}'", where="compile")
        program = PROGRAMS[model.kind](model)
        self._compiled = _Job(model.kind, program, str(model.meta.get("session", self._options.session)))
        self._mapped = self._loaded = None
        return Compiled(digest=program.digest, summary=program.summary)

    def map(self, compiled: Compiled) -> Placement:
        """Place the network on cores, tiles and chips; DoesNotFit names the limit and by how much."""
        job = self._need(self._compiled, "map", "nothing was compiled")
        if job.program.digest != compiled.digest:
            raise InfraError(f"'{compiled.digest}' is not what was compiled last", where="map")
        self._loaded = None
        placement = job.program.place(self._chips)
        self._mapped = job
        return placement

    def load(self, placement: Placement) -> None:  # noqa: ARG002 - the placement in full stays with the driver
        """Configure the board with the placed network."""
        job = self._need(self._mapped, "load", "nothing was mapped")
        told, arrays = job.program.configuration()
        self._call("configure", arrays, session=job.session, **told)
        self._loaded = job

    def idle(self, seconds: float, index: int | None, markers: MarkerSink) -> None:
        """Let the chip wait, configured and ready; the chip moves the marker line itself."""
        self._need(self._loaded, "idle", "nothing was loaded")
        self._bracketed("idle" if index is not None else None, index or 0, markers, "wait", seconds=seconds)

    def run(self, batch: Batch, markers: MarkerSink) -> RunOutput:
        """Run once, in one window; the clock of all times is the chip's."""
        job = self._need(self._loaded, "run", "nothing was loaded")
        if batch.kind != job.kind:
            raise UserError(f"the chip holds a '{job.kind}', the batch is for a '{batch.kind}'", where="run")
        asked, arrays = job.program.request(batch)
        session = str(batch.meta.get("session", job.session))
        account, _ = self._bracketed(batch.phase, batch.index, markers, "run", arrays, session=session, **asked)
        _, results = self._call("read")
        return job.program.output(batch, account, results)

    def close(self) -> None:
        """Hang up; the chip stays configured and waits for the next caller."""
        self._closed = True
        self._link.close()

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
        try:
            answer, found = self._link.call({"call": call, **arguments}, arrays)
        except RemoteFailure as failure:
            raise InfraError(f"the virtual chip failed: {failure.kind}: {failure}", where=self._where) from failure
        except OSError as error:
            raise BoardLost(
                f"the virtual chip went away during '{call}': {error}",
                where=self._where,
                next_step="start the lab again with `neurorig lab start virtual-loihi`",
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
        return f"virtual-loihi at {self._options.address}"


def _connect(options: Options) -> Link:
    try:
        return Link(options.address, connect_s=options.connect_s)
    except ValueError as error:
        raise InvalidConfig(str(error), where="board.options.address") from error
    except OSError as error:
        raise BoardLost(
            f"no virtual chip answers at {options.address}: {error}",
            where="board.options.address",
            next_step="start the lab with `neurorig lab start virtual-loihi` and use the bench file it writes",
        ) from error


def _describe(identity: dict[str, Any]) -> BoardInfo:
    return BoardInfo(
        family=identity["family"],
        serial_number=identity["serial_number"],
        firmware=identity["firmware"],
        kinds=("qubo", "snn"),
        clock="dut",
        solvers=(SOLVER,),
        notes=(
            "a VIRTUAL board: its time and energy are modelled from published figures per event",
            f"{identity['chips']} chip(s)",
            *(f"not modelled: {term}" for term in identity["unknown"]),
        ),
    )
