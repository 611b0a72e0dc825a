"""From a list of edges to a graph: loops and contradictions refused, an edge given again kept once."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from neurorig_protocols.workloads.qubo.coefficients import Decimals, require_size
from neurorig_protocols.workloads.qubo.formats.text_source import Entries, normal, refuse, refuse_loops
from neurorig_protocols.workloads.qubo.graph_problems import Graph


def graph_of(n: int, listed: Entries, labels: Sequence[str] | None = None) -> Graph:
    """Return the graph of n vertices; without labels they are called 1…n.

    An edge that stands there again, in either direction, must have the same weight. Reasons: loop, duplicate.
    """
    require_size(n)
    refuse_loops(listed)
    low, high = np.minimum(listed.i, listed.j), np.maximum(listed.i, listed.j)
    keys = low * n + high
    order = np.argsort(keys, kind="stable")
    first = np.r_[True, keys[order][1:] != keys[order][:-1]] if len(order) else np.zeros(0, bool)
    mantissa, exponent = normal(listed.values)
    same = order[np.maximum.accumulate(np.where(first, np.arange(len(order)), 0))]
    differs = np.flatnonzero((mantissa[order] != mantissa[same]) | (exponent[order] != exponent[same]))
    if len(differs):
        here, before = order[differs[0]], same[differs[0]]
        refuse(
            int(listed.line[here]),
            f"this edge stands with another weight in line {int(listed.line[before])}",
            "duplicate",
            next_step="Give each edge once.",
        )
    kept = order[first]
    weights = Decimals(mantissa, exponent, listed.values.error).take(kept)
    names = tuple(labels) if labels is not None else tuple(map(str, range(1, n + 1)))
    return Graph(n, low[kept], high[kept], weights, names)
