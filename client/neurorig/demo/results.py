"""What the demo found in each attempt, the virtual lab's own record of it, and how well they agree."""

from __future__ import annotations

import json
from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from neurorig.client import Client
from neurorig.errors import ClientError
from neurorig_protocols.api.attempts import AttemptView
from neurorig_protocols.api.benches import BenchView
from neurorig_protocols.api.energy import EnergyAbsent
from neurorig_protocols.api.jobs import JobView
from neurorig_protocols.energy import EnergyMatrix

Joules = Mapping[str, float]


Truths = Mapping[str, Sequence[Joules]]
"""Every window's true joules by rail, by attempt id."""


@dataclass(frozen=True)
class TrueEnergy:
    """True joules of one attempt: by (component, phase), and by phase over all components."""

    cells: dict[tuple[str, str], float]
    totals: dict[str, float]


@dataclass(frozen=True)
class Result:
    """A job, its last attempt, the energy measured and, on a virtual bench, the true one."""

    job: JobView
    attempt: AttemptView
    energy: EnergyMatrix | EnergyAbsent
    truth: TrueEnergy | None = None
    omitted: tuple[str, ...] = ()
    """What the bench leaves out of its boundary, and why."""

    @property
    def matrix(self) -> EnergyMatrix | None:
        """The energy, or None where it is absent."""
        return self.energy if isinstance(self.energy, EnergyMatrix) else None

    @property
    def why_absent(self) -> str | None:
        """Why there is no energy, with what the bench itself says of it; None where there is some."""
        if isinstance(self.energy, EnergyMatrix):
            return None
        return "; ".join((self.energy.absent, *self.omitted))


def gather(client: Client, jobs: Sequence[JobView]) -> list[Result]:
    """Fetch every job's last attempt and its energy."""
    omitted = {bench.name: _omitted(bench) for bench in client.benches()}
    return [_gather_one(client, job, omitted) for job in jobs]


def _omitted(bench: BenchView) -> tuple[str, ...]:
    return tuple(f"{item.component}: {item.reason}" for item in bench.profile.omitted)


def _gather_one(client: Client, job: JobView, omitted: Mapping[str, tuple[str, ...]]) -> Result:
    if job.last_attempt is None:
        raise ClientError(f"job {job.id} ended as {job.state} without an attempt: {job.reason or 'no reason given'}")
    attempt = client.attempt(job.last_attempt.id)
    return Result(job, attempt, client.energy(attempt.id), omitted=omitted.get(attempt.bench, ()))


def is_complete(results: Sequence[Result], truths: Truths) -> bool:
    """Say whether the lab has written down every window that was measured on its benches."""
    measured = [
        (result.attempt.id, result.matrix.windows) for result in results if _has_truth(result) and result.matrix
    ]
    return all(len(truths.get(attempt, ())) >= len(windows) for attempt, windows in measured)


def with_truth(results: Sequence[Result], truths: Truths) -> list[Result]:
    """Put the true energy beside the measured one, on virtual benches."""
    return [
        replace(result, truth=true_energy(result.matrix, truths.get(result.attempt.id, ())))
        if _has_truth(result) and result.matrix
        else result
        for result in results
    ]


def _has_truth(result: Result) -> bool:
    return result.matrix is not None and result.attempt.reality == "virtual"


def read_truth(path: Path) -> dict[str, list[Joules]]:
    """Return, by session (which is an attempt's id), each window's true joules by rail, in the order of the windows."""
    sessions: dict[str, dict[int, Joules]] = defaultdict(dict)
    # Only whole lines: the lab may be writing the last one.
    for line in path.read_text("utf-8").split("\n")[:-1]:
        record = json.loads(line)
        sessions[record["session"]][int(record["window"])] = record["energy_j"]
    return {session: [windows[k] for k in sorted(windows)] for session, windows in sessions.items()}


def true_energy(measured: EnergyMatrix, windows: Sequence[Joules]) -> TrueEnergy:
    """Sum the true joules of the windows that each measured cell sums.

    The k-th window of the session is the k-th measured window; another count means that measurement and truth speak
    of different things, and is an error.
    """
    if len(windows) != len(measured.windows):
        raise ClientError(f"the lab lived through {len(windows)} windows, {len(measured.windows)} were measured")
    cells: dict[tuple[str, str], float] = {
        (cell.component, cell.phase): sum(
            joules[rail]
            for window, joules in zip(measured.windows, windows, strict=True)
            if window.phase == cell.phase
            for rail in cell.rails
        )
        for cell in measured.cells
    }
    totals: dict[str, float] = defaultdict(float)
    for (_, phase), joules in cells.items():
        totals[phase] += joules
    return TrueEnergy(cells, dict(totals))


@dataclass(frozen=True)
class Comparison:
    """One measured energy beside the true one, in joules; component None is the sum over all of them."""

    attempt: str
    component: str | None
    phase: str
    energy_j: float
    u_j: float
    true_j: float

    @property
    def relative_error(self) -> float | None:
        """|measured − true| / |true|; None where the truth is 0."""
        return abs(self.energy_j - self.true_j) / abs(self.true_j) if self.true_j else None

    @property
    def covered(self) -> bool:
        """Whether the truth lies within two standard uncertainties."""
        return abs(self.energy_j - self.true_j) <= 2 * self.u_j


@dataclass(frozen=True)
class Agreement:
    """Over all virtual attempts: cells compared, share covered by 2u, largest relative errors in the run phase."""

    cells: int
    covered: float | None
    run_error_by_component: dict[str, float]
    run_error_of_total: float | None


def comparisons(results: Sequence[Result]) -> list[Comparison]:
    """Return every measured cell and phase total that has a truth."""
    return [found for result in results for found in _compare(result)]


def agreement(found: Sequence[Comparison]) -> Agreement:
    """Sum up the comparisons; what was not compared is None, never 0."""
    cells = [c for c in found if c.component is not None]
    run = [(c.component, c.relative_error) for c in found if c.phase == "run"]
    by_component: dict[str, float] = {}
    for component, error in run:
        if component is not None and error is not None:
            by_component[component] = max(error, by_component.get(component, 0.0))
    return Agreement(
        cells=len(cells),
        covered=sum(c.covered for c in cells) / len(cells) if cells else None,
        run_error_by_component=by_component,
        run_error_of_total=max((e for c, e in run if c is None and e is not None), default=None),
    )


def _compare(result: Result) -> list[Comparison]:
    matrix, truth = result.matrix, result.truth
    if matrix is None or truth is None:
        return []
    parts = [
        (cell.component, cell.phase, cell.energy, truth.cells[cell.component, cell.phase]) for cell in matrix.cells
    ]
    totals = [(None, total.phase, total.energy, truth.totals[total.phase]) for total in matrix.totals]
    return [
        Comparison(result.attempt.id, component, phase, energy.value, energy.known_u, true_j)
        for component, phase, energy, true_j in (*parts, *totals)
    ]
