"""Delays in whole steps, held by relay neurons: chips here have none of their own, and every board runs neurons.

A relay spikes whenever the source spikes, one step later than that source would act; k of them in a row are k steps.
What a line needs is one relay for each step of its longest delay. They cost energy as other neurons do, and are told.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

import numpy as np

from neurorig_drivers.snn.real_network import Ints, RealPopulation
from neurorig_protocols.errors import DoesNotFit, UserError

Late = tuple[str, int]
"""A source by name, and by how many steps it is late."""

MAX_STEPS = 1_000
_NEAR = 1e-6


def whole_steps(name: str, delay: Any, size: int, dt: float) -> Ints:
    """Return the delay of each of `size` values in steps, int64; UserError when it is not whole or not possible."""
    try:
        steps = np.broadcast_to(np.asarray(delay, float).ravel(), (size,)) / dt
    except ValueError:
        raise UserError(f"the delays of the node '{name}' are not {size} numbers", where="model") from None
    near = np.rint(steps)
    if not (np.isfinite(steps).all() and (steps >= 0).all() and (steps <= MAX_STEPS).all()):
        raise UserError(
            f"a delay of the node '{name}' lies outside 0 to {MAX_STEPS} steps of {dt:g}",
            where="model",
            next_step="Give the step with --dt, in the graph's unit of time.",
        )
    if (apart := np.abs(steps - near) > _NEAR * np.maximum(near, 1)).any():
        raise UserError(
            f"a delay of the node '{name}' is {steps[apart][0]:g} steps of {dt:g}; a step cannot be divided",
            where="model",
            next_step="Round the delays to multiples of the step, or give a shorter step with --dt.",
        )
    return near.astype(np.int64)


def delayed(parts: dict[Late, Any], steps: Ints) -> dict[Late, Any]:
    """Return the matrices of a sum whose values are late by `steps` (values,), besides what was late before."""
    from scipy import sparse

    found: dict[Late, Any] = {}
    for late in np.unique(steps).tolist():
        chosen = sparse.diags((steps == late).astype(float), format="csr")
        for (source, already), matrix in parts.items():
            part = chosen @ matrix
            part.eliminate_zeros()
            key = (source, already + late)
            found[key] = found[key] + part if key in found else part
    return found


@dataclass(frozen=True, eq=False)
class Relays:
    """The relays of one source of `size` lines: `lines[k - 1]` are the lines that are k steps late, int64."""

    source: str
    size: int
    lines: tuple[Ints, ...]

    @property
    def neurons(self) -> int:
        """Number of relays."""
        return sum(map(len, self.lines))

    def population(self) -> RealPopulation:
        """Return the relays, step by step, as neurons without memory."""
        none = np.zeros(self.neurons)
        return RealPopulation(f"{self.source} delayed", "relay", none, none, none + 0.5, none)

    def links(self) -> dict[Late, Any]:
        """Return a COO matrix (relays, lines of the source) for each place that relays listen to."""
        from scipy import sparse

        found, first = {}, 0
        for late, lines in enumerate(self.lines):
            places = (first + np.arange(len(lines)), lines)
            found[self.source, late] = sparse.coo_matrix((np.ones(len(lines)), places), (self.neurons, self.size))
            first += len(lines)
        return found


def relays_of(sums: Iterable[dict[Late, Any]], most: int) -> dict[str, Relays]:
    """Return the relays of each source that all these sums need; DoesNotFit when they are more than `most`."""
    longest: dict[str, Ints] = {}
    for parts in sums:
        for (source, late), matrix in parts.items():
            last = longest.setdefault(source, np.zeros(matrix.shape[1], np.int64))
            np.maximum.at(last, matrix.indices, late)
    if (needed := sum(int(last.sum()) for last in longest.values())) > most:
        raise DoesNotFit(
            f"the delays need {needed:,} relay neurons, one for each line and step; {most:,} are possible",
            where="model",
            next_step="Give a longer step with --dt, or shorter delays.",
            limit="relay neurons",
            needed=needed,
            available=most,
        )
    return {source: Relays(source, len(last), _lines(last)) for source, last in longest.items() if last.any()}


def _lines(last: Ints) -> tuple[Ints, ...]:
    found, lines = [], np.flatnonzero(last)
    while len(lines):
        found.append(lines)
        lines = lines[last[lines] > len(found)]
    return tuple(found)
