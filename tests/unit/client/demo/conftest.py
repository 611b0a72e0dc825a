"""A measured attempt of a virtual bench with two parts and an input rail, built from the protocol's own records."""

from __future__ import annotations

from typing import Any

import pytest
from whole_answers import record

from neurorig.demo.results import Result
from neurorig_protocols.api.attempts import AttemptView
from neurorig_protocols.api.energy import EnergyAbsent
from neurorig_protocols.api.jobs import JobView
from neurorig_protocols.bench import Boundary, Omitted
from neurorig_protocols.energy import EnergyCell, EnergyMatrix, PhaseTotal
from neurorig_protocols.quantities import Absent, Quantity
from neurorig_protocols.trace import Window

PHASES = ("idle", "warmup", "run", "run", "idle")
WINDOWS = [{"cores": 1.0 + k, "memory-a": 10.0 + k, "memory-b": 100.0, "supply": 111.0 + 2 * k} for k in range(5)]
RAILS = {"neurocores": ("cores",), "memory": ("memory-a", "memory-b")}
MISSING = Absent(reason_code="x", reason="not of interest")


def joules(value: float, u: float = 0.01) -> Quantity:
    """Return a metered energy."""
    return Quantity(value=value, unit="J", u=u, grade="metered")


def matrix(error: float = 0.0) -> EnergyMatrix:
    """Return the matrix that measures WINDOWS, each cell `error` joules too high."""
    cells = [_cell(component, phase, error) for phase in ("idle", "warmup", "run") for component in RAILS]
    totals = [
        PhaseTotal(phase=phase, energy=_sum(cells, phase), supply=MISSING, residual=MISSING)
        for phase in ("idle", "warmup", "run")
    ]
    found = EnergyMatrix(
        reality="virtual",
        boundary=Boundary(
            components=tuple(RAILS), rails=("cores",), omitted=(Omitted(component="host", reason="no channel"),)
        ),
        cells=tuple(cells),
        totals=tuple(totals),
        windows=tuple(
            Window(phase=phase, index=k, begin_ns=k, end_ns=k + 0.5, u_ns=0, clock="monitor:m")
            for k, phase in enumerate(PHASES)
        ),
    )
    return record(EnergyMatrix, found.model_dump(mode="json"))


def _cell(component: str, phase: Any, error: float) -> EnergyCell:
    windows = [w for w, p in zip(WINDOWS, PHASES, strict=True) if p == phase]
    energy = joules(sum(w[rail] for w in windows for rail in RAILS[component]) + error)
    return EnergyCell(
        component=component,
        rails=RAILS[component],
        phase=phase,
        windows=len(windows),
        duration_s=0.4,
        energy=energy,
        per_window=energy,
        active_power=energy.model_copy(update={"unit": "W"}),
        idle_power=MISSING,
        dynamic=MISSING,
    )


def _sum(cells: list[EnergyCell], phase: str) -> Quantity:
    return joules(sum(cell.energy.value for cell in cells if cell.phase == phase))


@pytest.fixture
def measured() -> Any:
    """The builder of matrices."""
    return matrix


@pytest.fixture
def windows() -> list[dict[str, float]]:
    """The true joules of each window by rail."""
    return [dict(window) for window in WINDOWS]


@pytest.fixture
def result(bodies: Any) -> Any:
    """The builder of results: a QUBO attempt, or the digits, virtual or physical."""

    def build(*, energy: Any = None, digits: bool = False, reality: str = "virtual", attempt: str = "a1") -> Result:
        job = bodies.job("j1", "succeeded")
        body = bodies.attempt(attempt, reality=reality, board="virtual-loihi", energy_absent=None)
        if digits:
            job["spec"]["workload"] = {"name": "mnist-digits", "count": 4, "iterations": 2}
            verified = {"kind": "classifier", "count": 4, "correct": 3, "accuracy": 0.75}
            body["answer"] = {"kind": "classifier", "latency_s": [], "verified": verified}
        found = EnergyAbsent(absent="no monitor") if energy is None else energy
        return Result(record(JobView, job), record(AttemptView, body), found)

    return build
