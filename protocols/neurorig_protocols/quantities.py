"""A number with what it takes to believe it: unit, uncertainty, grade and budget.

Uncertainties follow the GUM (JCGM 100): `u` is the standard uncertainty, `k` the coverage factor
for the expanded one. Correlated propagation is done by GTC in `energy.py`; this module is the record.
"""

from __future__ import annotations

import math
from typing import Literal, Self

from pydantic import Field, model_validator

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


NEED_U = frozenset({"J", "W"})
"""Units of what a meter reads: without an uncertainty such a number is none."""


class BudgetLine(Record):
    """One contribution to a standard uncertainty, already multiplied by its sensitivity."""

    name: str
    u: Finite = Field(ge=0, description="standard uncertainty in the unit of the quantity")
    type: Literal["A", "B"] = "B"


class Quantity(Record):
    """A value with its unit, standard uncertainty, grade and uncertainty budget.

    `u` holds what is known: of several values their spread, and always what the instrument adds. A single value shows
    no spread; where no instrument's uncertainty is known either, `u` is None. 0 means exact, as a count is.
    """

    value: Finite
    unit: str
    u: Finite | None = Field(ge=0, description="standard uncertainty, unit of value; null: not known")
    k: Finite = Field(default=2.0, gt=0, description="coverage factor of the expanded uncertainty")
    n: int = Field(default=1, ge=1, description="number of repetitions behind the value")
    grade: Grade
    budget: tuple[BudgetLine, ...] = ()

    @model_validator(mode="after")
    def _has_what_it_needs(self) -> Self:
        if self.u is None and (self.n > 1 or self.budget):
            raise ValueError("only a single value without a budget has no uncertainty")
        if self.u is None and self.unit in NEED_U:
            raise ValueError(f"a number in {self.unit} needs a standard uncertainty")
        return self

    @property
    def known_u(self) -> float:
        """Standard uncertainty of a number that has one; ValueError for a single value that has none."""
        if self.u is None:
            raise ValueError(f"no uncertainty is known of {self.value:g} {self.unit}")
        return self.u

    @property
    def expanded(self) -> float | None:
        """Expanded uncertainty k·u, in the unit of the value; None where u is."""
        return None if self.u is None else self.k * self.u


class Absent(Record):
    """What was not measured, and why. Never zero."""

    reason_code: str
    reason: str


Measured = Quantity | Absent
"""A number, or the reason why there is none."""


def quantity_or_none(measured: Measured) -> Quantity | None:
    """Return the number, None where there is a reason instead."""
    return measured if isinstance(measured, Quantity) else None


def root_sum_square(parts: list[float]) -> float:
    """Combine independent standard uncertainties of one unit."""
    return math.hypot(*parts) if parts else 0.0
