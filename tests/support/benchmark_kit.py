"""What tests of summaries and comparisons share: made results of made jobs."""

from __future__ import annotations

from itertools import count
from typing import Any

from neurorig_protocols.bench import Boundary
from neurorig_protocols.benchmarks.trial_results import NO_ANSWER, Outcome, Result
from neurorig_protocols.job import JobSpec, JobState
from neurorig_protocols.quantities import Absent, BudgetLine, Grade, Quantity

FIXED = {"kind": "fixed-timeout", "timeout_s": 0.01}

_numbers = count()


def watts(value: float, *, share: float = 0.01, unit: str = "W", grade: Grade = "metered") -> Quantity:
    """A measured number whose uncertainty is the meter's gain alone."""
    line = BudgetLine(name="gain", u=share * value)
    return Quantity(value=value, unit=unit, u=share * value, grade=grade, budget=(line,))


def outcome(official: float = 0.1, *, components: tuple[str, ...] = ("neurocores", "memory"), **fields: Any) -> Outcome:
    """An outcome on a VIRTUAL bench; `fields` replace what it holds."""
    made: dict[str, Any] = {
        "attempt": f"attempt{next(_numbers):05}",
        "bench": "chip-0",
        "board": "virtual-loihi",
        "reality": "virtual",
        "solver": "annealing",
        "cost": -9,
        "independent_set": True,
        "gaps": {"official": official, "best-verified": official + 0.01},
        "requested_s": 0.01,
        "solve_s": 0.01,
        "setup_s": 0.001,
        "clock": "dut",
        "start_event": "problem loaded",
        "power": watts(2.0),
        "energy": watts(0.02, unit="J"),
        "boundary": Boundary(components=components, rails=components),
    }
    return Outcome(**{**made, **fields})


def result(
    seed: int,
    found: Outcome | None = None,
    *,
    state: str = "succeeded",
    why: Absent = NO_ANSWER,
    workload: dict[str, Any] | None = None,
    params: dict[str, int | float | str] | None = None,
    scenario: dict[str, Any] | None = None,
    n: int = 10,
    density: float = 0.25,
) -> Result:
    """The result of a job for one graph seed."""
    asked = {"name": "qubo-mis", "n": n, "density": density, "seed": seed, "scenario": scenario or FIXED}
    spec = {"workload": workload or asked, "solver": {"params": params or {}}}
    return Result(f"job{next(_numbers):09}", JobState(state), JobSpec.model_validate(spec), found, why)
