"""From the options of `neurorig benchmark qubo-mis` to a campaign's base job and grid. No I/O."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import click

from neurorig.spec import job_spec
from neurorig_protocols.benchmarks.tuning import SIZES
from neurorig_protocols.job import JobSpec

QUICK_SIZES = (10, 50, 100)
QUICK_DENSITIES = (0.05, 0.25)
QUICK_TIMEOUTS_S = (0.001, 0.01)
QUICK_TTS_LIMIT_S = 1.0

LEAST_ATTEMPT_S = 600.0
ATTEMPT_FACTOR = 60.0
"""A modelled chip may take many seconds of the host for one of its own."""
MOST_ATTEMPT_S = 86400.0

Grid = dict[str, list[Any]]


def whole_numbers(text: str, known: Sequence[int] = SIZES) -> tuple[int, ...]:
    """Read "10,25" or "0-4"; "10..5000" selects from the benchmark's sizes. A usage error says what is wrong."""
    try:
        if ".." in text:
            low, high = (int(part) for part in text.split(".."))
            found = tuple(n for n in known if low <= n <= high)
        elif "-" in text:
            low, high = (int(part) for part in text.split("-"))
            found = tuple(range(low, min(high, low + 1000) + 1))
        else:
            found = tuple(int(part) for part in text.split(","))
    except ValueError as error:
        raise click.BadParameter(f"'{text}' is neither a list such as 10,25 nor a range") from error
    if not found:
        raise click.BadParameter(f"'{text}' selects nothing")
    return tuple(dict.fromkeys(found))


def numbers(text: str) -> tuple[float, ...]:
    """Read "0.01,0.1"; a usage error says what is wrong."""
    try:
        return tuple(dict.fromkeys(float(part) for part in text.split(",")))
    except ValueError as error:
        raise click.BadParameter(f"'{text}' is no list of numbers such as 0.01,0.1") from error


def scenarios(
    timeouts_s: Sequence[float], tts_limit_s: float | None, gaps: Sequence[float], reference: str = "official"
) -> list[dict[str, Any]]:
    """Return the fixed-timeout scenarios, shortest first, and the time-to-solution one unless it is left out."""
    found: list[dict[str, Any]] = [{"kind": "fixed-timeout", "timeout_s": t} for t in sorted(timeouts_s)]
    if tts_limit_s is not None:
        found.append({"kind": "time-to-solution", "limit_s": tts_limit_s, "gaps": list(gaps), "reference": reference})
    if not found:
        raise click.UsageError("no scenario is left: give --timeouts or a --tts-limit")
    return found


def grid(
    sizes: Sequence[int], densities: Sequence[float], seeds: Sequence[int], asked: Sequence[dict[str, Any]]
) -> Grid:
    """Return the axes of the campaign; seeds run fastest, so that rows become complete one after the other."""
    return {
        "workload.scenario": list(asked),
        "workload.n": list(sizes),
        "workload.density": list(densities),
        "workload.seed": list(seeds),
    }


def base_job(axes: Grid, options: Mapping[str, Any]) -> JobSpec:
    """Return the job of the grid's first point, with an attempt limit that its longest run fits into."""
    first = {path.removeprefix("workload."): values[0] for path, values in axes.items()}
    spec = job_spec({"name": "qubo-mis", **first}, options)
    longest_s = max(s.get("timeout_s") or s["limit_s"] * len(s["gaps"]) for s in axes["workload.scenario"])
    limit_s = min(max(LEAST_ATTEMPT_S, ATTEMPT_FACTOR * longest_s * spec.plan.trials), MOST_ATTEMPT_S)
    plan = spec.plan.model_copy(update={"max_attempt_s": limit_s})
    return JobSpec.model_validate({**spec.model_dump(mode="json"), "plan": plan.model_dump(mode="json")})
