"""Checks the answer of a spiking network against itself and its job.

The counts are not recomputed: the server holds the graph but not what lowers and simulates it. What could be checked
and what could not stands in the result.
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from neurorig_protocols.job import Snn
from neurorig_protocols.report import MAX_COUNTS, SnnAnswer, unpack_counts
from neurorig_server.views import VerifiedSnn

Ints = npt.NDArray[np.int64]

MOST_WINNERS = 10_000


def check_snn(workload: Snn, answer: SnnAnswer) -> tuple[VerifiedSnn | None, tuple[str, ...]]:
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
    return _summary(answer, counts), codes


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
