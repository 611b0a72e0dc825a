"""Graphs as lists of text: edge lists, and METIS or Chaco neighbour lists."""

from __future__ import annotations

import io
import itertools
from collections.abc import Iterator

import numpy as np

from neurorig_protocols.workloads.qubo.coefficients import require_size
from neurorig_protocols.workloads.qubo.formats.statements import refuse_statements
from neurorig_protocols.workloads.qubo.formats.text_source import (
    Collector,
    Entries,
    count,
    lines,
    refuse,
    require_count,
    require_once,
)
from neurorig_protocols.workloads.qubo.graph_problems import Graph
from neurorig_protocols.workloads.qubo.graphs.edges import graph_of
from neurorig_protocols.workloads.qubo.problem import MAX_N

EDGE_LIST = "edge-list"

_LONGEST_NAME = 60


def read_edge_list(text: str) -> Graph:
    """Return the graph of a file."""
    refuse_statements(text, "#%")
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
        refuse(seen[names[0]], f"'{names[0]}' is not a number, and other vertices are numbers", "syntax")
    return names


def _ascending(seen: dict[str, int]) -> list[str]:
    """Return whole numbers in order; 1 and 01 could be one vertex or two."""
    ordered = sorted(seen, key=int)
    for before, after in itertools.pairwise(ordered):
        if int(before) == int(after):
            line = max(seen[before], seen[after])
            refuse(line, f"'{before}' and '{after}' are one number, written in two ways", "syntax")
    return ordered


METIS = "metis"


def read_metis(text: str) -> Graph:
    """Return the graph of a file."""
    refuse_statements(text, "%")
    found = _lines(text)
    n, m, step = _header(found)
    entries = Collector(base=1, n=n)
    line = vertex = 0
    for line, words in found:
        vertex += 1
        if vertex > n:
            if words:
                refuse(line, f"{n} vertices are announced, there are more lines", "count_mismatch")
            continue
        if len(words) % step:
            refuse(line, "a neighbour has no weight", "syntax")
        for neighbour, weight in zip(words[::step], words[1::2] if step == 2 else ["1"] * len(words), strict=True):
            entries.add(line, str(vertex), neighbour, weight)
    require_count(min(vertex, n), n, max(line, 1), "vertices")
    listed = entries.done()
    _require_both(listed, n)
    graph = graph_of(n, listed)
    require_count(len(graph.u), m, max(line, 1), "edges")
    return graph


def _lines(text: str) -> Iterator[tuple[int, list[str]]]:
    for number, line in enumerate(io.StringIO(text, newline=None), 1):
        if not line.startswith("%"):
            yield number, line.split()


def _header(found: Iterator[tuple[int, list[str]]]) -> tuple[int, int, int]:
    """Return n, m and how many words a neighbour has."""
    line, words = next(((line, words) for line, words in found if words), (1, []))
    if len(words) not in (2, 3):
        refuse(line, "the first line must be 'n m' or 'n m fmt'", "header")
    n, m = count(words[0], line, "vertices"), count(words[1], line, "edges")
    require_size(n, m)
    kind = words[2].lstrip("0") if len(words) == 3 else ""
    if kind not in ("", "1"):
        refuse(
            line,
            f"the kind '{words[2][:20]}' is not read: weights of vertices have no meaning here",
            "header",
            next_step="Write the graph without weights of vertices, fmt 0 or 1.",
        )
    return n, m, 2 if kind else 1


def _require_both(listed: Entries, n: int) -> None:
    require_once(listed, n, ordered=True)
    alone = np.flatnonzero(~np.isin(listed.i * n + listed.j, listed.j * n + listed.i))
    if len(alone):
        k = int(alone[0])
        u, v = int(listed.i[k]) + 1, int(listed.j[k]) + 1
        refuse(int(listed.line[k]), f"{v} is a neighbour of {u}, but {u} is none of {v}", "asymmetric")
