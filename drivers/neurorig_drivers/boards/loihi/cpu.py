"""The backend "cpu": Lava simulates the network on the host (`Loihi2SimCfg`). Functional only: no energy."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

import numpy as np

from neurorig_drivers.annealing.network import Network
from neurorig_drivers.annealing.schedule import Schedule, key_of, scale, schedule_of
from neurorig_drivers.boards.loihi.lava_child import LavaChild
from neurorig_drivers.boards.loihi.program import Options, Program
from neurorig_drivers.interface import MarkerSink
from neurorig_drivers.process.framing import Arrays
from neurorig_protocols.board import Batch, BoardInfo, Meta, RunOutput
from neurorig_protocols.errors import JobError, UserError
from neurorig_protocols.workloads.snn.network import SpikingNetwork


def prepare_qubo(
    network: Network,
    schedule: Schedule,
    *,
    seed: int,
    target_costs: Sequence[float] = (),
    stop_at_targets: bool = False,
    max_steps: int | None = None,
    record: bool = False,
) -> tuple[dict[str, Any], Arrays]:
    """Return body and arrays of the worker's `prepare`; targets are met in falling order.

    With `record` the answer holds the state (steps, n) and the cost (steps,) of every step.
    """
    words = schedule.words(scale(network))
    steps = {
        "levels": schedule.levels,
        "growth": schedule.growth,
        "steps_per_level": schedule.steps_per_level,
        "steps_per_level_max": schedule.steps_per_level_max,
    }
    body = {
        "kind": "qubo",
        "key": key_of(seed),
        "words": {**words, **steps},
        "shifts": [schedule.refract_scaling, schedule.clash_scaling, schedule.start_scaling],
        "max_steps": max_steps,
        "stop_at_targets": stop_at_targets,
        "record": record,
    }
    arrays: Arrays = {
        "diagonal": network.diagonal,
        "start": network.start,
        "target": network.target,
        "weight": network.weight,
        "target_costs": np.sort(np.array([math.floor(target) for target in target_costs], np.int64))[::-1].copy(),
    }
    return body, arrays


SOLVER = "nebm-sa"
FUNCTIONAL_ONLY = "functional only: Lava simulates the chip on a CPU, whose energy says nothing of the chip's"

_MARGIN_S = 30.0
_NS = 1e-9


class CpuBackend:
    """Runs programs of both kinds."""

    def __init__(self, options: Options, versions: dict[str, str]) -> None:
        self._options = options
        self.info = BoardInfo(
            family="Loihi 2 network simulated by Lava on a CPU",
            firmware=f"lava-nc {versions['lava-nc']}",
            kinds=("qubo", "snn"),
            clock="host",
            solvers=(SOLVER,),
            no_energy=FUNCTIONAL_ONLY,
            notes=(
                FUNCTIONAL_ONLY,
                "limits are seconds of the host's clock; a simulated step takes as long as the host needs",
                f"Python {versions['python']}, numpy {versions['numpy']}",
            ),
        )

    def load(self, program: Program, worker: LavaChild) -> None:
        """Nothing to do: a network is built for each run, since a run ends its processes."""

    def run(self, program: Program, batch: Batch, worker: LavaChild, markers: MarkerSink) -> RunOutput:
        """Build the network, run it in one marked window, read it."""
        if isinstance(program.network, SpikingNetwork):
            return self._run_snn(program.network, batch, worker, markers)
        return self._run_qubo(program, program.network, batch, worker, markers)

    def _run_qubo(
        self, program: Program, network: Network, batch: Batch, worker: LavaChild, markers: MarkerSink
    ) -> RunOutput:
        params, max_steps = _split(program.params(batch))
        limit_s = float(batch.meta["limit_s"])
        body, arrays = prepare_qubo(
            network,
            schedule_of(network, params),
            seed=int(batch.meta["seed"]),
            target_costs=program.goals(batch),
            stop_at_targets=_stops_at_targets(batch.meta),
            max_steps=max_steps,
        )
        setup_s = self._prepare(worker, body, arrays)
        ran = _marked(worker, batch, markers, {"limit_s": limit_s}, limit_s + _MARGIN_S)
        found, results = worker.call("read", {}, limit_s=self._options.start_limit_s)
        return _qubo_output(program, batch, _common(batch, ran, found, setup_s), found, results)

    def _run_snn(self, network: SpikingNetwork, batch: Batch, worker: LavaChild, markers: MarkerSink) -> RunOutput:
        body = {"kind": "snn", "inputs": network.inputs, "steps": batch.meta["steps"], "samples": batch.meta["samples"]}
        setup_s = self._prepare(worker, body, {**network.to_arrays(), **batch.arrays})
        ran = _marked(worker, batch, markers, {}, self._options.call_limit_s)
        found, results = worker.call("read", {}, limit_s=self._options.call_limit_s)
        if found["wrapped"]:
            raise JobError(
                "a neuron's current left its 24 bits, where Lava wraps otherwise than the reference does",
                where="loihi",
                next_step="scale the network's weights down",
            )
        spikes = int(results["population_spikes"].sum())
        return RunOutput({**_common(batch, ran, found, setup_s), "spikes": spikes}, results)

    def _prepare(self, worker: LavaChild, body: dict[str, Any], arrays: Arrays) -> float:
        """Return the seconds it took."""
        answer, _ = worker.call("prepare", body, arrays, limit_s=self._options.start_limit_s)
        return float(answer["elapsed_ns"] * _NS)


def _split(params: Meta) -> tuple[Meta, int | None]:
    max_steps = params.get("max_steps")
    if max_steps is not None and not (isinstance(max_steps, int) and 1 <= max_steps <= 2**31):
        raise UserError("max_steps must be a whole number from 1 on", where="solver.params")
    return {name: value for name, value in params.items() if name != "max_steps"}, max_steps


def _stops_at_targets(meta: Meta) -> bool:
    if meta.get("solver", "default") not in ("default", SOLVER):
        raise UserError(f"the board has no solver '{meta['solver']}'", where="solver", next_step=f"use '{SOLVER}'")
    if meta["scenario"] not in ("fixed-timeout", "time-to-solution"):
        raise UserError(f"there is no scenario '{meta['scenario']}'", where="scenario")
    return bool(meta["scenario"] == "time-to-solution")


def _marked(
    worker: LavaChild, batch: Batch, markers: MarkerSink, body: dict[str, Any], limit_s: float
) -> dict[str, Any]:
    """Run what was prepared, inside a window if the batch has a phase."""
    if batch.phase is None:
        return worker.call("run", body, limit_s=limit_s)[0]
    markers.begin(batch.phase, batch.index)
    ran, _ = worker.call("run", body, limit_s=limit_s)
    markers.end(batch.phase, batch.index)
    return ran


def _common(batch: Batch, ran: dict[str, Any], found: dict[str, Any], setup_s: float) -> Meta:
    solve_s = ran["elapsed_ns"] * _NS
    return {
        "setup_s": setup_s,
        "solve_s": solve_s,
        "clock": "host",
        "windows": int(batch.phase is not None),
        "grade": "functional_only",
        "steps": float(ran["steps"]),
        "mean_step_s": solve_s / ran["steps"] if ran["steps"] else 0.0,
        "synaptic_operations": float(found["synops"]),
    }


def _qubo_output(program: Program, batch: Batch, common: Meta, found: dict[str, Any], results: Arrays) -> RunOutput:
    targets = program.goals(batch)
    met = len(results["reached_ns"])
    order = np.argsort([-math.floor(target) for target in targets], kind="stable")
    reached_s = np.full(len(targets), np.nan)
    solutions = np.zeros((len(targets), len(results["solution"])), np.uint8)
    reached_s[order[:met]] = results["reached_ns"] * _NS
    solutions[order[:met]] = results["reached_solution"]
    all_met = _stops_at_targets(batch.meta) and 0 < len(targets) == met
    return RunOutput(
        {
            **common,
            "solver": SOLVER,
            "solver_cost": found["cost"] * program.quantum,
            "cost_error_bound": program.cost_error_bound,
            "requested_s": float(batch.meta["limit_s"]),
            "stopped_by": "target" if all_met else "timeout",
            "spikes": float(found["flips"]),
        },
        {
            "solution": results["solution"],
            "improvement_s": results["improvements"][:, 0] * _NS,
            "improvement_cost": results["improvements"][:, 1] * program.quantum,
            "reached_s": reached_s,
            "reached_window": np.zeros(len(targets), np.int64),
            "reached_solution": solutions,
        },
    )
