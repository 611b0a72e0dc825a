"""The coordinate list of dimod: minimise Σ a_i s_i + Σ c_ij s_i s_j, s binary or spin.

    # vartype=BINARY
    i i a
    i j c          i, j from 0; n is the greatest index + 1

The coefficient c stands for the pair. Entries of the same pair are added up, as dimod does. Without the first line the
caller says whether the variables are binary or spins, as dimod demands it too.
"""

from __future__ import annotations

import re

from neurorig_protocols.benchmarks.qubo import MAX_N
from neurorig_protocols.benchmarks.qubo_formats.entries import Collector
from neurorig_protocols.benchmarks.qubo_formats.options import Options, Vartype, fixed
from neurorig_protocols.benchmarks.qubo_formats.source import lines, refuse
from neurorig_protocols.benchmarks.qubo_formats.spins import to_binary
from neurorig_protocols.benchmarks.qubo_terms import Terms

NAME = "coo"

HEADER = re.compile(r"^[ \t]*#.*?vartype[:=][ \t]*(\w+)", re.MULTILINE | re.ASCII)


def read(text: str, options: Options) -> Terms:
    """Return the terms of a file."""
    fixed(Options(sense=options.sense), NAME)
    entries = Collector(base=0, n=MAX_N)
    for line, words in lines(text, ("#",)):
        if len(words) != 3:
            refuse(line, f"'i j value' is due, there are {len(words)} words", "syntax")
        entries.add(line, *words)
    listed = entries.done()
    n = 1 + max(int(listed.i.max(initial=-1)), int(listed.j.max(initial=-1)))
    terms = Terms(n, listed.i, listed.j, listed.values, error=listed.values.error)
    return to_binary(terms) if _vartype(text, options.vartype) == "spin" else terms


def _vartype(text: str, stated: Vartype | None) -> Vartype:
    said = {word.lower() for word in HEADER.findall(text)}
    if said - {"binary", "spin"} or len(said) > 1:
        refuse(None, f"the header's vartype is not one of BINARY and SPIN: {', '.join(sorted(said))[:60]}", "header")
    if stated is not None and said - {stated}:
        refuse(None, f"the header says another vartype than '{stated}'", "option")
    if stated is None and not said:
        refuse(
            None,
            "this coordinate list does not say whether its variables are binary or spins",
            "vartype",
            next_step="State the vartype, binary or spin; dimod writes it with vartype_header=True.",
        )
    return "spin" if "spin" in said or stated == "spin" else "binary"
