"""Small NIR graphs and input events for tests."""

from __future__ import annotations

import io
from pathlib import Path
from typing import Any

import nir
import numpy as np

from neurorig_drivers.snn.real_network import Ints, RealNetwork
from neurorig_protocols.board import Arrays
from neurorig_protocols.workloads.snn.events import HEADING, Events

STEPS = 40


def dense_graph() -> Any:
    """Return 6 inputs, 4 LIF neurons and 2 IF neurons; weights and thresholds are exact in a chip's integers."""
    return nir.NIRGraph(
        nodes={
            "input": nir.Input({"input": np.array([6])}),
            "fc1": nir.Linear(np.array([[1, 2, 3, -1, 0, 2], [0, 1, 1, 1, 1, 0], [3, 0, -2, 0, 3, 1], [1] * 6], float)),
            "hidden": nir.LIF(tau=np.full(4, 2.0), r=np.full(4, 2.0), v_leak=np.zeros(4), v_threshold=np.full(4, 3.0)),
            "fc2": nir.Linear(np.array([[1, 1, 1, 0], [0, 1, 0, 2]], float)),
            "out": nir.IF(r=np.ones(2), v_threshold=np.array([1.0, 2.0])),
            "output": nir.Output({"output": np.array([2])}),
        },
        edges=[("input", "fc1"), ("fc1", "hidden"), ("hidden", "fc2"), ("fc2", "out"), ("out", "output")],
        metadata={"dt": 1.0},
    )


def some_events(inputs: int, *, steps: int = STEPS, samples: int = 2, share: float = 0.3, seed: int = 0) -> Arrays:
    """Return events of which every input has one in that share of the steps."""
    sample, step, line = np.nonzero(np.random.default_rng(seed).random((samples, steps, inputs)) < share)
    return {"event_sample": sample, "event_step": step, "event_input": line}


def write_files(folder: Path, *, samples: int = 2) -> tuple[Path, Path, Arrays]:
    """Write the dense graph and events for it; return both files and the events."""
    model, file = folder / "model.nir", folder / "events.csv"
    nir.write(model, dense_graph())
    events = some_events(6, samples=samples)
    file.write_bytes(format_events(Events(*(events[f"event_{name}"] for name in ("sample", "step", "input")))))
    return model, file, events


def format_events(events: Events) -> bytes:
    """Return the file of events; `parse_events` gives them back."""
    out = io.StringIO()
    np.savetxt(out, np.stack([events.sample, events.step, events.input], axis=1), fmt="%d", delimiter=",")
    return f"{HEADING}\n{out.getvalue()}".encode("ascii")


def simulate_real(network: RealNetwork, events: Arrays, *, steps: int, samples: int) -> Ints:
    """Return the spike counts int64 (samples, neurons): what the lowered network is compared with."""
    keep_u, keep_v, threshold, bias = (
        np.concatenate([getattr(p, name) for p in network.populations])
        for name in ("keep_u", "keep_v", "threshold", "bias")
    )
    counts = np.zeros((samples, network.neurons), np.int64)
    for sample in range(samples):
        here = events["event_sample"] == sample
        drive = np.zeros((steps, network.input_lines + network.neurons))
        np.add.at(drive, (events["event_step"][here], events["event_input"][here]), 1.0)
        u, v = np.zeros(network.neurons), np.zeros(network.neurons)
        fired = np.zeros(network.neurons)
        for step in range(steps):
            drive[step, network.input_lines :] = fired
            u = keep_u * u + network.matrix @ drive[step]
            v = keep_v * v + u + bias
            fired = (v > threshold).astype(float)
            v[fired > 0] = 0.0
            counts[sample] += fired.astype(np.int64)
    return counts
