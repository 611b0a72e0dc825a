"""`summary.json`: every attempt of the demo with what was measured and, on a virtual bench, what was true.

Pure: from gathered results to JSON values. Energies in joules with standard uncertainty, times in seconds.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import asdict
from typing import Any

from neurorig.demo.results import Result, agreement, comparisons
from neurorig.errors import ClientError
from neurorig_protocols.quantities import Quantity
from neurorig_protocols.workloads.contract import VerifiedAnswer
from neurorig_protocols.workloads.digits.digits_records import ClassifierAnswerView, Digits, VerifiedClassifier
from neurorig_protocols.workloads.qubo.qubo_records import (
    QuboAnswerView,
    QuboMis,
    ReachedGap,
    Scenario,
    TimeToSolution,
    VerifiedQubo,
)
from neurorig_protocols.workloads.registry import verified_of

Json = dict[str, Any]


def build(results: Sequence[Result]) -> Json:
    """Return the whole summary."""
    qubo = [result for result in results if result.job.spec.workload.name == "qubo-mis"]
    digits = [result for result in results if result.job.spec.workload.name == "mnist-digits"]
    return {
        "attempts": [qubo_entry(result) for result in qubo],
        "digits": digits_entry(digits[0]) if digits else {},
        "totals": totals(results),
    }


def qubo_entry(result: Result) -> Json:
    """Return one QUBO attempt; `energy` is empty where none was measured, its reason stands in the totals."""
    workload, answer, verified = result.job.spec.workload, result.attempt.answer, _verified(result)
    if not (
        isinstance(workload, QuboMis) and isinstance(answer, QuboAnswerView) and isinstance(verified, VerifiedQubo)
    ):
        raise ClientError(f"attempt {result.attempt.id} is not one of qubo-mis")
    return {
        "job": result.job.id,
        "board": result.attempt.board,
        "reality": result.attempt.reality,
        "workload": {"name": workload.name, "n": workload.n, "density": workload.density, "seed": workload.seed},
        "scenario": scenario_name(workload.scenario),
        "best_cost": verified.cost,
        "official_target": verified.official_target,
        "gap": verified.gap if isinstance(verified.gap, float) else None,
        "best_target": verified.best_target,
        "best_gap": verified.best_gap if isinstance(verified.best_gap, float) else None,
        "tts": [_reached(item) for item in verified.reached],
        "energy": energy_cells(result),
        "solution": answer.solution,
    }


def digits_entry(result: Result) -> Json:
    """Return the digits' attempt: accuracy, and latency and energy per inference."""
    workload, answer, verified = result.job.spec.workload, result.attempt.answer, _verified(result)
    if not (
        isinstance(workload, Digits)
        and isinstance(answer, ClassifierAnswerView)
        and isinstance(verified, VerifiedClassifier)
    ):
        raise ClientError(f"attempt {result.attempt.id} is not one of mnist-digits")
    inferences = workload.count * workload.iterations
    run = next((total for total in (result.matrix.totals if result.matrix else ()) if total.phase == "run"), None)
    true_j = result.truth.totals.get("run") if result.truth else None
    return {
        "job": result.job.id,
        "board": result.attempt.board,
        "reality": result.attempt.reality,
        "count": verified.count,
        "correct": verified.correct,
        "accuracy": verified.accuracy,
        "labels": list(answer.labels),
        "latency_s": latency_per_inference(result, answer, inferences),
        "energy_j": run.energy.value / inferences if run else None,
        "u_j": run.energy.known_u / inferences if run else None,
        "grade": run.energy.grade if run else None,
        "true_j": true_j / inferences if true_j is not None else None,
        "energy": energy_cells(result),
    }


def latency_per_inference(result: Result, answer: ClassifierAnswerView, inferences: int) -> float | None:
    """Mean seconds per inference: the board's own if reported, else the run windows' length; None without both."""
    reported = [s for s in answer.latency_s if s is not None]
    if reported:
        return sum(reported) / len(reported)
    run = [cell for cell in (result.matrix.cells if result.matrix else ()) if cell.phase == "run"]
    return run[0].duration_s / inferences if run else None


def energy_cells(result: Result) -> list[Json]:
    """Return the energy of each component and phase; `true_j` is None on a physical bench."""
    truth = result.truth.cells if result.truth else {}
    return [
        {
            "component": cell.component,
            "phase": cell.phase,
            "energy_j": cell.energy.value,
            "u_j": cell.energy.u,
            "grade": cell.energy.grade,
            "true_j": truth.get((cell.component, cell.phase)),
        }
        for cell in (result.matrix.cells if result.matrix else ())
    ]


def totals(results: Sequence[Result]) -> Json:
    """Return what holds for the demo as a whole: states, agreement with the truth, missing energies and why."""
    found = comparisons(results)
    sums = agreement(found)
    return {
        "attempts": len(results),
        "states": dict(Counter(result.attempt.state for result in results)),
        "quality": dict(Counter(result.attempt.quality or "not judged" for result in results)),
        "energy_absent": {r.job.id: r.why_absent for r in results if r.why_absent},
        "virtual": {
            "cells": sums.cells,
            "covered_by_2u": sums.covered,
            "max_relative_error_run": sums.run_error_by_component,
            "max_relative_error_run_total": sums.run_error_of_total,
            "totals": [asdict(c) for c in found if c.component is None],
        },
    }


def scenario_name(scenario: Scenario) -> str:
    """Return the scenario's name; a fixed timeout carries its length."""
    if isinstance(scenario, TimeToSolution):
        return scenario.kind
    return f"{scenario.kind} {1000 * scenario.timeout_s:g} ms"


def _verified(result: Result) -> VerifiedAnswer:
    verified = verified_of(result.attempt.answer)
    if verified is None:
        why = result.attempt.error.message if result.attempt.error else f"it is {result.attempt.state}"
        raise ClientError(f"attempt {result.attempt.id} has no verified answer: {why}")
    return verified


def _reached(item: ReachedGap) -> Json:
    energy = item.energy if isinstance(item.energy, Quantity) else None
    return {"gap": item.gap, "latency_s": item.latency_s, "energy_j": energy.value if energy else None}
