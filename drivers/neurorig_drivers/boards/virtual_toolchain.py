"""What the driver of the virtual board does on the host, as a vendor's tool chain would: compile, place, translate.

One class per kind of artifact, with the same verbs. Not for the link to the board, which is `virtual_loihi`.
"""

from __future__ import annotations

import hashlib
import math
from typing import Any, Protocol

import numpy as np

from neurorig_drivers.framing import Arrays
from neurorig_drivers.virtual.chip.mapping import place
from neurorig_drivers.virtual.chip.network import from_arrays
from neurorig_drivers.virtual.chip.quantise import policy_of, quantise
from neurorig_drivers.virtual.chip.report import qubo_placement, spiking_placement
from neurorig_drivers.virtual.chip.spiking_placed import place_spiking
from neurorig_protocols.board import Artifact, Batch, Meta, Placement, RunOutput
from neurorig_protocols.errors import DoesNotFit, UserError
from neurorig_protocols.snn import SpikingNetwork

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
