"""Builds the results that summaries and comparisons are made of, from stored pieces. No SQL, no HTTP.

One piece each comes from the job, its attempt, the report's answer, the recomputed answer and the energy matrix;
`store/results.py` fetches them for a whole campaign at once.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from neurorig_protocols.bench import Boundary
from neurorig_protocols.benchmarks.trial_results import NO_ANSWER, Outcome, ReachedGap, Result, Target, scaled
from neurorig_protocols.job import JobSpec, JobState
from neurorig_protocols.quantities import Absent, Quantity, Reality
from neurorig_server.recompute.attempt import invalidating

Stored = Mapping[str, Any]


@dataclass(frozen=True)
class Pieces:
    """What is stored of one job's last attempt with a result; the documents as JSON, None where there is none.

    `answer` holds the report's fields of `ANSWER_FIELDS`. `run_s` and `runs`: length in seconds and number of all
    run windows, None without energy.
    """

    attempt: str
    bench: str
    board: str
    reality: Reality
    codes: tuple[str, ...]
    withheld: str | None
    answer: Stored
    verified: Stored | None
    totals: list[Any] | None
    boundary: Stored | None
    run_s: float | None
    runs: int | None


ANSWER_FIELDS = ("solver", "requested_s", "setup_s", "solve_s", "clock", "start_event")


def result_of(job: str, state: JobState, spec: JobSpec, error: Stored | None, pieces: Pieces | None) -> Result:
    """Return the result of one job. Time and answer stand where only the energy was withheld."""
    if pieces is None:
        why = Absent(reason_code=error["code"], reason=error["message"]) if error else NO_ANSWER
        return Result(job, state, spec, None, why)
    broken = [code for code in pieces.codes if code in invalidating()]
    if pieces.verified is None or pieces.verified["kind"] != "qubo" or broken:
        code = broken[0] if broken else "no_answer"
        return Result(job, state, spec, None, Absent(reason_code=code, reason="the answer was not verified"))
    return Result(job, state, spec, _outcome(pieces, pieces.verified))


def _outcome(pieces: Pieces, verified: Stored) -> Outcome:
    answer = pieces.answer
    power, energy = _power_and_energy(pieces)
    gaps: dict[Target, float | Absent] = {}
    for target, field in (("official", "gap"), ("best-verified", "best_gap")):
        if (found := verified.get(field)) is not None:
            gaps[target] = _number_or_absent(found)  # type: ignore[index]  # the literals of the loop
    return Outcome(
        attempt=pieces.attempt,
        bench=pieces.bench,
        board=pieces.board,
        reality=pieces.reality,
        solver=answer["solver"],
        cost=verified["cost"],
        independent_set=verified.get("independent_set"),
        gaps=gaps,
        requested_s=answer["requested_s"],
        solve_s=answer["solve_s"],
        setup_s=answer["setup_s"],
        clock=answer["clock"],
        start_event=answer["start_event"],
        reached=tuple(_reached(item) for item in verified.get("reached", ())),
        power=power,
        energy=energy,
        boundary=Boundary.model_validate(pieces.boundary) if pieces.boundary else None,
    )


def _power_and_energy(pieces: Pieces) -> tuple[Quantity | Absent, Quantity | Absent]:
    """Return the mean power over all run windows and the energy of one, over all components."""
    total = next((t for t in pieces.totals or () if t["phase"] == "run"), None)
    if total is None or not pieces.run_s or not pieces.runs:
        reason = pieces.withheld or "the bench has no power monitor"
        absent = Absent(reason_code="not_measured", reason=reason)
        return absent, absent
    energy = Quantity.model_validate(total["energy"])
    return scaled(energy, 1 / pieces.run_s, "W"), scaled(energy, 1 / pieces.runs, "J")


def _reached(item: Stored) -> ReachedGap:
    energy = _quantity_or_absent(item["energy"])
    return ReachedGap(item["gap"], item["latency_s"], energy, item.get("believed_s"))


def _quantity_or_absent(found: Stored) -> Quantity | Absent:
    return Absent.model_validate(found) if "reason_code" in found else Quantity.model_validate(found)


def _number_or_absent(found: Any) -> float | Absent:
    return Absent.model_validate(found) if isinstance(found, dict) else float(found)
