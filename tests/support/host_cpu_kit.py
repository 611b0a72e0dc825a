"""Problems and batches for the tests of the host-cpu board."""

from __future__ import annotations

import numpy as np

from neurorig_protocols.bench import BoardConfig
from neurorig_protocols.board import Artifact, Batch
from neurorig_protocols.workloads.qubo import mis

CONFIG = BoardConfig(driver="host-cpu")
GENERAL = ("dwave-tabu", "dwave-sa", "neurorig-tabu", "neurorig-sa")
SOLVERS = (*GENERAL, "neurorig-mis")


def artifact(n=50, density=0.1, seed=0) -> Artifact:
    """Return a NeuroBench problem as the agent hands it over."""
    made = mis.instance(n, density, seed)
    arrays = {name: getattr(made, name) for name in ("diagonal", "rows", "cols", "weights")}
    return Artifact("qubo", {"n": n}, arrays)


def batch(scenario="fixed-timeout", *, phase="run", index=0, limit_s=0.02, solver="default", targets=(), **params):
    """Return one call of `run`."""
    meta = {"scenario": scenario, "limit_s": limit_s, "seed": 3, "solver": solver, "params": params}
    arrays = {"gaps": np.arange(len(targets), dtype=float), "target_costs": np.array(targets, float)}
    return Batch("qubo", phase, index, meta, arrays)


def load(board, model):
    """Take a problem through compile, map and load."""
    board.load(board.map(board.compile(model)))
    return board


def windows_of(log):
    """Return (phase, index, seconds) of each marked window, checking that edges pair up."""
    begins, ends = log.records[::2], log.records[1::2]
    assert [(m.phase, m.index, "begin") for m in begins] == [(m.phase, m.index, m.edge) for m in begins]
    assert [(m.phase, m.index, "end") for m in begins] == [(m.phase, m.index, m.edge) for m in ends]
    return [(b.phase, b.index, (e.t_ns - b.t_ns) * 1e-9) for b, e in zip(begins, ends, strict=True)]
