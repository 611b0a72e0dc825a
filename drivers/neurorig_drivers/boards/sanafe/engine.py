"""SANA-FE in its own process: opened with an architecture, configured with a placed network, run sample by sample."""

from __future__ import annotations

import contextlib
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import numpy as np

from neurorig_drivers.boards.sanafe.placing import Mapping
from neurorig_drivers.process.child import Child
from neurorig_drivers.process.framing import Arrays
from neurorig_protocols.errors import DriverMissing, InvalidConfig
from neurorig_protocols.workloads.snn.network import DECAY_ONE, STATE_LIMIT, WEIGHT_SHIFT, SpikingNetwork

FRACTIONS = "SANA-FE keeps currents that decay as fractions, the integers lose them"
NO_LIMIT = "SANA-FE's states have no limit of 24 bits, and this network could reach it"


def inexact(network: SpikingNetwork, steps: int) -> str | None:
    """Return why spikes of a sample of `steps` may differ, None where they cannot."""
    if (network.du < DECAY_ONE).any():
        return FRACTIONS
    one = 1 << WEIGHT_SHIFT
    arriving = np.bincount(network.target, np.abs(network.weight), network.n) * one
    inhibiting = np.bincount(network.target, np.minimum(network.weight, 0), network.n) * one + np.minimum(
        network.bias, 0
    )
    # What goes up fires; what goes down is kept for as long as the leak allows.
    kept = np.minimum(steps, DECAY_ONE / np.maximum(network.dv, 1e-9))
    reaches = arriving.max() > STATE_LIMIT or (-inhibiting * kept).max() > STATE_LIMIT
    return NO_LIMIT if reaches else None


OWN_ARCHITECTURES = ("loihi", "truenorth")
PARTS = ("synapse", "dendrite", "soma", "network")
"""The parts of a chip for which SANA-FE gives energies, in the order of `energy_j`."""

_MAX_FILE_BYTES = 256 << 10
_OPEN_LIMIT_S = 60.0
_PROGRAM = ("-I", str(Path(__file__).parent / "worker" / "__main__.py"))


class Engine:
    """One worker. A worker that died is started anew by `configure`; DriverCrashed and DriverTimeout pass through."""

    def __init__(self, python: str, architecture: str, limit_s: float) -> None:
        self._python = python
        self._architecture = _text(architecture)
        self._limit_s = limit_s
        self._child: Child | None = None
        # The kernel ends a child with the thread that started it, and the callers' threads come and go.
        self._starter = ThreadPoolExecutor(1)
        try:
            self.facts: dict[str, Any] = self._open()
        except BaseException:
            self.close()
            raise

    def configure(self, network: SpikingNetwork, mapping: Mapping, timing: str) -> None:
        """Build the chip and the network in the worker."""
        if self._child is None or not self._child.alive:
            self._open()
        body = {
            "inputs": network.inputs,
            "tiles": mapping.tiles,
            "input_tiles": mapping.input_tiles,
            "inputs_per_core": mapping.inputs_per_core,
            "timing": timing,
        }
        self._call("configure", body, {**network.to_arrays(), **mapping.arrays()})

    def run(self, steps: int, event_step: Any, event_input: Any) -> tuple[dict[str, Any], Arrays]:
        """Run one sample; see worker/simulation.py for the arrays."""
        return self._call("run", {"steps": steps}, {"event_step": event_step, "event_input": event_input})

    def close(self) -> None:
        """End the worker. Idempotent, never raises."""
        self._end()
        self._starter.shutdown()

    def _end(self) -> None:
        if self._child is not None:
            self._child.kill()
            self._child = None

    def _open(self) -> dict[str, Any]:
        self._end()
        try:
            self._child = self._starter.submit(Child, "SANA-FE", self._python, _PROGRAM).result()
        except DriverMissing as missing:
            raise DriverMissing(
                f"SANA-FE has no Python to run in: {missing.message}",
                where="board.options.python",
                next_step="Build its environment with `make sanafe-env` and name its Python: the option `python` "
                "in the bench file, `--sanafe-python` for a lab.",
            ) from missing
        try:
            return self._call("open", {"architecture": self._architecture}, limit_s=_OPEN_LIMIT_S)[0]
        except BaseException:
            self._end()
            raise

    def _call(
        self, verb: str, body: dict[str, Any], arrays: Arrays | None = None, *, limit_s: float | None = None
    ) -> tuple[dict[str, Any], Arrays]:
        assert self._child is not None  # noqa: S101 - every caller has opened it
        return self._child.call(verb, body, arrays, limit_s=limit_s or self._limit_s)


def _text(architecture: str) -> str:
    """Return one of SANA-FE's own names, or the text of the file that the bench's owner names."""
    if architecture in OWN_ARCHITECTURES:
        return architecture
    with contextlib.suppress(UnicodeDecodeError, OSError), Path(architecture).open("rb") as file:
        raw = file.read(_MAX_FILE_BYTES + 1)
        if len(raw) <= _MAX_FILE_BYTES:
            return raw.decode("utf-8")
    raise InvalidConfig(
        f"'{architecture}' is neither {' nor '.join(OWN_ARCHITECTURES)} nor a readable file of {_MAX_FILE_BYTES} bytes "
        "at most",
        where="board.options.architecture",
    )
