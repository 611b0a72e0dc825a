"""What the board is to run, checked: options of the bench file, a QUBO as a network, or a spiking network."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Literal, Self

import numpy as np
from pydantic import Field, ValidationError, model_validator

from neurorig_drivers.annealing.network import Network, from_arrays
from neurorig_drivers.annealing.quantise import policy_of, quantise
from neurorig_drivers.process.framing import Arrays
from neurorig_protocols import wording
from neurorig_protocols.bench import BoardConfig
from neurorig_protocols.board import Artifact, Batch, Kind, Meta
from neurorig_protocols.errors import DoesNotFit, InvalidConfig
from neurorig_protocols.records import Finite, Record
from neurorig_protocols.workloads.snn.network import SpikingNetwork

_OURS = ("SLURM", "NOSLURM", "BOARD", "PARTITION", "NXSDKHOST", "HOST_BINARY", "LOIHI_GEN")


class Options(Record):
    """Which backend runs, under which interpreter, and which board is meant where there are several."""

    backend: Literal["cpu", "loihi2"] = "cpu"
    lava_python: str | None = Field(default=None, min_length=1, description="Python 3.10 with lava-nc 0.10.0")
    extension: str | None = Field(default=None, min_length=1, description="folder of the closed Loihi 2 extension")
    start_limit_s: Finite = Field(
        default=120.0, gt=0, le=3600, description="limit for the worker or a network to start"
    )
    call_limit_s: Finite = Field(default=600.0, gt=0, le=86_400, description="limit of a call that has no other one")
    slurm_board: str | None = Field(default=None, min_length=1, description="SLURM node; pins the board")
    slurm_partition: str | None = Field(default=None, min_length=1, description="SLURM partition; pins no board")
    nxsdkhost: str | None = Field(default=None, min_length=1, description="address of an Ethernet host; pins the board")
    host_binary: str = Field(default="nxcore/bin/nx_driver_server", min_length=1)
    generation: Literal["N2A2", "N3B2", "N3B3", "N3C1", "N3D1"] = "N3B3"
    sensor_accuracy: Finite | None = Field(
        default=None, gt=0, le=1, description="relative limit of the error of the board's own power sensors"
    )

    @model_validator(mode="after")
    def _names_one_board(self) -> Self:
        named = [self.slurm_board, self.slurm_partition, self.nxsdkhost]
        count = sum(name is not None for name in named)
        if self.backend == "loihi2" and count != 1:
            raise ValueError("the backend 'loihi2' needs exactly one of slurm_board, slurm_partition and nxsdkhost")
        if self.backend == "cpu" and (count or self.extension or self.sensor_accuracy):
            raise ValueError(
                "slurm_board, slurm_partition, nxsdkhost, extension and sensor_accuracy belong to the backend 'loihi2'"
            )
        return self

    @property
    def board(self) -> str | None:
        """The pinned board, None where every run may be given another one."""
        return self.slurm_board or self.nxsdkhost

    def environment(self, inherited: Mapping[str, str]) -> dict[str, str]:
        """Return the worker's environment variables: what Lava reads to choose a board is ours alone."""
        kept = {name: value for name, value in inherited.items() if name not in _OURS}
        if self.backend == "cpu":
            return kept
        chosen: dict[str, str] = {"LOIHI_GEN": self.generation}
        if self.nxsdkhost is not None:
            chosen |= {"NOSLURM": "1", "NXSDKHOST": self.nxsdkhost, "HOST_BINARY": self.host_binary}
        elif self.slurm_board is not None:
            chosen |= {"SLURM": "1", "BOARD": self.slurm_board}
        elif self.slurm_partition is not None:
            chosen |= {"SLURM": "1", "PARTITION": self.slurm_partition}
        return {**kept, **chosen}


def read_options(config: BoardConfig) -> Options:
    """Check the options of a bench file; InvalidConfig names what is wrong."""
    try:
        return Options.model_validate(config.options)
    except ValidationError as error:
        problems = "; ".join(wording.sentences(error, Options))
        raise InvalidConfig(f"the options of the board are wrong: {problems}", where="board.options") from error


_QUBO_PARTS = ("diagonal", "rows", "cols", "weights")


@dataclass(frozen=True)
class Program:
    """A checked artifact; `arrays` are the artifact's own as int64.

    quantum: the cost of one unit of the network, 1 where the problem's integers fit the words of a core as they are.
    cost_error_bound: by how much rounding to it may change the cost of any state.
    """

    kind: Kind
    digest: str
    arrays: Arrays
    network: Network | SpikingNetwork
    quantum: int = 1
    cost_error_bound: int = 0

    @property
    def summary(self) -> dict[str, Any]:
        """Sizes, and what rounding costs."""
        sizes = {"neurons": self.network.n, "synapses": self.network.synapses}
        if self.kind == "snn":
            return sizes
        return {**sizes, "quantum": self.quantum, "cost_error_bound": self.cost_error_bound}

    @property
    def memory_bytes(self) -> int:
        """Bytes of the network's arrays on the host."""
        return sum(array.nbytes for array in self.arrays.values())

    def goals(self, batch: Batch) -> list[float]:
        """Return the batch's target costs in units of the network."""
        return [target / self.quantum for target in np.asarray(batch.arrays["target_costs"], float).tolist()]

    def params(self, batch: Batch) -> Meta:
        """Return the solver's parameters without ours; DoesNotFit when they refuse the rounding that was needed."""
        params = dict(batch.meta.get("params") or {})
        if policy_of(params) == "refuse" and self.quantum > 1:
            raise DoesNotFit(
                f"the coefficients fit into Loihi's words only in units of {self.quantum:,}",
                where="solver.params.quantisation",
                next_step="allow 'round', or use a board that holds them exactly",
            )
        params.pop("quantisation", None)
        return params


def read_program(model: Artifact) -> Program:
    """Check an artifact of kind "qubo" or "snn"; WrongAnswer or DoesNotFit says what is wrong with it."""
    if model.kind == "snn":
        spiking = SpikingNetwork.from_arrays(int(model.meta["inputs"]), model.arrays)
        arrays = spiking.to_arrays()
        return Program("snn", _digest("snn", arrays, spiking.inputs), arrays, spiking)
    arrays = {name: np.asarray(model.arrays[name]).astype(np.int64, casting="safe") for name in _QUBO_PARTS}
    try:
        fitting = quantise(arrays, policy_of(dict(model.meta.get("params") or {})))
        network = from_arrays(fitting.arrays)
    except DoesNotFit as error:
        raise DoesNotFit(
            error.message.replace("the virtual chip", "a Loihi core"),
            where="loihi",
            next_step="scale the problem's weights down, or use a board that holds them exactly",
            **error.detail,
        ) from error
    return Program("qubo", _digest("qubo", arrays, 0), arrays, network, fitting.quantum, fitting.cost_error_bound)


def _digest(kind: str, arrays: Arrays, inputs: int) -> str:
    told = hashlib.sha256(f"{kind} {inputs}".encode())
    for name, array in arrays.items():
        told.update(f"{name} {array.size} ".encode() + np.ascontiguousarray(array, "<i8").tobytes())
    return f"sha256:{told.hexdigest()}"
