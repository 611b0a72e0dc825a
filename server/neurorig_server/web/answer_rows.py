"""A board's own sensors, a spiking network's answer and a job's files as rows of text."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from neurorig_protocols.api.attempts import SnnAnswerView
from neurorig_protocols.api.files import FileView
from neurorig_protocols.files import needed_files
from neurorig_protocols.job import JobSpec
from neurorig_protocols.onboard import OnboardPower
from neurorig_protocols.quantities import Absent
from neurorig_protocols.report import unpack_counts
from neurorig_protocols.text.number_text import count_text, measured_text, percent_text
from neurorig_server.store.files import Files


def onboard_facts(found: OnboardPower | Absent | None) -> list[tuple[str, str]]:
    """Return (name, text) of the powers of the whole board, idle chips included; nothing without sensors."""
    if found is None:
        return []
    if isinstance(found, Absent):
        return [("Board's own power", f"absent: {found.reason}")]
    powers = (
        ("Board's own power", found.total_w),
        ("Static part of it", found.static_w),
        ("Dynamic part, total − static", found.dynamic_w),
        ("Static part of chips that hold nothing", found.idle_chips_static_w),
    )
    accuracy = "not declared" if found.accuracy is None else f"±\u00a0{percent_text(found.accuracy)}"
    return [
        *((name, "not told" if watts is None else measured_text(watts, "W")) for name, watts in powers),
        ("Chips in use", f"{found.chips_allocated} of {found.chips_available}"),
        ("Length of the power pass", measured_text(found.pass_s, "s")),
        ("Accuracy of the sensors, by the bench", accuracy),
        ("Source of the power", found.source),
    ]


MOST_ROWS = 200
MOST_OUTPUTS = 16


def headline(answer: SnnAnswerView) -> list[tuple[str, str, str]]:
    """Return (label, value, detail) of the numbers that a reader looks for first."""
    verified = answer.verified
    found = [("Time per sample", measured_text(answer.solve_s / answer.samples, "s"), f"on the clock {answer.clock}")]
    if verified is not None:
        checked = verified.recomputed or f"consistent with the job; not recomputed: {verified.not_recomputed}"
        detail = f"{count_text(answer.outputs)} outputs, {count_text(answer.samples)} samples; {checked}"
        found.insert(0, ("Output spikes", count_text(verified.output_spikes), detail))
    return found


def snn_facts(answer: SnnAnswerView) -> list[tuple[str, str]]:
    """Return what else there is to say of an answer."""
    silent = [] if answer.verified is None else [("Silent samples", count_text(answer.verified.silent_samples))]
    return [
        ("Network", answer.model),
        ("Input events", answer.events),
        ("Steps per sample", count_text(answer.steps)),
        ("Samples", count_text(answer.samples)),
        ("Spikes of all neurons", count_text(answer.spikes)),
        *silent,
        *((f"Rounding: {name}", text) for name, text in _rounding(answer)),
    ]


def population_rows(answer: SnnAnswerView) -> list[tuple[str, str, str]]:
    """Return (name, neurons, spikes) of each population."""
    rows = answer.populations[:MOST_ROWS]
    return [(row.name, count_text(row.neurons), count_text(row.spikes)) for row in rows]


def count_rows(answer: SnnAnswerView) -> list[tuple[int, list[int]]]:
    """Return the first samples with the counts of their first outputs; empty when they cannot be read."""
    try:
        counts = unpack_counts(answer.counts, (answer.samples, answer.outputs))
    except ValueError:
        return []
    return list(enumerate(counts[:MOST_ROWS, :MOST_OUTPUTS].tolist()))


def _rounding(answer: SnnAnswerView) -> Iterator[tuple[str, str]]:
    """Yield the figures that the agent gave; its word is free-form, so nothing is taken for granted."""
    notes = answer.quantisation.get("notes")
    if isinstance(notes, list):
        yield from (("note", str(note)) for note in notes[:10])
    populations = answer.quantisation.get("populations")
    for one in populations[:MOST_ROWS] if isinstance(populations, list) else ():
        error = one.get("weight_error") if isinstance(one, dict) else None
        if isinstance(error, int | float):
            exact = ", exact" if one.get("exact_weights") is True else ""
            yield f"weights of {one.get('name')}", f"at most {percent_text(error)} of the largest{exact}"


@dataclass(frozen=True)
class FileRow:
    """One file: what the job calls it, its name, what it holds, its digest and where its bytes are."""

    role: str
    name: str
    what: str
    digest: str
    url: str


def named_files(spec: JobSpec, files: Files) -> list[FileRow]:
    """Return the files of a job, in the order in which it names them."""
    needed = needed_files(spec.workload)
    found = files.find(file.digest for file in needed) if needed else {}
    return [
        FileRow(
            role=file.field.rpartition(".")[2].capitalize(),
            name=found[file.digest].name,
            what=_what(found[file.digest]),
            digest=file.digest,
            url=f"/api/v1/files/{file.digest}/content",
        )
        for file in needed
        if file.digest in found
    ]


def _what(file: FileView) -> str:
    facts = file.facts
    if file.kind != "qubo":
        return f"{count_text(file.size)} bytes"
    bound = facts["rounding_bound"]
    parts = [
        f"n = {count_text(facts['n'])}",
        f"{count_text(facts['couplings'])} couplings ({percent_text(facts['density'])} of the pairs)",
        f"value = {facts['scale']} × cost" + ("" if facts["offset"] == "0" else f" + {facts['offset']}"),
        f"values may be off by {bound:.3g}, by rounding" if bound else "every coefficient is exact",
    ]
    return ", ".join(parts)
