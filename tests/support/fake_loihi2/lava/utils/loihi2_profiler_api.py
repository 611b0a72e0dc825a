# ruff: noqa: ARG002 - the arguments are those that published code passes
"""STAND-IN for Intel's closed Loihi 2 extension, for tests: names and units as published code uses them.

lava.utils.profiler imports `Loihi2HWProfiler` from here. Everything of lava-optimization stays real but the process
that would be compiled for the chip: that one anneals in numpy and makes up time and power. Traps that are kept:

- only what was asked for before the run can be read after it, and only then;
- `energy` is in joules, `energy_breakdown()` in microjoules;
- with the time probe on, the power is another one;
- power is that of the whole board, idle chips included, and the static part depends on the board;
- nothing starts unless the environment names a board.

FAKE_LOIHI2_TIME_UNIT=us makes step times microseconds, FAKE_LOIHI2_ENERGY=uJ makes `energy` microjoules.
"""

from __future__ import annotations

import os
import types

import numpy as np
from lava.lib.optimization.solvers.generic.builder import SolverProcessBuilder

STEP_S = 8e-6
STATIC_W = {"kp-7": 1.25, "10.0.0.9": 1.5}
"""A board of eight chips; any other has 1 W."""
DYNAMIC_W = {"kp-7": 0.06, "10.0.0.9": -0.02}
CHIPS = 8
RIPPLE, SAMPLES = 0.01, 100


def _board() -> str:
    by_slurm = os.environ.get("SLURM") == "1" and (os.environ.get("BOARD") or os.environ.get("PARTITION"))
    by_ethernet = os.environ.get("NOSLURM") == "1" and os.environ.get("NXSDKHOST")
    name = by_slurm or by_ethernet
    if not name or "LOIHI_GEN" not in os.environ:
        raise RuntimeError("no Loihi 2 board is named by the environment")
    return name


class Loihi2HWProfiler:
    """What the chip's probes have seen of one run."""

    latest = None

    def __init__(self, run_cfg):
        self.run_cfg = run_cfg
        self._time = self._energy = False
        self._steps = None
        Loihi2HWProfiler.latest = self

    def execution_time_probe(self, num_steps, t_start=1, t_end=None, dt=1, buffer_size=1024):
        """Ask for the time of each step."""
        self._time = True

    def energy_probe(self, num_steps):
        """Ask for the power."""
        self._energy = True

    def _ran(self, steps):
        self._steps = steps

    def _seen(self, asked):
        if not asked or self._steps is None:
            raise RuntimeError("this was not probed")

    @property
    def execution_time(self):
        """Seconds of each step."""
        self._seen(self._time)
        unit = 1e6 if os.environ.get("FAKE_LOIHI2_TIME_UNIT") == "us" else 1.0
        return STEP_S * unit * (1 + 0.1 * (np.arange(self._steps) % 3 - 1))

    @property
    def spiking_time(self):
        """Seconds of each step."""
        return 0.7 * self.execution_time

    @property
    def management_time(self):
        """Seconds of each step."""
        return 0.2 * self.execution_time

    @property
    def host_time(self):
        """Seconds of each step."""
        return 0.1 * self.execution_time

    @property
    def power(self):
        """Watts, total of the board, sample by sample."""
        return self.power_breakdown()[0] * (1 + RIPPLE * (-1.0) ** np.arange(SAMPLES))

    def power_breakdown(self):
        """Watts: total, dynamic, static, vdd, vddm, vddio."""
        self._seen(self._energy)
        static, dynamic = STATIC_W.get(_board(), 1.0), DYNAMIC_W.get(_board(), 0.0)
        total = (static + dynamic) * (1.3 if self._time else 1.0)
        return total, dynamic, static, 0.5 * total, 0.3 * total, 0.2 * total

    def energy_breakdown(self):
        """MICROjoules, in the order of `power_breakdown`."""
        return tuple(watts * STEP_S * self._steps * 1e6 for watts in self.power_breakdown())

    @property
    def energy(self):
        """Joules."""
        return self.energy_breakdown()[0] * (1.0 if os.environ.get("FAKE_LOIHI2_ENERGY") == "uJ" else 1e-6)

    @property
    def num_available_chips(self):
        """Chips on the board."""
        return CHIPS

    @property
    def num_alloc_chips(self):
        """Chips that hold a part of the network."""
        return 1


class _Value:
    """A variable that can be read, directly or through its alias."""

    def __init__(self, value):
        self._value = value
        self.aliased_var = self

    def get(self):
        return self._value


class _ChipProcess:
    """Stands where the compiled solver would: real annealing, made-up hardware."""

    is_discrete = True

    def __init__(self, problem, hyperparameters):
        if hyperparameters["neuron_model"] != "nebm-sa-refract":
            raise ValueError("this model is not on the chip")
        self._q, self._hyper = problem.q, hyperparameters
        self._log_config = types.SimpleNamespace(level=0)
        self.target_cost = None

    def run(self, condition, run_cfg, compile_config):
        _board()
        steps, best, at, state = self._anneal(condition.num_steps)
        self.optimum, self.solution_step = _Value((best, 0)), _Value(at)
        self.best_variable_assignment = _Value(state)
        profiler = Loihi2HWProfiler.latest
        if profiler is not None and profiler.run_cfg is run_cfg:
            profiler._ran(steps)

    def _anneal(self, limit):
        random = np.random.default_rng(self._hyper["refract_seed"])
        x = np.zeros(len(self._q), np.int64)
        best, at, state = 0, 2, x.copy()
        for step in range(limit):
            temperature = self._hyper["max_temperature"] * (1 - step / limit) / 8 + 1e-3
            i = random.integers(len(x))
            rise = (1 - 2 * x[i]) * (self._q[i, i] + 2 * (self._q[i] @ x - self._q[i, i] * x[i]))
            if rise <= 0 or random.random() < np.exp(-rise / temperature):
                x[i] ^= 1
            cost = int(x @ self._q @ x)
            if cost < best:
                # The cost of a state is known two steps later.
                best, at, state = cost, step + 3, x.copy()
            if best <= self.target_cost:
                return min(step + 3, limit), best, at, state
        return limit, best, at, state

    def stop(self):
        """Nothing runs on."""


def _create_solver_process(self, problem, backend, hyperparameters):
    if backend != "Loihi2":
        raise ValueError("the stand-in is the chip")
    self._process = _ChipProcess(problem, hyperparameters)


def _create_solver_model(self, target_cost, requirements, protocol):
    self._process.target_cost = target_cost
    self._model = object


SolverProcessBuilder.create_solver_process = _create_solver_process
SolverProcessBuilder.create_solver_model = _create_solver_model
