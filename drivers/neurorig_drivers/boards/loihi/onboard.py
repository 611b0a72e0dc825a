"""The backend "loihi2": lava-optimization's QUBO solver on the chip, timed and metered by the chip's own probes.

Limits in seconds become limits in steps by a step time that is measured at `load`. Time and power are probed in passes
of their own, power only where one board is pinned, since the static part is taken when the run is over. Powers leave
as one `OnboardPower`, from which the server makes energy (decision 0016). Not yet run on silicon.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from neurorig_drivers.annealing.network import Network
from neurorig_drivers.boards.loihi.lava_child import LavaChild
from neurorig_drivers.boards.loihi.program import Options, Program
from neurorig_drivers.interface import MarkerSink
from neurorig_drivers.process.framing import Arrays
from neurorig_protocols.bench import Omitted
from neurorig_protocols.board import Batch, BoardInfo, Meta, RunOutput
from neurorig_protocols.errors import DoesNotFit, DriverMissing, InfraError, UserError
from neurorig_protocols.onboard import OnboardComponent, OnboardPower
from neurorig_protocols.quantities import Absent

SOLVER = "nebm-sa-refract"
DEFAULTS: Meta = {
    "max_temperature": 15,
    "min_temperature": 0,
    "delta_temperature": 1,
    "steps_per_temperature": 20,
    "refract_scaling": 4,
}
"""Constants of a public tutorial for this neuron model; all whole numbers."""

CALIBRATION_STEPS = 1_000
WEIGHT_LIMIT = 127
DETECTED_AFTER = 2
"""The solver's best step is that of the state; its cost is known two steps later."""
STEP_LIMITS_S = (1e-7, 1e-2)
"""A step of any network takes a time between these; one API of the vendor gives seconds, another microseconds."""
AGREEMENT = 4.0
"""Factor within which the vendor's energy must agree with power times time: a wrong unit is off by a million."""
SUPPLIES_ADD_UP = 0.01
"""Relative difference allowed between the total and the sum of the supplies: printed figures are rounded."""

SUPPLIES = {"vdd": "neurocores", "vddm": "memory", "vddio": "io"}
"""Supply of a chip to what it feeds: neurocores with the mesh and its routers, SRAM, pads and links."""
OMITTED = (
    Omitted(component="host", reason="not on the chips' supplies"),
    Omitted(component="management-processors", reason="no publication says that a sensed supply feeds them"),
)

NOT_PINNED = Absent(
    reason_code="board_not_pinned",
    reason="no board is pinned: static and total power could be those of two boards",
)

_MICRO = 1e-6


@dataclass(frozen=True)
class _Pass:
    """What a pass with the time probe gave: the answer, and the seconds of each step."""

    cost: int
    best_step: int
    solution: npt.NDArray[np.uint8]
    step_s: npt.NDArray[np.float64]

    @property
    def solve_s(self) -> float:
        return float(self.step_s.sum())

    @property
    def detected_s(self) -> float:
        """Seconds until the solver knew of its best state."""
        known = min(self.best_step + DETECTED_AFTER, len(self.step_s))
        return float(self.step_s[:known].sum())


