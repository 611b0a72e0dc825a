"""The checks of a board driver: order, determinism, markers, keys of a run; small work with known answers."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from functools import partial
from typing import Any

import numpy as np

from neurorig_drivers.conformance.checks import Check, Finding, close_driver, refuses, require, run_checks
from neurorig_drivers.interface import BoardDriver, MarkerLog
from neurorig_drivers.snn.reference import simulate
from neurorig_protocols.board import KINDS, Artifact, Batch, Compiled, Kind, Placement, RunOutput, as_bits
from neurorig_protocols.trace import Marker, digest_of
from neurorig_protocols.workloads.snn.network import DECAY_ONE, SpikingNetwork

IDLE_S = 0.01

_META: dict[Kind, tuple[str, ...]] = {
    "qubo": ("solver", "solver_cost", "requested_s", "setup_s", "solve_s", "clock", "stopped_by", "windows"),
    "classifier": ("clock", "windows"),
    "snn": ("solve_s", "clock", "windows", "spikes"),
}


@dataclass(frozen=True)
class Sample:
    """A small piece of work that a board must be able to do; the batch's phase and index are set by the checks."""

    artifact: Artifact
    batch: Batch


def qubo_sample() -> Sample:
    """Return a path of four vertices: cost −2 at best, found by any solver at once."""
    rows = np.array([0, 1, 2], np.int64)
    arrays = {"diagonal": np.full(4, -1), "rows": rows, "cols": rows + 1, "weights": np.full(3, 4)}
    meta = {"scenario": "fixed-timeout", "limit_s": 0.01, "seed": 1, "solver": "default", "params": {}}
    goals: dict[str, np.ndarray[Any, Any]] = {"gaps": np.zeros(0), "target_costs": np.zeros(0)}
    model = Artifact("qubo", {"n": 4}, {name: array.astype(np.int64) for name, array in arrays.items()})
    return Sample(model, Batch("qubo", None, 0, meta, goals))


def check_board(board: BoardDriver, sample: Sample, subject: str = "board") -> list[Finding]:
    """Check a driver that was just opened; it is closed afterwards."""
    checks = _BoardChecks(board, sample)
    return run_checks(subject, [*checks.before_closing(), *checks.closing()])


def check_open_board(board: BoardDriver, sample: Sample, subject: str = "board") -> list[Finding]:
    """Check all but the closing; the sample stays loaded, so the bench's time can be passed with `idle`."""
    return run_checks(subject, _BoardChecks(board, sample).before_closing())


