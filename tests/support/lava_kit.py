"""The Lava worker for tests and performance runs, and the virtual chip's kernel step by step to compare it with."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from neurorig_drivers.annealing.network import Network, from_arrays
from neurorig_drivers.annealing.schedule import Schedule
from neurorig_drivers.boards.loihi import environment
from neurorig_drivers.boards.loihi.cpu import prepare_qubo
from neurorig_drivers.boards.loihi.lava_child import LavaChild
from neurorig_drivers.boards.loihi.loihi_driver import LoihiBoard
from neurorig_lab.chip import kernel
from neurorig_lab.chip.annealer import Annealer
from neurorig_lab.chip.mapping import place
from neurorig_protocols.board import Artifact, Batch
from neurorig_protocols.plan import PhaseName
from neurorig_protocols.workloads.qubo import mis

NO_LIMIT_S = 1e3
START_LIMIT_S = 60.0


def lava_python() -> Path:
    """Return the worker's interpreter, building its environment where a Python 3.10 is found; skip where none is."""
    place_ = environment.folder()
    if not environment.is_built(place_):
        interpreter = environment.find_python310()
        if interpreter is None:
            pytest.skip(environment.INSTALL_HINT)
        environment.build(place_, interpreter)
    return environment.python(environ={})


def mis_network(n: int, density: float, seed: int) -> Network:
    """Return NeuroBench's problem as a network."""
    made = mis.instance(n, density, seed)
    return from_arrays({name: getattr(made, name) for name in ("diagonal", "rows", "cols", "weights")})


def chip_steps(network: Network, schedule: Schedule, seed: int, steps: int) -> tuple[np.ndarray, np.ndarray]:
    """Return the virtual chip's state (steps, n) and cost (steps,) after each step."""
    run = Annealer(network, place(network), schedule, seed=seed, limit_s=NO_LIMIT_S)
    states, costs = np.zeros((steps, network.n), np.uint8), np.zeros(steps, np.int64)
    for step in range(steps):
        # A limit that the next step is sure to pass ends the kernel after that step.
        run._c[kernel.LIMIT_TICKS] = run._s[kernel.TICKS] + 1
        run.advance()
        state = run.state()
        states[step], costs[step] = state["x"], state["cost"]
    return states, costs


def chip_run(network: Network, schedule: Schedule, seed: int, steps: int) -> Annealer:
    """Return the virtual chip ready for an `advance` of exactly so many steps."""
    run = Annealer(network, place(network), schedule, seed=seed, limit_s=NO_LIMIT_S, segment_s=0.0)
    # With segments of one step, the end of the table of segments ends the kernel.
    run._out = (np.zeros((steps, kernel.COUNTS), np.int64), run._out[1])
    return run


def lava_steps(
    worker: LavaChild, network: Network, schedule: Schedule, seed: int, steps: int
) -> tuple[np.ndarray, np.ndarray]:
    """Return Lava's state (steps, n) and cost (steps,) after each step."""
    body, arrays = prepare_qubo(network, schedule, seed=seed, max_steps=steps, record=True)
    worker.call("prepare", body, arrays, limit_s=START_LIMIT_S)
    worker.call("run", {"limit_s": NO_LIMIT_S}, limit_s=START_LIMIT_S)
    _, found = worker.call("read", {}, limit_s=START_LIMIT_S)
    return found["states"], found["costs"]


def artifact(n: int = 30, density: float = 0.1, seed: int = 0) -> Artifact:
    """Return NeuroBench's problem as an agent hands it over."""
    made = mis.instance(n, density, seed)
    return Artifact("qubo", {"n": n}, {name: getattr(made, name) for name in ("diagonal", "rows", "cols", "weights")})


def batch(
    scenario: str = "fixed-timeout",
    *,
    phase: PhaseName | None = "run",
    index: int = 0,
    limit_s: float = 0.1,
    seed: int = 3,
    solver: str = "default",
    targets: Sequence[float] = (),
    **params: Any,
) -> Batch:
    """Return one call of `run`."""
    meta = {"scenario": scenario, "limit_s": limit_s, "seed": seed, "solver": solver, "params": params}
    return Batch("qubo", phase, index, meta, {"gaps": np.zeros(len(targets)), "target_costs": np.array(targets, float)})


def load(board: LoihiBoard, model: Artifact) -> LoihiBoard:
    """Take a problem through compile, map and load."""
    board.load(board.map(board.compile(model)))
    return board
