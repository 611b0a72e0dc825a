"""An edge list: one edge on a line, as networkx and most collections of graphs write it.

    # a comment            also %
    u v                    or `u v weight`; commas may stand for blanks

Either every line has a weight or none has. Vertices are whole numbers, put in ascending order, or names, in the order
in which they come. There are as many vertices as are named: one without an edge cannot be in such a list.
"""

from __future__ import annotations

import itertools
from collections.abc import Iterator

from neurorig_protocols.benchmarks.graph_formats.edges import graph_of
from neurorig_protocols.benchmarks.graph_problems import Graph
from neurorig_protocols.benchmarks.qubo import MAX_N
from neurorig_protocols.benchmarks.qubo_formats.entries import Collector
from neurorig_protocols.benchmarks.qubo_formats.source import lines, refuse

NAME = "edge-list"

_LONGEST_NAME = 60


def read(text: str) -> Graph:
    """Return the graph of a file."""
    found = list(_edges(text))
    labels = _labels(found)
    number = {label: str(k) for k, label in enumerate(labels)}
    entries = Collector(base=0, n=len(labels))
    for line, u, v, weight in found:
        entries.add(line, number[u], number[v], weight)
    return graph_of(len(labels), entries.done(), labels)


def _edges(text: str) -> Iterator[tuple[int, str, str, str]]:
    width = 0
    for line, words in lines(text.replace(",", " "), ("#", "%")):
        plain = words[:2] if words[2:] == ["{}"] else words
        if any(word.startswith("{") for word in plain):
            refuse(
                line,
                "the data of an edge, '{…}', is not read",
                "syntax",
                next_step="Write 'u v', networkx.write_edgelist(data=False), or 'u v weight', write_weighted_edgelist.",
            )
        if len(plain) not in (2, 3):
            refuse(line, f"'u v' or 'u v weight' is due, there are {len(plain)} words", "syntax")
        if width and len(plain) != width:
            refuse(line, "some lines have a weight and some have none", "syntax")
        width = len(plain)
        u, v, weight = (*plain, "1")[:3]
        if max(len(u), len(v)) > _LONGEST_NAME:
            refuse(line, f"the name of a vertex has more than {_LONGEST_NAME} characters", "syntax")
        yield line, u, v, weight


def _labels(edges: list[tuple[int, str, str, str]]) -> list[str]:
    seen: dict[str, int] = {}
    for line, u, v, _ in edges:
        seen.setdefault(u, line)
        seen.setdefault(v, line)
    if not seen:
        refuse(None, "the list has no edge", "empty")
    if len(seen) > MAX_N:
        refuse(None, f"the graph has {len(seen)} vertices, the limit is {MAX_N}", "too_large")
    names = [name for name in seen if not (name.isascii() and name.isdigit())]
    if not names:
        return _ascending(seen)
    if len(names) < len(seen):
        # The heading of a table, `source,target`, would else be an edge.
        refuse(seen[names[0]], f"'{names[0]}' is no number, and other vertices are numbers", "syntax")
    return names


def _ascending(seen: dict[str, int]) -> list[str]:
    """Return whole numbers in order; 1 and 01 could be one vertex or two."""
    ordered = sorted(seen, key=int)
    for before, after in itertools.pairwise(ordered):
        if int(before) == int(after):
            line = max(seen[before], seen[after])
            refuse(line, f"'{before}' and '{after}' are one number, written in two ways", "syntax")
    return ordered
