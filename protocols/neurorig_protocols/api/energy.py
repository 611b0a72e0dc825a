"""What a server answers to a query for energies over many attempts."""

from __future__ import annotations

from typing import Any

from neurorig_protocols.quantities import Grade, Reality
from neurorig_protocols.records import Digest, Finite, Name, Record


class EnergyRow(Record):
    """Mean energy of one window over attempts of one reality and one set of rails, in joules.

    `u_j` combines the mean standard uncertainty of the measurements, which share their meter's errors and do not
    average out, with the spread of the mean. `spread_j` is the sample standard deviation, None for one attempt.
    `timeout_s` is also the limit of a run to a target, `problem` the digest of an uploaded problem or network, `count`
    the images or samples of a window.
    """

    component: str | None = None
    phase: str | None = None
    board: str | None = None
    bench: str | None = None
    workload: str | None = None
    variables: int | None = None
    density: Finite | None = None
    scenario: str | None = None
    timeout_s: Finite | None = None
    problem: Digest | None = None
    count: int | None = None
    reality: Reality
    rails: tuple[Name, ...]
    n: int
    mean_j: Finite
    u_j: Finite
    spread_j: Finite | None
    grade: Grade


class EnergyRows(Record):
    """The answer to an energy query."""

    rows: tuple[EnergyRow, ...]


class EnergyAbsent(Record):
    """There is no energy, and why."""

    absent: str

    def rows(self) -> list[dict[str, Any]]:
        """Return no rows, so that a table of several attempts can be made without looking at each."""
        return []


class EnergyTable(tuple[EnergyRow, ...]):
    """The rows of an energy query, as a tuple that can also be turned into plain dictionaries."""

    __slots__ = ()

    def rows(self) -> list[dict[str, Any]]:
        """Return one plain dictionary per group, for example for `pandas.DataFrame(...)`.

        Returns:
            Energies in J; fields outside the grouping are None.
        """
        return [row.model_dump() for row in self]