class Loihi2Backend:
    """Runs QUBOs."""

    def __init__(self, options: Options, versions: dict[str, str]) -> None:
        if "lava-optimization" not in versions:
            raise DriverMissing(
                "the worker's environment lacks lava-optimization",
                where="loihi",
                next_step="pip install lava-optimization==0.5.0 there, or run `make lava-env`",
            )
        self._options = options
        self._step_s = 0.0
        pinned = "power is probed on the board that is pinned" if options.board else "no board is pinned: no power"
        self.info = BoardInfo(
            family="Loihi 2 through Lava",
            serial_number=options.board or "",
            firmware=f"lava-nc {versions['lava-nc']}, lava-optimization {versions['lava-optimization']}",
            kinds=("qubo",),
            clock="dut",
            solvers=(SOLVER,),
            notes=(
                "limits are steps of the chip, from seconds by a step time measured at load",
                f"time and power by the chip's own probes in separate passes; {pinned}",
                "this path has not yet been run on silicon",
            ),
        )

    def load(self, program: Program, worker: LavaChild) -> None:
        """Measure how long a step of this network takes; DoesNotFit when a weight needs more than its 8 bits."""
        self._step_s = 0.0
        network = _network(program)
        _check_weights(network)
        probed = self._solve(worker, network, CALIBRATION_STEPS, _hyperparameters({}, 0))
        self._step_s = probed.solve_s / len(probed.step_s)

    def run(self, program: Program, batch: Batch, worker: LavaChild, markers: MarkerSink) -> RunOutput:
        """Solve once, or once per target, each in a marked window; then a pass for the power, in no window."""
        network = _network(program)
        if batch.meta.get("solver", "default") not in ("default", SOLVER):
            raise UserError(f"the board has no solver '{batch.meta['solver']}'", where="solver", next_step=SOLVER)
        hyper = _hyperparameters(program.params(batch), int(batch.meta["seed"]))
        steps = max(1, math.floor(float(batch.meta["limit_s"]) / self._step_s))
        targets = program.goals(batch)
        seeks = batch.meta["scenario"] == "time-to-solution"
        passes: list[_Pass] = []
        for number, target in enumerate(targets if seeks and targets else [None]):
            if batch.phase is not None:
                markers.begin(batch.phase, batch.index + number)
            passes.append(self._solve(worker, network, steps, hyper, target))
            if batch.phase is not None:
                markers.end(batch.phase, batch.index + number)
        figures: Meta = {"steps_allowed": float(steps), "mean_step_s": self._step_s}
        if batch.phase == "run":
            figures["onboard"] = self._power(worker, network, steps, hyper).model_dump(mode="json")
        return _output(program, batch, passes, figures)

    def _solve(
        self, worker: LavaChild, network: Network, steps: int, hyper: Meta, target: float | None = None
    ) -> _Pass:
        body = {"steps": steps, "target_cost": _target(network, target), "hyperparameters": hyper, "probe": "time"}
        answer, found = worker.call("onboard", body, _arrays(network), limit_s=self._options.call_limit_s)
        step_s = in_seconds(found["execution_time"])
        return _Pass(answer["best_cost"], answer["best_timestep"], found["solution"], step_s)

    def _power(self, worker: LavaChild, network: Network, steps: int, hyper: Meta) -> OnboardPower | Absent:
        if self._options.board is None:
            return NOT_PINNED
        body = {"steps": steps, "target_cost": _target(network, None), "hyperparameters": hyper, "probe": "energy"}
        answer, _ = worker.call("onboard", body, _arrays(network), limit_s=self._options.call_limit_s)
        return onboard_power(answer, steps * self._step_s, self._options.sensor_accuracy)


def in_seconds(execution_time: npt.NDArray[np.float64]) -> npt.NDArray[np.float64]:
    """Return the step times, which must be seconds; InfraError when they cannot be."""
    low, high = STEP_LIMITS_S
    mean = float(execution_time.mean()) if execution_time.size else math.nan
    if not low <= mean <= high:
        raise InfraError(
            f"the chip's time probe gives {mean:g} per step, no time in seconds that a step can take",
            where="loihi",
            next_step="Check which profiler the extension has: one interface counts in microseconds.",
        )
    return execution_time


def onboard_power(probed: dict[str, Any], probed_s: float, accuracy: float | None) -> OnboardPower:
    """Return the power probe's figures; InfraError when they contradict each other or their units.

    `probed_s` is how long the probed pass took. Powers are those of every chip of the board; which share of the static
    part belongs to chips that hold nothing is said in the source. The probe gives no static power of each supply.
    """
    _check_power(probed, probed_s)
    power, chips, used = probed["power"], probed["chips_available"], probed["chips_allocated"]
    idle_w = power["static"] * (chips - used) / chips
    return OnboardPower(
        components=tuple(
            OnboardComponent(component=component, rails=(supply,), mean_w=power[supply])
            for supply, component in SUPPLIES.items()
        ),
        static_w=power["static"],
        chips_available=chips,
        chips_allocated=used,
        pass_s=probed_s,
        samples=probed["samples"],
        spread_w=probed["spread"],
        accuracy=accuracy,
        omitted=OMITTED,
        source="Loihi 2's energy probe in a pass of its own, static power after the run; all chips of the board are "
        f"inside, of the static power {idle_w:.4g} W belong to the {chips - used} of {chips} that hold nothing",
    )


