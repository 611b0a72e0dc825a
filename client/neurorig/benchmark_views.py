"""What a server answers about summaries and comparisons, as the client sees it. Lenient, like `views`."""

from __future__ import annotations

from typing import Any

from pydantic import AwareDatetime, Field

from neurorig.view_base import View
from neurorig.views import BoundaryView, Measured, QuantityView, ScenarioView


class MissingSeedView(View):
    """A seed without a result, and why."""

    seed: int
    code: str
    reason: str


class CensoredView(View):
    """A sample of times to a target, some of which were not reached."""

    runs: int
    reached: int
    censored: int
    limit_s: float
    median: float | Measured
    restricted_mean: Measured


class ToGapView(View):
    """Time and energy to one gap, over the seeds."""

    gap: float
    latency: CensoredView
    energy: Measured


class RowView(View):
    """One machine, solver and parameters on one problem size in one scenario; means over `seeds`."""

    board: str
    bench: str | None = None
    reality: str | None = None
    solver: str
    params: dict[str, Any] = Field(default_factory=dict)
    tuning: str | None = None
    n: int
    density: float
    scenario: ScenarioView
    seeds: tuple[int, ...]
    missing: tuple[MissingSeedView, ...] = ()
    complete: bool
    infeasible: tuple[int, ...] = ()
    refused: Measured | None = None
    start_event: str | None = None
    clock: str | None = None
    requested_s: float
    solve: Measured
    gap_official: Measured
    gap_best: Measured
    power: Measured
    energy: Measured
    boundary: BoundaryView | None = None
    to_gaps: tuple[ToGapView, ...] = ()

    @property
    def seeds_text(self) -> str:
        """Such as "4 of 5 seeds"."""
        return f"{len(self.seeds)} of {max(5, len(self.seeds) + len(self.missing))} seeds"


class SummaryView(View):
    """The rows of a campaign and the rules that its numbers follow."""

    rows: tuple[RowView, ...]
    jobs: int
    pending: int
    left_out: int = 0
    start_rule: str = ""
    stop_rule: str = ""


class CampaignSummaryView(View):
    """A campaign's tables as they stand now."""

    id: str
    name: str
    complete: float
    summary: SummaryView


class ResultView(View):
    """A ratio (low, high, u), a difference (value, u) or a refusal (code, sentence), told apart by `kind`."""

    kind: str
    relation: str = ""
    low: float | None = None
    high: float | None = None
    value: float | None = None
    u: float | None = None
    n: int = 1
    code: str = ""
    sentence: str = ""


class EntryView(View):
    """One number of both sides."""

    metric: str
    to_gap: float | None = None
    left: Measured
    right: Measured
    result: ResultView


class PairView(View):
    """The same problem in the same scenario on both sides."""

    problem: dict[str, Any]
    scenario: ScenarioView
    left_job: str
    right_job: str
    entries: tuple[EntryView, ...]


class UnpairedView(View):
    """A job without its counterpart or without a result."""

    side: str
    job: str
    refusal: ResultView


class TotalView(View):
    """One number over all pairs."""

    metric: str
    to_gap: float | None = None
    pairs: int
    compared: int
    mean: ResultView
    median: ResultView | None = None


class MachineView(View):
    """Who solved the problems of one side."""

    bench: str
    board: str
    reality: str
    solver: str


class ComparisonResultView(View):
    """All pairs, their totals, and what has no counterpart."""

    left: tuple[MachineView, ...] = ()
    right: tuple[MachineView, ...] = ()
    pairs: tuple[PairView, ...]
    totals: tuple[TotalView, ...]
    unpaired: tuple[UnpairedView, ...] = ()
    pending: int = 0


class SideView(View):
    """One side: a job or a campaign."""

    job: str | None = None
    campaign: str | None = None

    @property
    def text(self) -> str:
        """Such as "campaign abc"."""
        return f"job {self.job}" if self.job else f"campaign {self.campaign}"


class ComparisonView(View):
    """A comparison as it stands now."""

    id: str
    name: str = ""
    created_at: AwareDatetime
    left: SideView
    right: SideView
    result: ComparisonResultView


class ComparisonEntry(View):
    """A comparison as a line of the list: which sides belong together, without the numbers."""

    id: str
    name: str = ""
    created_at: AwareDatetime
    owner: str = ""
    left: SideView
    right: SideView


class ComparisonPage(View):
    """A page of comparisons, newest first; `next` is the cursor of the page after it."""

    items: tuple[ComparisonEntry, ...]
    next: str | None = None


def quantity_or_none(found: Measured) -> QuantityView | None:
    """Return the number, None where there is a reason instead."""
    return found if isinstance(found, QuantityView) else None
