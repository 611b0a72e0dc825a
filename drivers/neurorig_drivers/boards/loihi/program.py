"""What the board was told to run, checked: a QUBO as a network, or a spiking network. Names it by its content."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from typing import Any

import numpy as np

from neurorig_drivers.framing import Arrays
from neurorig_drivers.virtual.chip.network import Network, from_arrays
from neurorig_drivers.virtual.chip.quantise import policy_of, quantise
from neurorig_protocols.board import Artifact, Batch, Kind, Meta
from neurorig_protocols.errors import DoesNotFit
from neurorig_protocols.snn import SpikingNetwork

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
