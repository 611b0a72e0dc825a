"""Brings the integers of a general QUBO into the chip's words: 9-bit weights, 24-bit states, a 32-bit cost.

Coefficients are divided by a quantum and rounded. How much the cost of any state can change by that is computed,
told, and refused when it is too much. Not for networks that fit as they are: those stay exactly what they were.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Literal

import numpy as np

from neurorig_drivers.annealing.network import IntArray, check_triangle, does_not_fit, words_needed
from neurorig_protocols.board import Arrays
from neurorig_protocols.errors import DoesNotFit, UserError

Policy = Literal["round", "refuse"]

BOUND_LIMIT = 0.1
"""A problem is refused when rounding may change costs by more than this share of the range that costs can have."""


@dataclass(frozen=True)
class Quantised:
    """The chip's own arrays; `quantum` is the cost of one of its units.

    cost_error_bound: no state's cost differs from quantum times the chip's by more. Exact when quantum is 1.
    """

    arrays: Arrays
    quantum: int
    cost_error_bound: int
    facts: dict[str, Any]


def policy_of(params: dict[str, Any]) -> Policy:
    """Return what the solver's parameters say of quantisation; UserError when it is neither word."""
    policy = params.get("quantisation", "round")
    if policy not in ("round", "refuse"):
        raise UserError(f"quantisation is 'round' or 'refuse', not '{policy}'", where="solver.params.quantisation")
    return "refuse" if policy == "refuse" else "round"


def quantise(arrays: Arrays, policy: Policy = "round") -> Quantised:
    """Return arrays that fit into the words of the chip, with the error that this brings.

    Raises DoesNotFit when a word is too short and the policy is to refuse, or when the bound exceeds its limit;
    WrongAnswer when the arrays are no upper triangle.
    """
    parts = [np.asarray(arrays[name], np.int64) for name in ("diagonal", "rows", "cols", "weights")]
    diagonal, rows, cols, weights = parts
    check_triangle(len(diagonal), rows, cols, weights)
    over = [word for word in words_needed(*parts) if word[1] > word[2]]
    if not over:
        return Quantised(dict(arrays), 1, 0, {"quantum": 1, "cost_error_bound": 0})
    if policy == "refuse":
        raise does_not_fit(*max(over, key=lambda word: word[1] / word[2]))
    quantum = max(-(-needed // available) for _, needed, available in over)
    while any(needed > available for _, needed, available in words_needed(*_divided(parts, quantum))):
        # Rounding up can bring a sum back above its word.
        quantum += max(1, quantum >> 10)
    return _reported(parts, _divided(parts, quantum), quantum)


def _divided(parts: list[IntArray], quantum: int) -> list[IntArray]:
    diagonal, rows, cols, weights = parts
    return [_nearest(diagonal, quantum), rows, cols, _nearest(weights, quantum)]


def _nearest(values: IntArray, quantum: int) -> IntArray:
    """Return values / quantum, rounded to the nearest integer, halves away from zero."""
    return np.asarray(np.sign(values) * ((np.abs(values) + quantum // 2) // quantum), np.int64)


def _reported(exact: list[IntArray], rounded: list[IntArray], quantum: int) -> Quantised:
    diagonal, rows, cols, weights = rounded
    errors = np.concatenate([exact[0] - quantum * diagonal, 2 * (exact[3] - quantum * weights)])
    values = np.concatenate([exact[0], 2 * exact[3]])
    # A state takes any of these terms or leaves it, so the worst are all errors of one sign.
    bound = max(int(errors[errors > 0].sum()), -int(errors[errors < 0].sum()))
    span = int(np.abs(values).sum())
    used = values != 0
    facts = {
        "quantum": quantum,
        "cost_error_bound": bound,
        "cost_error_bound_share": bound / span,
        "largest_relative_error": float((np.abs(errors[used]) / np.abs(values[used])).max()),
        "couplings_rounded_to_zero": int(np.count_nonzero((weights == 0) & (exact[3] != 0))),
    }
    if bound > BOUND_LIMIT * span:
        raise _too_coarse(bound, span)
    kept = weights != 0
    arrays = {"diagonal": diagonal, "rows": rows[kept], "cols": cols[kept], "weights": weights[kept]}
    return Quantised(arrays, quantum, bound, facts)


def _too_coarse(bound: int, span: int) -> DoesNotFit:
    return DoesNotFit(
        f"in the chip's words the costs of this problem could be wrong by {bound:,}, more than {BOUND_LIMIT:.0%} of "
        f"the {span:,} over which costs can range",
        where="virtual-loihi",
        next_step="scale the large coefficients down, or use a board that holds them exactly",
        limit="cost_error_bound",
        needed=bound,
        available=int(BOUND_LIMIT * span),
        over=bound - int(BOUND_LIMIT * span),
    )
