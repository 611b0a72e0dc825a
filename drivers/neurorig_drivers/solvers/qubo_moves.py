"""What every kernel for any QUBO does: flip one variable and keep the best state. Plain until `compile_parts`.

The state is held as `sign` (+1 where a variable is 0, -1 where it is 1) and `rise`, by how much the cost rises if a
variable flips; a flip changes both along one row of Q. All costs are int64 and exact.
"""

# ruff: noqa: PLR0917 - numba takes plain arguments by position; its arrays are Any because one code serves both.

from __future__ import annotations

from typing import Any

from neurorig_drivers.solvers.machine_code import now_ns

# Scalars of the search, in an int64 array.
COST, BEST, UNKEPT, WORK, STEP, IMPROVED, END_NS = range(7)
SCALARS = 16
# Constants, in an int64 array; the kernels add their own behind.
BEGIN_NS, LIMIT_NS, STOP_AT, OWN = range(4)
CONSTANTS = 16

WORK_PER_LOOK = 6000
"""Array entries touched between two looks at the clock: a few microseconds."""


def flip(matrix: Any, state: Any, s: Any, i: int) -> None:
    """Flip variable i, carry its row through, and see whether the cost is a new best."""
    start, target, coupling = matrix
    rise, sign = state
    turned = sign[i]
    s[COST] += rise[i]
    rise[i] = -rise[i]
    sign[i] = -turned
    s[WORK] += start[i + 1] - start[i]
    for at in range(start[i], start[i + 1]):
        j = target[at]
        rise[j] += coupling[at] * (turned * sign[j])
    if s[COST] < s[BEST]:
        s[BEST] = s[COST]
        s[UNKEPT] = 1


def keep(state: Any, s: Any, best: Any, out: Any, c: Any, stamp: Any) -> None:
    """Keep the state as the best so far and note when; the last row is written over when there is no room.

    Called before a flip that would leave a best state, not at each of the falling costs that lead to it.
    """
    sign = state[1]
    for i in range(len(sign)):
        best[i] = sign[i] < 0
    s[UNKEPT] = 0
    row = min(s[IMPROVED], len(out) - 1)
    out[row, 0] = now_ns(stamp) - c[BEGIN_NS]
    out[row, 1] = s[BEST]
    s[IMPROVED] = row + 1


def move(matrix: Any, state: Any, s: Any, i: int, best: Any, out: Any, c: Any, stamp: Any) -> None:
    """Flip variable i, and keep the state before that if it is the best and this would leave it."""
    if s[UNKEPT] and state[0][i] >= 0:
        keep(state, s, best, out, c, stamp)
    flip(matrix, state, s, i)


def over(s: Any, c: Any, stamp: Any) -> bool:
    """Look at the clock; return whether the search is at its end."""
    s[WORK] = 0
    s[END_NS] = now_ns(stamp) - c[BEGIN_NS]
    return bool(s[END_NS] >= c[LIMIT_NS] or s[BEST] <= c[STOP_AT])
