"""Jobs, states and codes as short sentences, and free-form facts as rows of text."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from neurorig_protocols.answers import UnknownMember
from neurorig_protocols.errors import Fault
from neurorig_protocols.job import (
    Digits,
    FixedTimeout,
    JobSpec,
    JobState,
    Qubo,
    QuboMis,
    Scenario,
    Snn,
    TimeToSolution,
    Workload,
)
from neurorig_protocols.text.number_text import count_text, percent_text, plain_text

FAULTS: dict[Fault, str] = {
    "user": "The request could not be right, whoever runs it.",
    "job": "The job's own content failed on a working bench.",
    "measurement": "Time and answer stand, the energy does not.",
    "infra": "The bench or the service failed; another try may succeed.",
}

STATES: dict[JobState, str] = {
    JobState.QUEUED: "waits for a bench",
    JobState.LEASED: "an agent holds it and has not begun",
    JobState.RUNNING: "an attempt is under way",
    JobState.CANCELLING: "ends when its agent has closed the window it is in",
    JobState.SUCCEEDED: "an attempt closed with a result",
    JobState.FAILED: "no attempt will follow",
    JobState.CANCELLED: "ended by its owner",
}

GRADES = {
    "metered": "external analyser on a tap",
    "onboard": "the board's or chip's own counter",
    "wall": "wall meter",
    "derived": "computed from other numbers",
    "modelled": "from a model",
    "vendor_reported": "reported by the vendor",
    "assumed": "taken for granted",
}

CODES = {
    "analysis_failed": "The server could not analyse the attempt.",
    "answer_of_another_kind": "The answer is not of the workload's kind.",
    "bad_trace": "A stored trace cannot be read.",
    "clock_not_mapped": "A monitor's clock cannot be tied to the markers, so it is left out.",
    "board_not_pinned": "Every run may get another board, so the board's own power sensors were not read.",
    "below_proven_bound": "The cost is proven to be impossible: the solution, its cost or the proof is wrong.",
    "cost_mismatch": "The solver's cost differs from the recomputed one.",
    "digest_mismatch": "The answer names another network or other events than the job.",
    "energy_absent": "This bench measures no energy, or said why it could not.",
    "energy_missing": "A monitor's energy was asked for or promised and is not there.",
    "functional_only": "The board is a simulation of its function: no energy may be told of it.",
    "gap_not_reported": "A gap of the scenario is not in the report.",
    "grade_unknown": "A monitor does not say how it measures, so the weakest grade is taken.",
    "impossible_counts": "Counts and first spikes contradict each other or the number of steps.",
    "impossible_latency": "A gap was reported as reached before its run began.",
    "malformed_counts": "The reported spike counts cannot be read.",
    "malformed_solution": "The reported solution cannot be read.",
    "monitor_without_trace": "A configured monitor gave no trace.",
    "no_acquisition_report": "A monitor does not say how many samples it lost.",
    "no_answer": "The report holds no answer.",
    "no_board_time": "The board's own clock gave no time of a run, so its own power sensors give no energy.",
    "onboard_power": "No monitor: the energy is the board's own mean power, of a pass of its own, times the time.",
    "reached_mismatch": "A gap that was reported as reached is not reached by its solution.",
    "reached_within_quantisation": (
        "The board's rounded cost reached a gap that the exact cost does not: it counts as not reached."
    ),
    "samples_dropped": "Samples are missing outside the windows.",
    "sensor_accuracy_undeclared": "The bench declares no accuracy of the board's own sensors, so they give no energy.",
    "spikes_mismatch": "The spikes of the populations do not add up to the total.",
    "malformed_network": "The network in the report cannot be read, or is not the one that the answer speaks of.",
    "counts_inexact": "Some spikes differ from those of the integers; the board says why they may.",
    "counts_mismatch": "Running the network of the report again gives other spikes.",
    "target_mismatch": "A gap was measured against another cost than the job's target gives.",
    "wrong_label_count": "The number of labels differs from the number of images.",
}

KPI_NOTES = {
    "latency": "mean length of a run window",
    "energy": "all components, all run windows",
    "energy_delay_product": "energy of one run × latency",
}
SCORE_NOTES = {
    "qubo": "gap to the official target; lower is better",
    "classifier": "share of images labelled right",
    "snn": "a network and its events have no score",
}

MOST_FACTS = 200
"""Rows of a table of free-form facts."""
LONGEST_FACT = 400


def workload_text(spec: JobSpec) -> str:
    """Return the workload's name and size."""
    w: Workload | UnknownMember = spec.workload
    if isinstance(w, QuboMis):
        return f"{w.name}, n = {count_text(w.n)}, density {percent_text(w.density)}, seed {w.seed}"
    if isinstance(w, Qubo):
        return f"{w.name}, problem {w.problem[:19]}…"
    if isinstance(w, Snn):
        return f"{w.name}, network {w.model[:19]}…, {count_text(w.samples)} samples"
    if isinstance(w, Digits):
        return f"{w.name}, {count_text(w.count)} images from number {w.first}"
    return str(getattr(w, "name", "another workload"))


