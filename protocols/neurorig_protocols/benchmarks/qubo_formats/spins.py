"""From spins s = 2x − 1 to binary variables x. Exact: every coefficient is only multiplied by 1, 2 or 4."""

from __future__ import annotations

import numpy as np

from neurorig_protocols.benchmarks.qubo_decimals import Decimals, total
from neurorig_protocols.benchmarks.qubo_terms import Terms


def to_binary(spins: Terms) -> Terms:
    """Return the same function of binary variables.

    h s = 2h x − h and J s t = 4J x y − 2J x − 2J y + J; a pair of one index is linear.
    """
    m, e = spins.coefficients.mantissa, spins.coefficients.exponent
    linear = spins.i == spins.j
    pairs = ~linear
    i = np.concatenate([spins.i, spins.i[pairs], spins.j[pairs]])
    j = np.concatenate([spins.j, spins.i[pairs], spins.j[pairs]])
    mantissa = np.concatenate([np.where(linear, 2, 4) * m, -2 * m[pairs], -2 * m[pairs]])
    exponent = np.concatenate([e, e[pairs], e[pairs]])
    offset = spins.offset + total(Decimals(np.where(linear, -m, m), e))
    return Terms(spins.n, i, j, Decimals(mantissa, exponent), offset=offset, maximise=spins.maximise, error=spins.error)
