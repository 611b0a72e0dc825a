"""One batch of samples through a spiking network on the CPU. The clock is the host's."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Any

import numpy as np

from neurorig_drivers.boards.loihi.worker import spiking, synapses
from neurorig_drivers.boards.loihi.worker.slices import Runtime
from neurorig_drivers.process.framing import Arrays


class SpikingRun:
    """A network for one batch: arrays of an "snn" artifact and of its batch; body: inputs, steps, samples."""

    def __init__(self, body: dict[str, Any], arrays: Arrays) -> None:
        period = body["steps"] + 1
        self._total = body["samples"] * period
        fan_out = np.diff(arrays["start"])
        inputs = body["inputs"]
        self._neurons = spiking.Neurons(arrays["du"], arrays["dv"], arrays["vth"], arrays["bias"], period=period)
        self._readout = spiking.Readout(
            arrays["population"], arrays["outputs"], fan_out[inputs:], period=period, samples=body["samples"]
        )
        self._neurons.s_out.connect(self._readout.s_in)
        sources = np.repeat(np.arange(len(fan_out)), fan_out)
        self._delivered = int(fan_out[arrays["event_input"]].sum())
        self._connect_inputs(inputs, period, sources, arrays)
        inner = sources >= inputs
        synapses.connect(
            self._neurons.s_out,
            self._neurons.a_in,
            sources[inner] - inputs,
            arrays["target"][inner],
            arrays["weight"][inner],
        )
        self._runtime = Runtime(self._neurons)

    def _connect_inputs(self, inputs: int, period: int, sources: Any, arrays: Arrays) -> None:
        if not inputs:
            return
        when = arrays["event_sample"] * period + arrays["event_step"]
        events = spiking.Events(inputs, when, arrays["event_input"])
        outer = sources < inputs
        synapses.connect(
            events.s_out, self._neurons.a_in, sources[outer], arrays["target"][outer], arrays["weight"][outer]
        )

    def run(self, gone: Callable[[], bool]) -> dict[str, Any]:
        """Run all samples; return the steps and the nanoseconds it took."""
        begin_ns = time.monotonic_ns()
        self._runtime.run(lambda: not gone(), steps=self._total)
        return {"steps": self._runtime.steps, "elapsed_ns": time.monotonic_ns() - begin_ns}

    def read(self) -> tuple[dict[str, Any], Arrays]:
        """Return what the run gave, and end the network."""
        readout = self._readout
        arrays = {
            "counts": readout.counts.get()[:, :-1],
            "first_step": readout.first_step.get()[:, :-1],
            "population_spikes": readout.by_population.get(),
        }
        operations = int(readout.synaptic_operations.get()[0]) + self._delivered
        wrapped = bool(self._neurons.wrapped.get()[0])
        self._runtime.stop()
        return {"synops": operations, "wrapped": wrapped}, {k: v.astype(np.int64) for k, v in arrays.items()}

    def stop(self) -> None:
        """End the network without reading it."""
        self._runtime.stop()