def scenario_text(spec: JobSpec) -> str:
    """Return what the run is asked to do."""
    w = spec.workload
    if isinstance(w, Digits):
        return "1 inference per image" if w.iterations == 1 else f"{count_text(w.iterations)} inferences per image"
    if isinstance(w, Snn):
        return f"{count_text(w.steps)} steps per sample"
    return limits_text(w.scenario) if isinstance(w, QuboMis | Qubo) else ""


def limits_text(scenario: Scenario | UnknownMember) -> str:
    """Return a scenario: what ends a run."""
    if isinstance(scenario, TimeToSolution):
        gaps = ", ".join(f"{gap:g}" for gap in scenario.gaps)
        # The official target is what the benchmark measures from; another one is named.
        to = "" if scenario.reference == "official" else f" to the {scenario.reference} target"
        return f"time to solution, gaps {gaps}{to}, limit {plain_text(scenario.limit_s, 's')}"
    if isinstance(scenario, FixedTimeout):
        return f"fixed timeout {plain_text(scenario.timeout_s, 's')}"
    return str(getattr(scenario, "kind", "another scenario"))


def sentence(text: str) -> str:
    """Return a reason as a sentence: a capital letter first, a full stop last."""
    return text[:1].upper() + text[1:] + ("" if text.endswith((".", "!", "?")) else ".")


def needs_text(spec: JobSpec) -> str:
    """Return what the job asks of a bench."""
    n = spec.needs
    asked = [
        f"bench {n.bench}" if n.bench else "",
        f"board {n.board}" if n.board else "",
        n.reality or "",
        {None: "", True: "metered", False: "not metered"}[n.metered],
        f"tags {', '.join(n.tags)}" if n.tags else "",
    ]
    return ", ".join(part for part in asked if part) or "any bench"


def facts(record: Mapping[str, Any]) -> list[tuple[str, str]]:
    """Flatten free-form facts to (dotted name, text), bounded in number and length."""
    found: list[tuple[str, str]] = []
    for name, value in _leaves(record, ""):
        if len(found) == MOST_FACTS:
            return [*found, ("…", "more in the JSON")]
        text = str(value)
        found.append((name, text if len(text) <= LONGEST_FACT else text[:LONGEST_FACT] + " …"))
    return found


def _leaves(value: Any, name: str) -> Iterator[tuple[str, Any]]:
    if isinstance(value, Mapping) and value:
        for key, inner in value.items():
            yield from _leaves(inner, f"{name}.{key}" if name else str(key))
    elif value == {} and not name:
        return
    elif isinstance(value, (list, tuple)) and not any(isinstance(v, (Mapping, list, tuple)) for v in value):
        yield name, ", ".join(str(v) for v in value)
    elif isinstance(value, (list, tuple)):
        for i, inner in enumerate(value):
            yield from _leaves(inner, f"{name}.{i}")
    else:
        yield name, "—" if value is None or value == {} else value
