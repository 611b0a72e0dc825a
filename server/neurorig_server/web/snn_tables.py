"""The answer of a spiking network as tiles and table rows of text."""

from __future__ import annotations

from collections.abc import Iterator

from neurorig_protocols.report import unpack_counts
from neurorig_server.views import SnnAnswerView
from neurorig_server.web.numbers import count_text, measured_text, percent_text

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


def facts(answer: SnnAnswerView) -> list[tuple[str, str]]:
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
