"""Spiking networks with uploaded input events: verification by running the integers again, and what an answer shows."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import ClassVar

from neurorig_protocols.number_text import count_text, measured_text, percent_text
from neurorig_protocols.workloads.contract import Checked, Fact, FactTable, NeededFile, Sources, Violation, Workload
from neurorig_protocols.workloads.snn.snn_records import Snn, SnnAnswer, SnnAnswerView, VerifiedSnn, unpack_counts

MOST_ROWS = 200
MOST_OUTPUTS = 16


class SnnWorkload(Workload[Snn, SnnAnswer]):
    """A network of the Neuromorphic Intermediate Representation and its input events."""

    name = kind = board_kind = "snn"
    spec, answer, view, verified = Snn, SnnAnswer, SnnAnswerView, VerifiedSnn
    codes: ClassVar[Mapping[str, str]] = {
        "counts_inexact": "Some spikes differ from those of the integers; the board says why they may.",
        "counts_mismatch": "Running the network of the report again gives other spikes.",
        "digest_mismatch": "The answer names another network or other events than the job.",
        "impossible_counts": "Counts and first spikes contradict each other or the number of steps.",
        "malformed_counts": "The reported spike counts cannot be read.",
        "malformed_network": "The network in the report cannot be read, or is not the one that the answer is about.",
        "spikes_mismatch": "The spikes of the populations do not add up to the total.",
    }
    invalidating = frozenset(
        {
            "digest_mismatch",
            "malformed_counts",
            "impossible_counts",
            "spikes_mismatch",
            "malformed_network",
            "counts_mismatch",
        }
    )
    score_note = no_score = "a network and its events have no score"

    def needed_files(self, spec: Snn) -> tuple[NeededFile, ...]:
        """See Workload."""
        return (
            NeededFile("workload.model", "nir", spec.model),
            NeededFile("workload.events", "events", spec.events),
        )

    def violations(self, spec: Snn, facts: Mapping[str, Mapping[str, object]]) -> Sequence[Violation]:
        """See Workload: the events must lie within the samples and steps of the job."""
        needed = facts.get(spec.events, {})
        return [
            Violation(
                "workload.events",
                f"the events name {name[:-1]} {most - 1}, there are {limit}: 0 to {limit - 1}",
                "too_large",
                "Give more steps or samples, or other events.",
            )
            for name, limit in (("samples", spec.samples), ("steps", spec.steps))
            if isinstance(most := needed.get(name), int) and most > limit
        ]

    def verify(self, spec: Snn, answer: SnnAnswer, sources: Sources) -> Checked:
        """See Workload."""
        from neurorig_protocols.workloads.snn.snn_verify import check_snn

        return Checked(*check_snn(spec, answer, sources.files))

    def size(self, spec: Snn) -> str:
        """See Workload."""
        return f"network {spec.model[:19]}…, {count_text(spec.samples)} samples"

    def task(self, spec: Snn) -> str:
        """See Workload."""
        return f"{count_text(spec.steps)} steps per sample"

    def headline(self, answer: SnnAnswerView) -> Sequence[Fact]:
        """See Workload."""
        verified = answer.verified
        time = measured_text(answer.solve_s / answer.samples, "s")
        found = [Fact("Time per sample", time, f"on the clock {answer.clock}")]
        if verified is None:
            return found
        checked = verified.recomputed or "consistent with the job"
        if verified.not_recomputed:
            checked += f"; not recomputed: {verified.not_recomputed}"
        note = f"{count_text(answer.outputs)} outputs, {count_text(answer.samples)} samples; {checked}"
        return [Fact("Output spikes", count_text(verified.output_spikes), note), *found]

    def facts(self, answer: SnnAnswerView) -> Sequence[Fact]:
        """See Workload."""
        silent = [] if answer.verified is None else [Fact("Silent samples", count_text(answer.verified.silent_samples))]
        return [
            Fact("Network", answer.model),
            Fact("Input events", answer.events),
            Fact("Steps per sample", count_text(answer.steps)),
            Fact("Samples", count_text(answer.samples)),
            Fact("Spikes of all neurons", count_text(answer.spikes)),
            *silent,
            *(Fact(f"Rounding: {name}", text) for name, text in _rounding(answer)),
        ]

    def tables(self, answer: SnnAnswerView) -> Sequence[FactTable]:
        """See Workload."""
        rows = [(row.name, count_text(row.neurons), count_text(row.spikes)) for row in answer.populations[:MOST_ROWS]]
        more = max(0, len(answer.populations) - MOST_ROWS)
        populations = FactTable(
            "Spikes by population, all samples together", ("Population", "Neurons", "Spikes"), rows, more=more
        )
        return [populations, *_counts(answer)]


def _counts(answer: SnnAnswerView) -> Iterator[FactTable]:
    """Yield the first samples with the counts of their first outputs; nothing when they cannot be read."""
    try:
        counts = unpack_counts(answer.counts, (answer.samples, answer.outputs))
    except ValueError:
        return
    shown = counts[:MOST_ROWS, :MOST_OUTPUTS].tolist()
    columns = ("Sample", *(f"Output {k}" for k in range(len(shown[0]) if shown else 0)))
    rows = [(str(sample), *map(str, row)) for sample, row in enumerate(shown)]
    title = "Spikes of the outputs, sample by sample"
    if answer.outputs > MOST_OUTPUTS:
        title += f", the first {MOST_OUTPUTS} outputs"
    yield FactTable(title, columns, rows, folded=True, more=max(0, answer.samples - len(rows)))


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
