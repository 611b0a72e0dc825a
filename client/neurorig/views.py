"""What a server answers, as the client sees it.

Lenient on purpose: unknown fields are kept, so that an older client works with a newer server. Values of closed
lists are plain strings for the same reason. Not for requests: those are the strict records of `neurorig_protocols`.
"""

from __future__ import annotations

from typing import Any

from pydantic import AwareDatetime, Field

from neurorig.onboard_views import OnboardView
from neurorig.view_base import View
from neurorig_protocols.job import TERMINAL_STATES


class ErrorView(View):
    """Why a job or an attempt failed."""

    code: str
    message: str
    fault: str = ""
    where: str | None = None
    next_step: str | None = None


class QuantityView(View):
    """A number with its unit, standard uncertainty `u` (None: one value, spread unknown), its factor `k` and grade."""

    value: float
    unit: str
    u: float | None
    k: float = 2.0
    n: int = 1
    grade: str


class AbsentView(View):
    """What was not measured, and why."""

    reason_code: str
    reason: str


Measured = QuantityView | AbsentView


class ScenarioView(View):
    """A scenario: `timeout_s` for fixed-timeout; for time-to-solution `gaps`, `limit_s` and the target they go from."""

    kind: str
    timeout_s: float | None = None
    limit_s: float | None = None
    gaps: tuple[float, ...] = ()
    reference: str = "official"
    target_cost: int | None = None


class WorkloadView(View):
    """A workload; fields that its kind does not have are None."""

    name: str
    n: int | None = None
    density: float | None = None
    seed: int | None = None
    count: int | None = None
    steps: int | None = None
    samples: int | None = None
    problem: str | None = None
    scenario: ScenarioView | None = None


class NeedsView(View):
    """What a job asks of a bench."""

    bench: str | None = None
    board: str | None = None
    reality: str | None = None
    metered: bool | None = None


class SpecView(View):
    """What was asked for."""

    workload: WorkloadView
    needs: NeedsView = NeedsView()
    tags: tuple[str, ...] = ()


class StandingView(View):
    """What a job counts as under the rules of its benchmark, and why."""

    name: str
    seed: str
    why: str
    evaluation: str | None = None


class AttemptSummary(View):
    """One attempt as a line of its job."""

    id: str
    number: int
    bench: str
    state: str
    started_at: AwareDatetime | None = None
    ended_at: AwareDatetime | None = None
    quality: str | None = None


class JobView(View):
    """A job, where it stands and what was tried."""

    id: str
    state: str
    priority: int
    spec: SpecView
    created_at: AwareDatetime
    updated_at: AwareDatetime
    cancel_requested_at: AwareDatetime | None = None
    campaign_id: str | None = None
    position: int | None = None
    reason: str | None = None
    error: ErrorView | None = None
    attempts: tuple[AttemptSummary, ...] = ()
    standing: StandingView | None = None

    @property
    def ended(self) -> bool:
        """Whether nothing more will happen to it."""
        return self.state in TERMINAL_STATES

    @property
    def last_attempt(self) -> AttemptSummary | None:
        """The attempt with the highest number, or None."""
        return max(self.attempts, key=lambda attempt: attempt.number, default=None)


class JobPage(View):
    """A page of jobs; `next` is the cursor of the page after it."""

    items: tuple[JobView, ...]
    next: str | None = None


class CampaignCreated(View):
    """A new campaign and its jobs."""

    id: str
    jobs: tuple[str, ...]
    count: int


class CampaignView(View):
    """A campaign: jobs by state, and the share of them that has ended (0…1)."""

    id: str
    name: str
    states: dict[str, int] = Field(default_factory=dict)
    complete: float
    created_at: AwareDatetime | None = None
    count: int = 0
    owner: str = ""


class CampaignPage(View):
    """A page of campaigns, newest first; `next` is the cursor of the page after it."""

    items: tuple[CampaignView, ...]
    next: str | None = None


class LeaseView(View):
    """Who holds a bench, and until when."""

    attempt_id: str
    job_id: str
    expires_at: AwareDatetime
    phase: str = ""


class BenchView(View):
    """A bench as its agent registered it."""

    name: str
    reality: str
    board: str
    profile: dict[str, Any]
    board_info: dict[str, Any]
    last_seen_at: AwareDatetime
    state: str
    lease: LeaseView | None = None


class ReachedView(View):
    """A gap after recomputation; `believed_s`: when a board's rounded cost reached it though the exact one did not."""

    gap: float
    reference: str = "official"
    target_cost: float
    cost: int | None = None
    latency_s: float | None = None
    energy: Measured | None = None
    believed_s: float | None = None


class VerifiedView(View):
    """The server's recomputation: cost, gap and target of a QUBO, the score of a classifier, or spikes that add up."""

    kind: str
    cost: int | None = None
    gap: float | AbsentView | None = None
    official_target: int | None = None
    target_source: str | None = None
    best_target: int | None = None
    best_source: str | None = None
    best_gap: float | AbsentView | None = None
    value: float | None = None
    scale: str | None = None
    offset: str | None = None
    rounding_bound: float | None = None
    reached: tuple[ReachedView, ...] = ()
    count: int | None = None
    correct: int | None = None
    accuracy: float | None = None
    output_spikes: int | None = None
    spikes: int | None = None
    silent_samples: int | None = None
    winners: tuple[int, ...] = ()
    recomputed: str | None = None
    not_recomputed: str | None = None


