"""A thin seam to GTC, which propagates correlated uncertainties after the GUM.

GTC was chosen over `uncertainties` because it keeps degrees of freedom and labelled budgets of elementary inputs
(docs/explanations/decisions/0004-gtc-for-uncertainty.md). It is imported on first use: it brings scipy along.
"""

from __future__ import annotations

import math
from typing import Any

from neurorig_protocols.quantities import BudgetLine, Grade, Quantity

Uncertain = Any
"""A GTC uncertain real number; GTC ships no types."""


class Inputs:
    """The elementary inputs of one evaluation; the same name is the same input, so correlations are kept."""

    def __init__(self) -> None:
        self._known: dict[str, Uncertain] = {}

    def zero(self) -> Uncertain:
        """Return an exact zero to start a sum with."""
        return self._ureal("zero", 0.0)

    def rectangular(self, name: str, limit: float) -> Uncertain:
        """Return an input of value 0 known to lie within ±limit, any value equally likely."""
        return self._ureal(name, limit / math.sqrt(3))

    def normal(self, name: str, u: float) -> Uncertain:
        """Return an input of value 0 with the standard uncertainty u."""
        return self._ureal(name, u)

    def _ureal(self, name: str, u: float) -> Uncertain:
        from GTC import constant, ureal

        if name not in self._known:
            self._known[name] = ureal(0.0, u, label=name) if u > 0 else constant(0.0, label=name)
        return self._known[name]


def as_quantity(number: Uncertain, unit: str, grade: Grade) -> Quantity:
    """Turn an uncertain number into a record; budget lines of one kind (before the colon) are combined."""
    from GTC.reporting import budget

    kinds: dict[str, float] = {}
    for influence in budget(number, trim=0):
        kind = str(influence.label).split(":", 1)[0]
        kinds[kind] = math.hypot(kinds.get(kind, 0.0), float(influence.u))
    lines = tuple(BudgetLine(name=kind, u=u) for kind, u in sorted(kinds.items(), key=lambda kv: -kv[1]) if u > 0)
    return Quantity(value=float(number.x), unit=unit, u=float(number.u), grade=grade, budget=lines)
