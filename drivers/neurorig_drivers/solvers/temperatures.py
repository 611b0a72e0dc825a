"""The temperatures of an annealing, from the rises at the end of its first descent. Plain until `compile_parts`.

The CPU kernel calls this as machine code; the GPU search calls it as Python, on what it read back from the device.
"""

from __future__ import annotations

import math
from typing import Any

import numpy as np

HOT, COLD = 0.4, 0.2
"""First and last temperature in units of the two scales; tuned on NeuroBench's tuning instances, the same for all."""
FAR = 1e300


def choose_temperatures(temperatures: Any, state: Any) -> None:
    """Fill in the temperatures, float64 (2,), that are not given, as 0; `state` is one that no flip improves.

    state: rise (n,), by how much the cost rises if a variable flips, and sign (n,), -1 where it is 1, else 1.
    Scale of the hot one: the mean rise of the variables at 1 or of those at 0, whichever is smaller. Of the cold one:
    the mean of the smallest rises above 0, a quarter of the root of n of them.
    """
    rise, sign = state
    hot, cold = FAR, 1.0
    for side in (-1, 1):
        some = rise[sign == side]
        if len(some) > 0 and some.sum() > 0:
            hot = min(hot, some.mean())
    above = np.sort(rise[rise > 0])[: max(1, int(math.sqrt(len(rise)) / 4))]
    if len(above) == 0:
        hot = 1.0
    else:
        cold = above.mean()
    if temperatures[0] == 0.0:
        temperatures[0] = max(HOT * hot, temperatures[1])
    if temperatures[1] == 0.0:
        temperatures[1] = min(COLD * cold, temperatures[0])