class AnswerView(View):
    """A reported answer and its recomputation, which is None until it is done."""

    kind: str
    solver: str | None = None
    solution: str | None = None
    solver_cost: int | None = None
    cost_error_bound: int = 0
    requested_s: float | None = None
    setup_s: float | None = None
    solve_s: float | None = None
    clock: str = "host"
    start_event: str | None = None
    latency_s: tuple[float | None, ...] = ()
    labels: tuple[int, ...] = ()
    samples: int | None = None
    steps: int | None = None
    outputs: int | None = None
    counts: str | None = None
    first_steps: str | None = None
    quantisation: dict[str, Any] = Field(default_factory=dict)
    onboard: OnboardView | AbsentView | None = None
    verified: VerifiedView | None = None


class PhaseTimeView(View):
    """Duration of one phase on a named clock."""

    phase: str
    index: int
    duration_s: float
    clock: str = "host"


class AttemptView(View):
    """One attempt: times, answer, quality, provenance."""

    id: str
    job_id: str
    number: int
    bench: str
    board: str
    reality: str
    state: str
    quality: str | None = None
    codes: tuple[str, ...] = ()
    times: tuple[PhaseTimeView, ...] = ()
    answer: AnswerView | None = None
    placement: dict[str, Any] | None = None
    provenance: dict[str, Any] = Field(default_factory=dict)
    error: ErrorView | None = None
    energy_absent: str | None = None
    standing: StandingView | None = None
    started_at: AwareDatetime | None = None
    ended_at: AwareDatetime | None = None


class WindowView(View):
    """A measuring window; the k-th one on the marker line is the k-th of its list."""

    phase: str
    index: int


class CellView(View):
    """Energy of one component in one phase, summed over the phase's windows."""

    component: str
    rails: tuple[str, ...]
    phase: str
    windows: int
    duration_s: float
    energy: QuantityView
    per_window: QuantityView
    active_power: QuantityView
    idle_power: Measured
    dynamic: Measured


class PhaseTotalView(View):
    """All measured components of one phase, the input rail, and what the parts leave unexplained."""

    phase: str
    energy: QuantityView
    supply: Measured
    residual: Measured


class OmittedView(View):
    """A component that no channel sees, and why."""

    component: str
    reason: str


class BoundaryView(View):
    """Which components and rails are inside, which are left out."""

    components: tuple[str, ...]
    rails: tuple[str, ...]
    omitted: tuple[OmittedView, ...] = ()


class EnergyView(View):
    """Component x phase of one attempt."""

    reality: str
    boundary: BoundaryView
    cells: tuple[CellView, ...]
    totals: tuple[PhaseTotalView, ...]
    windows: tuple[WindowView, ...]

    def rows(self) -> list[dict[str, Any]]:
        """Return one plain dictionary per component and phase, for example for `pandas.DataFrame(...)`.

        Returns:
            Energies and standard uncertainties in J, durations in s. The dynamic energy (active minus idle) is None
            where it was not measured, and `dynamic_absent` says why.
        """
        return [_cell_row(cell, self.reality) for cell in self.cells]


class EnergyAbsent(View):
    """There is no energy, and why."""

    absent: str

    def rows(self) -> list[dict[str, Any]]:
        """Return no rows: there is nothing to tabulate."""
        return []


def _cell_row(cell: CellView, reality: str) -> dict[str, Any]:
    dynamic = cell.dynamic
    measured = dynamic if isinstance(dynamic, QuantityView) else None
    return {
        "component": cell.component,
        "phase": cell.phase,
        "rails": ", ".join(cell.rails),
        "reality": reality,
        "windows": cell.windows,
        "duration_s": cell.duration_s,
        "energy_j": cell.energy.value,
        "u_j": cell.energy.u,
        "per_window_j": cell.per_window.value,
        "per_window_u_j": cell.per_window.u,
        "grade": cell.energy.grade,
        "dynamic_j": measured.value if measured else None,
        "dynamic_u_j": measured.u if measured else None,
        "dynamic_absent": dynamic.reason if isinstance(dynamic, AbsentView) else None,
    }


class EnergyRow(View):
    """Mean energy of one window over attempts of one reality, in joules; fields outside the grouping are None."""

    component: str | None = None
    phase: str | None = None
    board: str | None = None
    bench: str | None = None
    workload: str | None = None
    variables: int | None = None
    density: float | None = None
    scenario: str | None = None
    timeout_s: float | None = None
    problem: str | None = None
    count: int | None = None
    reality: str
    n: int
    mean_j: float
    u_j: float
    spread_j: float | None = None
    grade: str


class EnergyRows(View):
    """The answer to an energy query."""

    rows: tuple[EnergyRow, ...]


class EnergyTable(tuple[EnergyRow, ...]):
    """The rows of an energy query, as a tuple that can also be turned into plain dictionaries."""

    __slots__ = ()

    def rows(self) -> list[dict[str, Any]]:
        """Return one plain dictionary per group, for example for `pandas.DataFrame(...)`.

        Returns:
            Energies in J; fields outside the grouping are None.
        """
        return [row.model_dump() for row in self]


class TraceInfo(View):
    """A stored trace of an attempt; `size` in bytes."""

    monitor: str
    digest: str
    size: int
    samples: int


class TraceSeries(View):
    """A trace thinned to bins that keep every extreme; bin i begins at t0_ns + i·bin·dt_ns."""

    monitor: str
    clock: str
    t0_ns: int
    dt_ns: float
    samples: int
    bin: int
    rails: tuple[dict[str, Any], ...]
    windows: tuple[WindowView, ...] = ()


class TokenView(View):
    """A token without its secret."""

    id: str
    name: str
    scopes: tuple[str, ...]
    bench: str | None = None
    expires_at: AwareDatetime | None = None
    revoked_at: AwareDatetime | None = None


class TokenCreated(TokenView):
    """A new token; the secret is shown this once."""

    token: str
