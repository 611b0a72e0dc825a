"""qbsolv's `.qubo`: minimise Σ d_i x_i + Σ c_ij x_i x_j.

    c a comment
    p qubo 0 maxNodes nNodes nCouplers
    i i d          nNodes lines, 0 <= i < maxNodes
    i j c          nCouplers lines, i < j

The coefficient c stands for the pair: it is Q[i, j] + Q[j, i]. A pair given twice is refused, nothing is added up.
"""

from __future__ import annotations

from collections.abc import Iterator

from neurorig_protocols.benchmarks.qubo_formats.entries import Collector, require_count, require_once
from neurorig_protocols.benchmarks.qubo_formats.options import Options, fixed
from neurorig_protocols.benchmarks.qubo_formats.source import count, lines, refuse
from neurorig_protocols.benchmarks.qubo_terms import Terms, require_size

NAME = "qbsolv"


def read(text: str, options: Options) -> Terms:
    """Return the terms of a file."""
    fixed(options, NAME)
    found = lines(text, ("c", "C"))
    n, nodes, couplers = _header(found)
    entries = Collector(base=0, n=n)
    line = loops = 0
    for line, words in found:
        if len(words) != 3:
            refuse(line, f"'i j value' is due, there are {len(words)} words", "syntax")
        loops += words[0] == words[1]
        entries.add(line, *words)
    require_count(loops, nodes, line, "nodes")
    require_count(entries.count - loops, couplers, line, "couplers")
    listed = entries.done()
    backwards = (listed.i > listed.j).nonzero()[0]
    if len(backwards):
        refuse(int(listed.line[backwards[0]]), "a coupler is given as 'i j value' with i < j", "syntax")
    require_once(listed, n)
    return Terms(n, listed.i, listed.j, listed.values, error=listed.values.error)


def _header(found: Iterator[tuple[int, list[str]]]) -> tuple[int, int, int]:
    line, words = next(found, (1, []))
    if len(words) != 6 or words[:2] != ["p", "qubo"]:
        refuse(line, "the first line must be 'p qubo 0 maxNodes nNodes nCouplers'", "header")
    if words[2] not in ("0", "unconstrained"):
        refuse(line, f"the topology '{words[2][:40]}' is not 0", "header")
    n, nodes, couplers = (
        count(word, line, what) for word, what in zip(words[3:], ("nodes", "nodes", "couplers"), strict=True)
    )
    require_size(n, nodes + couplers)
    return n, nodes, couplers