class _BoardChecks:
    """Checks that build on each other, in order."""

    def __init__(self, board: BoardDriver, sample: Sample) -> None:
        self._board = board
        self._sample = sample

    def before_closing(self) -> list[Check]:
        return [
            ("says what it is", self._info),
            ("keeps the order of the verbs", self._order),
            ("compiles the same model to the same digest", self._deterministic),
            ("places and loads the program", self._load),
            ("marks an idle window once", self._idle),
            ("leaves the markers alone without a phase", self._unmarked),
            ("brackets each window of a run", self._windows),
            ("gives the keys of its kind", self._keys),
            ("refuses another kind with a NeurorigError", self._other_kind),
            ("takes the next job without being opened again", self._load),
        ]

    def closing(self) -> list[Check]:
        return [("closes twice without complaint", self._close), ("refuses to run when closed", self._closed)]

    def _load(self) -> None:
        placement = self._board.map(self._board.compile(self._sample.artifact))
        require(all(share >= 0 for share in placement.utilisation.values()), "a utilisation is negative")
        self._board.load(placement)

    def _run(self, batch: Batch) -> tuple[RunOutput, list[Marker]]:
        markers = MarkerLog()
        return self._board.run(batch, markers), markers.records

    def _info(self) -> None:
        info = self._board.info
        require(bool(info.family), "info.family is empty")
        require(bool(info.kinds), "info.kinds is empty")
        require(bool(info.clock), "info.clock is empty")
        require(self._sample.artifact.kind in info.kinds, f"kind '{self._sample.artifact.kind}' is not in info.kinds")

    def _order(self) -> None:
        nothing = digest_of(b"")
        refuses("map before compile", lambda: self._board.map(Compiled(digest=nothing)))
        refuses("load before map", lambda: self._board.load(Placement(cores=0, memory_bytes=0)))
        refuses("idle before load", lambda: self._board.idle(0.0, None, MarkerLog()))
        refuses("run before load", lambda: self._run(self._sample.batch))

    def _deterministic(self) -> None:
        digests = {self._board.compile(self._sample.artifact).digest for _ in range(2)}
        require(len(digests) == 1, "two compiles of one model gave two digests")

    def _idle(self) -> None:
        markers = MarkerLog()
        self._board.idle(IDLE_S, None, markers)
        require(not markers.records, "an idle without an index was marked")
        self._board.idle(IDLE_S, 3, markers)
        edges = [(m.phase, m.index, m.edge) for m in markers.records]
        require(edges == [("idle", 3, "begin"), ("idle", 3, "end")], f"an idle window was marked as {edges}")

    def _unmarked(self) -> None:
        _, markers = self._run(replace(self._sample.batch, phase=None))
        require(not markers, "a run without a phase was marked")

    def _windows(self) -> None:
        output, markers = self._run(replace(self._sample.batch, phase="run", index=5))
        edges = [(m.phase, m.index, m.edge) for m in markers]
        count = output.meta.get("windows")
        expected = [("run", 5 + k, edge) for k in range(len(edges) // 2) for edge in ("begin", "end")]
        require(bool(edges) and edges == expected, f"windows from index 5 on were marked as {edges}")
        require(count == len(edges) // 2, f"meta says {count} windows, {len(edges) // 2} were marked")
        instants = [m.t_ns for m in markers]
        require(instants == sorted(instants), "the markers' instants run backwards")

    def _keys(self) -> None:
        kind = self._sample.artifact.kind
        output, _ = self._run(replace(self._sample.batch, phase="run"))
        missing = sorted(set(_META[kind]) - set(output.meta))
        require(not missing, f"meta lacks {', '.join(missing)}")
        _OUTPUT_CHECKS[kind](self._sample, output)

    def _other_kind(self) -> None:
        for other in sorted(set(KINDS) - set(self._board.info.kinds)):
            refuses(f"a model of kind '{other}'", partial(self._board.compile, Artifact(other, {})))
        self._load()

    def _close(self) -> None:
        close_driver(self._board)
        close_driver(self._board)

    def _closed(self) -> None:
        try:
            refuses("run after close", lambda: self._run(self._sample.batch))
        finally:
            self._board.close()


def _check_arrays(output: RunOutput, wanted: dict[str, tuple[str, tuple[int, ...]]]) -> None:
    for name, (dtype, shape) in wanted.items():
        require(name in output.arrays, f"the array '{name}' is missing")
        found = output.arrays[name]
        require(str(found.dtype) == dtype, f"'{name}' is {found.dtype}, not {dtype}")
        require(found.shape == shape, f"'{name}' has the shape {found.shape}, not {shape}")


def _check_qubo(sample: Sample, output: RunOutput) -> None:
    n, gaps = int(sample.artifact.meta["n"]), len(sample.batch.arrays["gaps"])
    points = len(output.arrays.get("improvement_s", ()))
    wanted = {
        "solution": ("uint8", (n,)),
        "improvement_s": ("float64", (points,)),
        "improvement_cost": ("int64", (points,)),
        "reached_s": ("float64", (gaps,)),
        "reached_window": ("int64", (gaps,)),
        "reached_solution": ("uint8", (gaps, n)),
    }
    _check_arrays(output, wanted)
    model, x = sample.artifact.arrays, as_bits(output.arrays["solution"]).astype(np.int64)
    pairs = x[model["rows"]] * x[model["cols"]]
    cost = int(model["diagonal"] @ x + 2 * (model["weights"] @ pairs))
    claimed = output.meta["solver_cost"]
    require(claimed == cost, f"the solver says cost {claimed}, xᵀQx of its solution is {cost}")


def _check_classifier(sample: Sample, output: RunOutput) -> None:
    count, classes = len(sample.batch.arrays["inputs"]), int(sample.artifact.meta["classes"])
    wanted = {
        "labels": ("int64", (count,)),
        "scores": ("float64", (count, classes)),
        "latency_s": ("float64", (count,)),
    }
    _check_arrays(output, wanted)
    labels = output.arrays["labels"]
    require(bool(((labels >= 0) & (labels < classes)).all()), f"a label lies outside 0…{classes - 1}")


def _check_snn(sample: Sample, output: RunOutput) -> None:
    """The sample's arithmetic leaves no remainder, so every board must give the spikes of the reference."""
    network = SpikingNetwork.from_arrays(int(sample.artifact.meta["inputs"]), sample.artifact.arrays)
    steps, samples = int(sample.batch.meta["steps"]), int(sample.batch.meta["samples"])
    raster = simulate(network, sample.batch.arrays, steps=steps, samples=samples)
    right = raster.answer(network)
    _check_arrays(output, {name: ("int64", array.shape) for name, array in right.items()})
    for name, array in right.items():
        found = output.arrays[name].tolist()
        require(found == array.tolist(), f"'{name}' is {found}, the reference gives {array.tolist()}")
    spikes, total = output.meta["spikes"], int(raster.counts.sum())
    require(spikes == total, f"meta says {spikes} spikes, the reference gives {total}")


_OUTPUT_CHECKS: dict[Kind, Callable[[Sample, RunOutput], None]] = {
    "qubo": _check_qubo,
    "classifier": _check_classifier,
    "snn": _check_snn,
}


SNN_STEPS = 12
SNN_SAMPLES = 2


def snn_network(*, leaky: bool = True) -> SpikingNetwork:
    """Return two input lines, a population of two neurons, then one neuron that also feeds back to the first.

    Neuron 0 integrates without leak, neuron 1 loses half its membrane in each step if `leaky`, neuron 2 sums both.
    """
    synapses = {0: [(0, 32), (1, 64)], 1: [(1, 64)], 2: [(2, 32)], 3: [(2, 32)], 4: [(0, -32)]}
    pairs = [pair for source in sorted(synapses) for pair in synapses[source]]
    return SpikingNetwork(
        inputs=2,
        du=np.full(3, DECAY_ONE, np.int64),
        dv=np.array([0, DECAY_ONE // 2 if leaky else 0, 0], np.int64),
        vth=np.array([63, 95, 63], np.int64) * 64,
        bias=np.zeros(3, np.int64),
        population=np.array([0, 0, 1], np.int64),
        outputs=np.array([2, 0], np.int64),
        start=np.array([0, 2, 3, 4, 5, 6], np.int64),
        target=np.array([target for target, _ in pairs], np.int64),
        weight=np.array([weight for _, weight in pairs], np.int64),
    )


def snn_sample(*, leaky: bool = True) -> Sample:
    """Return the network above, driven on line 0 in every step and on line 1 in every third; sample 1 gets less."""
    network = snn_network(leaky=leaky)
    meta = {"name": "conformance", "inputs": network.inputs, "populations": ["hidden", "output"]}
    events = [(0, step, line) for step in range(SNN_STEPS) for line in (0, 1) if line == 0 or step % 3 == 0]
    events += [(1, step, 0) for step in range(0, SNN_STEPS, 2)]
    sample, step, line = (np.array(column, np.int64) for column in zip(*sorted(events), strict=True))
    batch = Batch(
        "snn",
        None,
        0,
        {"steps": SNN_STEPS, "samples": SNN_SAMPLES},
        {"event_sample": sample, "event_step": step, "event_input": line},
    )
    return Sample(Artifact("snn", meta, network.to_arrays()), batch)
