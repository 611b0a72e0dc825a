"""What a server answers about targets."""

from __future__ import annotations

from datetime import date

from pydantic import Field

from neurorig_protocols.records import Record
from neurorig_protocols.workloads.qubo.qubo_targets import Problem


class OfficialTarget(Record):
    """The benchmark's own best-known cost; it comes without a solution."""

    cost: int
    source: str
    version: str


class HeldTarget(Record):
    """A verified solution that is or was the best: who found it, on what, when. `attempt_id`: a run of this server."""

    cost: int
    found_by: str
    found_on: str
    found_at: date
    comment: str = ""
    attempt_id: str | None = None
    shipped: bool = Field(default=False, description="came with the software")


class TargetView(Record):
    """Both targets of a problem beside each other. `proof` says how `bound`, the least possible cost, is known."""

    key: str
    problem: Problem
    n: int
    edges: int | None = Field(description="of the graph; None for an uploaded problem")
    official: OfficialTarget | None
    best: HeldTarget | None
    improvement: int | None = Field(description="official cost less best verified cost; None unless both are known")
    bound: int | None
    proof: str | None
    optimal: bool


class TargetDetail(TargetView):
    """A target with its solution and those who held the record before, oldest first."""

    solution: str | None = Field(description="packed bits x0…xn-1, first bit highest, base64")
    history: tuple[HeldTarget, ...]


class TargetList(Record):
    """Targets by problem; `more` says that the list was cut."""

    items: tuple[TargetView, ...]
    more: bool
