"""What a server answers about targets, as the client sees it; lenient as `views`."""

from __future__ import annotations

from datetime import date

from neurorig.view_base import View


class TargetProblemView(View):
    """A problem: n, density and seed of a graph, or the digest of an uploaded one."""

    workload: str
    n: int | None = None
    density: float | None = None
    seed: int | None = None
    problem: str | None = None


class OfficialView(View):
    """The benchmark's own target."""

    cost: int
    source: str = ""
    version: str = ""


class HeldView(View):
    """A verified solution that is or was the best."""

    cost: int
    found_by: str
    found_on: str
    found_at: date
    comment: str = ""
    attempt_id: str | None = None
    shipped: bool = False


class TargetView(View):
    """Both targets of a problem beside each other; `solution` and `history` only where one target is asked for."""

    key: str
    problem: TargetProblemView
    n: int
    edges: int | None = None
    official: OfficialView | None = None
    best: HeldView | None = None
    improvement: int | None = None
    bound: int | None = None
    proof: str | None = None
    optimal: bool = False
    solution: str | None = None
    history: tuple[HeldView, ...] = ()


class TargetList(View):
    """Targets by problem; `more` says that the list was cut."""

    items: tuple[TargetView, ...]
    more: bool = False
