"""Max-Cut graphs in rudy's layout, as the Gset: maximise Σ w over the edges whose ends are on different sides.

    n m
    u v w          m lines, 1 <= u, v <= n

As a QUBO: minimise Σ w (2 x_u x_v − x_u − x_v), which is −cut; the scale is −1, so that values are cuts. An edge given
twice is refused, a loop too.
"""

from __future__ import annotations

import numpy as np

from neurorig_protocols.benchmarks.qubo_decimals import Decimals
from neurorig_protocols.benchmarks.qubo_formats.entries import Collector, require_count, require_once
from neurorig_protocols.benchmarks.qubo_formats.options import Options, fixed
from neurorig_protocols.benchmarks.qubo_formats.source import count, lines, refuse
from neurorig_protocols.benchmarks.qubo_terms import Terms, require_size

NAME = "gset"


def read(text: str, options: Options) -> Terms:
    """Return the terms of a file."""
    fixed(options, NAME, sense="max")
    found = lines(text)
    line, words = next(found)
    if len(words) != 2:
        refuse(line, "the first line must be 'n m'", "header")
    n, m = count(words[0], line, "vertices"), count(words[1], line, "edges")
    require_size(n, m)
    entries = Collector(base=1, n=n)
    for line, words in found:
        if len(words) != 3:
            refuse(line, f"'u v weight' is due, there are {len(words)} words", "syntax")
        entries.add(line, *words)
    require_count(entries.count, m, line, "edges")
    listed = entries.done()
    loops = np.flatnonzero(listed.i == listed.j)
    if len(loops):
        refuse(int(listed.line[loops[0]]), "a vertex has an edge to itself", "loop")
    require_once(listed, n)
    w, e = listed.values.mantissa, listed.values.exponent
    cut = Decimals(np.concatenate([w, w, -2 * w]), np.concatenate([e, e, e]))
    i = np.concatenate([listed.i, listed.j, listed.i])
    j = np.concatenate([listed.i, listed.j, listed.j])
    return Terms(n, i, j, cut, maximise=True, error=listed.values.error)