def _check_power(probed: dict[str, Any], probed_s: float) -> None:
    power, chips, used = probed["power"], probed["chips_available"], probed["chips_allocated"]
    if not 1 <= used <= chips:
        raise InfraError(f"the profiler says {used} of {chips} chips were used", where="loihi")
    expected_j = power["total"] * probed_s
    for name, joules in (("energy", probed["energy"]), ("breakdown", probed["energy_breakdown"]["total"] * _MICRO)):
        if not 0 < expected_j / AGREEMENT <= joules <= expected_j * AGREEMENT:
            raise InfraError(
                f"the power probe's {name} of {joules:g} J does not belong to {power['total']:g} W over {probed_s:g} s",
                where="loihi",
                next_step="Check the units of this version of the extension.",
            )
    supplies_w = math.fsum(power[supply] for supply in SUPPLIES)
    if not math.isclose(supplies_w, power["total"], rel_tol=SUPPLIES_ADD_UP):
        raise InfraError(
            f"the power probe's supplies make {supplies_w:g} W, its total is {power['total']:g} W",
            where="loihi",
            next_step="Check which supplies this version of the extension has.",
        )


def _hyperparameters(params: Meta, seed: int) -> Meta:
    unknown = sorted(set(params) - set(DEFAULTS))
    if unknown or not all(isinstance(value, int) for value in params.values()):
        raise UserError(
            f"the solver's parameters are whole numbers named {', '.join(DEFAULTS)}",
            where="solver.params",
            unknown=unknown,
        )
    return {"neuron_model": SOLVER, **DEFAULTS, **params, "refract_seed": seed}


def _network(program: Program) -> Network:
    if not isinstance(program.network, Network):
        raise InfraError(f"a '{program.kind}' cannot run on Loihi 2 here", where="loihi")
    return program.network


def _check_weights(network: Network) -> None:
    weight = int(np.abs(network.weight).max(initial=0))
    if weight > WEIGHT_LIMIT:
        raise DoesNotFit(
            f"the solver on Loihi 2 has weights of 8 bits, up to {WEIGHT_LIMIT}; the problem needs {weight}",
            where="loihi",
            next_step="scale the problem's weights down, or use a board that holds them exactly",
            limit="weight_bits",
            needed=weight,
            available=WEIGHT_LIMIT,
        )


def _arrays(network: Network) -> Arrays:
    names = ("diagonal", "start", "target", "weight")
    return {name: getattr(network, name) for name in names}


def _target(network: Network, target: float | None) -> int:
    """Return the cost at which the solver stops; without a target one below anything that can be reached."""
    if target is not None:
        return math.floor(target)
    return -int(np.abs(network.diagonal).sum() + np.abs(network.weight).sum()) - 1


def _output(program: Program, batch: Batch, passes: list[_Pass], figures: Meta) -> RunOutput:
    targets = program.goals(batch) if batch.meta["scenario"] == "time-to-solution" else []
    best = min(passes, key=lambda one: one.cost)
    met = [one.cost <= target for one, target in zip(passes, targets, strict=False)]
    solutions = [one.solution if ok else np.zeros_like(one.solution) for one, ok in zip(passes, met, strict=False)]
    seconds = [one.detected_s if ok else math.nan for one, ok in zip(passes, met, strict=False)]
    return RunOutput(
        {
            "solver": SOLVER,
            "solver_cost": best.cost * program.quantum,
            "cost_error_bound": program.cost_error_bound,
            "requested_s": float(batch.meta["limit_s"]),
            "setup_s": None,
            "solve_s": best.solve_s,
            "window_s": [one.solve_s for one in passes],
            "clock": "dut",
            "stopped_by": "target" if targets and all(met) else "timeout",
            "windows": len(passes) if batch.phase is not None else 0,
            "grade": "onboard",
            "steps": float(len(best.step_s)),
            **figures,
        },
        {
            "solution": best.solution,
            "improvement_s": np.array([best.detected_s]),
            "improvement_cost": np.array([best.cost * program.quantum], np.int64),
            "reached_s": np.array(seconds, float),
            "reached_window": np.arange(len(targets), dtype=np.int64),
            "reached_solution": np.array(solutions, np.uint8).reshape(len(targets), len(best.solution)),
        },
    )
