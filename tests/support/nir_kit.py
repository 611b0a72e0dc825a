"""Small NIR graphs and input events for tests."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import nir
import numpy as np

from neurorig_protocols.board import Arrays
from neurorig_protocols.workloads.snn.events import Events, format_events

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
