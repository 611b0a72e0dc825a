"""Checks the answer of a spiking network against its job and itself, and runs the network again where it can.

The report carries the integers that the board ran; the dynamics are those of the protocols. How the agent came from
the graph to the integers is not checked: that needs an HDF5 library, which the server has not. What could be checked
and what could not stands in the result.
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import numpy.typing as npt

from neurorig_protocols.board import Arrays
from neurorig_protocols.errors import DoesNotFit, UserError, WrongAnswer
from neurorig_protocols.workloads.snn.events import parse_events
from neurorig_protocols.workloads.snn.network import SpikingNetwork, rasters, unpack_network
from neurorig_protocols.workloads.snn.snn_records import MAX_COUNTS, Snn, SnnAnswer, VerifiedSnn, unpack_counts

Ints = npt.NDArray[np.int64]
Files = Callable[[str], bytes]
"""The bytes of an uploaded file by the 64 digits of its digest; FileNotFoundError."""

MOST_WINNERS = 10_000
MOST_WORK = 500_000_000
"""Neurons updated and synapses visited: some seconds."""
MOST_EVENT_BYTES = 32 << 20

RECOMPUTED = "counts and first spikes, from the integers that the agent made of the graph; the rounding was not checked"


def check_snn(
    workload: Snn, answer: SnnAnswer, files: Files | None = None
) -> tuple[VerifiedSnn | None, tuple[str, ...]]:
    """Return what the answer amounts to, None when it is malformed, and the codes of what is wrong with it."""
    if (answer.model, answer.events) != (workload.model, workload.events):
        return None, ("digest_mismatch",)
    shape = (workload.samples, answer.outputs)
    if (answer.samples, answer.steps) != (workload.samples, workload.steps) or shape[0] * shape[1] > MAX_COUNTS:
        return None, ("malformed_counts",)
    try:
        counts, first = unpack_counts(answer.counts, shape), unpack_counts(answer.first_steps, shape)
    except ValueError:
        return None, ("malformed_counts",)
    codes = (
        *(() if _possible(counts, first, workload.steps) else ("impossible_counts",)),
        *(() if sum(p.spikes for p in answer.populations) == answer.spikes else ("spikes_mismatch",)),
    )
    summary = _summary(answer, counts)
    try:
        wrong = _differing(answer, counts, first, files)
    except _NotRun as reason:
        return summary.model_copy(update={"not_recomputed": str(reason)}), codes
    except WrongAnswer as error:
        return summary.model_copy(update={"not_recomputed": error.message}), (*codes, "malformed_network")
    return summary.model_copy(update={"recomputed": _outcome(answer, wrong)}), (*codes, *_mismatch(answer, wrong))


def _outcome(answer: SnnAnswer, wrong: int) -> str:
    if wrong == 0:
        return RECOMPUTED
    because = f" ({answer.inexact})" if answer.inexact else ""
    return f"{wrong} values differ{because}: {RECOMPUTED}"


def _mismatch(answer: SnnAnswer, wrong: int) -> tuple[str, ...]:
    """Return the code of spikes that differ; a board that said beforehand why they may is believed with that said."""
    return () if wrong == 0 else ("counts_inexact",) if answer.inexact else ("counts_mismatch",)


class _NotRun(Exception):
    """Why the network was not run again."""


def _differing(answer: SnnAnswer, counts: Ints, first: Ints, files: Files | None) -> int:
    """Return how many counts, first spikes and sums of populations differ from a run; _NotRun, WrongAnswer."""
    if answer.network is None:
        raise _NotRun("the report carries no network, which may be too large for one")
    network = unpack_network(answer.network)
    neurons = np.bincount(network.population, minlength=len(answer.populations)).tolist()
    if neurons != [p.neurons for p in answer.populations] or len(network.outputs) != answer.outputs:
        raise WrongAnswer("the packed network has other neurons than the answer", where="network")
    events = _events(answer, network, files)
    wrong, spikes, at = 0, np.zeros(len(answer.populations), np.int64), 0
    try:
        for part in rasters(network, events, steps=answer.steps, samples=answer.samples, most_work=MOST_WORK):
            found = part.answer(network)
            rows = slice(at, at + len(part.counts))
            wrong += int((found["counts"] != counts[rows]).sum() + (found["first_step"] != first[rows]).sum())
            spikes += found["population_spikes"].sum(axis=0)
            at = rows.stop
    except DoesNotFit as error:
        raise _NotRun(error.message) from error
    return wrong + sum(p.spikes != n for p, n in zip(answer.populations, spikes.tolist(), strict=True))


def _events(answer: SnnAnswer, network: SpikingNetwork, files: Files | None) -> Arrays:
    try:
        data = files(answer.events.removeprefix("sha256:")) if files else None
    except FileNotFoundError:
        data = None
    if data is None:
        raise _NotRun("the input events are not here any more")
    if len(data) > MOST_EVENT_BYTES:
        raise _NotRun(f"the input events are larger than {MOST_EVENT_BYTES >> 20} MiB")
    try:
        events = parse_events(data)
    except UserError as error:
        raise _NotRun(f"the input events cannot be read: {error.message}") from error
    facts = events.facts()
    if facts["samples"] > answer.samples or facts["steps"] > answer.steps or facts["inputs"] > network.inputs:
        raise WrongAnswer("the packed network has no place for the input events", where="network")
    return events.arrays()


def _possible(counts: Ints, first: Ints, steps: int) -> bool:
    """Say whether spikes, one a step from the first one on, can give these counts."""
    silent = counts == 0
    return bool(
        (counts >= 0).all()
        and (first[silent] == -1).all()
        and (first[~silent] >= 0).all()
        and (counts[~silent] <= steps - first[~silent]).all()
    )


def _summary(answer: SnnAnswer, counts: Ints) -> VerifiedSnn:
    winner = np.where(counts.any(axis=1), counts.argmax(axis=1), -1)
    return VerifiedSnn(
        output_spikes=int(counts.sum()),
        spikes=answer.spikes,
        silent_samples=int((winner < 0).sum()),
        winners=tuple(winner[:MOST_WINNERS].tolist()),
    )
