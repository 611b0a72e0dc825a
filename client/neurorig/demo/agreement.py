"""How well the measurement of the virtual bench agrees with its truth."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from neurorig.demo.result import Result
from neurorig.quantity_text import known_u


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
        Comparison(result.attempt.id, component, phase, energy.value, known_u(energy), true_j)
        for component, phase, energy, true_j in (*parts, *totals)
    ]
