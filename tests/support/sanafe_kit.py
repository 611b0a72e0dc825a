"""SANA-FE for tests: the Python of its own environment, and a small architecture."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

ENVIRONMENT = Path(__file__).parents[2] / "var" / "env" / "sanafe"


def sanafe_python() -> str:
    """Return the interpreter; skip only where pip has no such wheel for this machine, as `make sanafe-env` found."""
    python, absent = ENVIRONMENT / "bin" / "python", ENVIRONMENT / ".absent"
    if absent.exists():
        pytest.skip(f"pip has no SANA-FE for this machine: {absent.read_text().strip().splitlines()[-1]}")
    assert python.exists(), "build SANA-FE's environment first: make sanafe-env"
    return str(python)


def chip(**changes: Any) -> dict[str, Any]:
    """Return a small architecture; a change names a path such as core__soma__0__attributes__model."""
    hop = {f"{what}_{way}_hop": 1e-12 for what in ("energy", "latency") for way in ("north", "east", "south", "west")}
    costs = {"energy_access_neuron": 1e-12, "latency_access_neuron": 1e-9, "energy_update_neuron": 0.0,
             "latency_update_neuron": 0.0, "energy_spike_out": 0.0, "latency_spike_out": 0.0}  # fmt: skip
    core = {
        "name": "core[0..1]",
        "attributes": {"buffer_position": "soma", "max_neurons_supported": 8},
        "axon_in": [{"name": "in", "attributes": {"energy_message_in": 0.0, "latency_message_in": 0.0}}],
        "synapse": [
            {
                "name": "some_sparse",
                "attributes": {"model": "current_based", "energy_process_spike": 2e-12, "latency_process_spike": 1e-9},
            }
        ],
        "dendrite": [
            {"name": "sum", "attributes": {"model": "accumulator", "energy_update": 0.0, "latency_update": 0.0}}
        ],
        "soma": [{"name": "lif", "attributes": {"model": "leaky_integrate_fire", **costs}}],
        "axon_out": [{"name": "out", "attributes": {"energy_message_out": 0.0, "latency_message_out": 0.0}}],
    }
    tile = {"name": "tile[0..5]", "attributes": hop, "core": [core]}
    found = {
        "name": "small",
        "attributes": {"topology": "mesh", "width": 3, "height": 2, "link_buffer_size": 4},
        "tile": [tile],
    }
    roots = {"core": core, "tile": tile, "chip": found}
    for path, value in changes.items():
        root, *words = path.split("__")
        place: Any = roots[root]
        for word in words[:-1]:
            place = place[int(word) if word.isdigit() else word]
        place[words[-1]] = value
    return {"architecture": found}
