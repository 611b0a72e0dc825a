"""A number with what it takes to believe it: unit, uncertainty, grade and budget.

Uncertainties follow the GUM (JCGM 100): `u` is the standard uncertainty, `k` the coverage factor
for the expanded one. Correlated propagation is done by GTC in `energy.py`; this module is the record.
"""

from __future__ import annotations

import math
from typing import Literal

from pydantic import Field

from neurorig_protocols.records import Finite, Record

Grade = Literal["metered", "onboard", "wall", "derived", "modelled", "vendor_reported", "assumed"]
"""How a number came to be: external analyser on a tap, the board's own counter, a wall meter, computed,
from a model, from a vendor, or taken for granted."""

Reality = Literal["physical", "virtual"]
"""Whether a bench measures matter or a model. The two never meet in one ranking, mean or ratio."""

# Worst first: a number computed from several is as good as the worst of them.
GRADE_ORDER: tuple[Grade, ...] = (
    "assumed", "vendor_reported", "modelled", "derived", "wall", "onboard", "metered",
)  # fmt: skip


def worst_grade(grades: list[Grade]) -> Grade:
    """Return the weakest of several grades; ValueError when there is none."""
    return min(grades, key=GRADE_ORDER.index)


class BudgetLine(Record):
    """One contribution to a standard uncertainty, already multiplied by its sensitivity."""

    name: str
    u: Finite = Field(ge=0, description="standard uncertainty in the unit of the quantity")
    type: Literal["A", "B"] = "B"


class Quantity(Record):
    """A value with its unit, standard uncertainty, grade and uncertainty budget."""

    value: Finite
    unit: str
    u: Finite = Field(ge=0, description="standard uncertainty, same unit as value")
    k: Finite = Field(default=2.0, gt=0, description="coverage factor of the expanded uncertainty")
    n: int = Field(default=1, ge=1, description="number of repetitions behind the value")
    grade: Grade
    budget: tuple[BudgetLine, ...] = ()

    @property
    def expanded(self) -> float:
        """Expanded uncertainty k·u, in the unit of the value."""
        return self.k * self.u


class Absent(Record):
    """What was not measured, and why. Never zero."""

    reason_code: str
    reason: str


def root_sum_square(parts: list[float]) -> float:
    """Combine independent standard uncertainties of one unit."""
    return math.hypot(*parts) if parts else 0.0
