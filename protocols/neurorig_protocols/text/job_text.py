"""Jobs, states and codes as short sentences, and free-form facts as rows of text."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from neurorig_protocols.errors import Fault
from neurorig_protocols.job import JobSpec, JobState
from neurorig_protocols.workloads import registry

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

_CODES = {
    "analysis_failed": "The server could not analyse the attempt.",
    "answer_of_another_kind": "The answer is not of the workload's kind.",
    "bad_trace": "A stored trace cannot be read.",
    "clock_not_mapped": "A monitor's clock cannot be tied to the markers, so it is left out.",
    "board_not_pinned": "Every run may get another board, so the board's own power sensors were not read.",
    "energy_absent": "This bench measures no energy, or said why it could not.",
    "energy_missing": "A monitor's energy was asked for or promised and is not there.",
    "functional_only": "The board is a simulation of its function: no energy may be told of it.",
    "grade_unknown": "A monitor does not say how it measures, so the weakest grade is taken.",
    "monitor_without_trace": "A configured monitor gave no trace.",
    "no_acquisition_report": "A monitor does not say how many samples it lost.",
    "no_answer": "The report holds no answer.",
    "no_board_time": "The board's own clock gave no time of a run, so its own power sensors give no energy.",
    "onboard_power": "No monitor: the energy is the board's own mean power, of a pass of its own, times the time.",
    "samples_dropped": "Samples are missing outside the windows.",
    "sensor_accuracy_undeclared": "The bench declares no accuracy of the board's own sensors, so they give no energy.",
}


def code_text(code: str) -> str:
    """Return what a quality code means."""
    known = {**_CODES, **registry.codes()}
    return known.get(code, "The server or the agent gave this code.")


KPI_NOTES = {
    "latency": "mean length of a run window",
    "energy": "all components, all run windows",
    "energy_delay_product": "energy of one run × latency",
}
MOST_FACTS = 200
"""Rows of a table of free-form facts."""
LONGEST_FACT = 400


def workload_text(spec: JobSpec) -> str:
    """Return the workload's name and size."""
    found = registry.of_spec(spec.workload)
    name = str(getattr(spec.workload, "name", "another workload"))
    return name if found is None else f"{name}, {found.size(spec.workload)}"


def scenario_text(spec: JobSpec) -> str:
    """Return what the run is asked to do; empty for a workload that is not installed here."""
    found = registry.of_spec(spec.workload)
    return "" if found is None else found.task(spec.workload)


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
