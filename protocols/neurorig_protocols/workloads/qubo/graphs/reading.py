"""Reads a graph in a named format or in the one that its content determines."""

from __future__ import annotations

from collections.abc import Callable

from neurorig_protocols.errors import InvalidProblem
from neurorig_protocols.workloads.qubo.formats import graph_files, matrix_market
from neurorig_protocols.workloads.qubo.formats.reading import refuse_strangers
from neurorig_protocols.workloads.qubo.formats.text_source import decode, lines, listed, refuse
from neurorig_protocols.workloads.qubo.graph_problems import Graph
from neurorig_protocols.workloads.qubo.graphs import graph6, text_lists
from neurorig_protocols.workloads.qubo.graphs.edges import graph_of

GRAPH_FORMATS: dict[str, Callable[[str], Graph]] = {
    graph_files.DIMACS: lambda text: graph_of(*graph_files.dimacs_edges(text)),
    graph_files.RUDY: lambda text: graph_of(*graph_files.rudy_edges(text)),
    matrix_market.NAME: lambda text: graph_of(*matrix_market.edges(text)),
    text_lists.METIS: text_lists.read_metis,
    text_lists.EDGE_LIST: text_lists.read_edge_list,
    graph6.GRAPH6: graph6.read_graph6,
    graph6.SPARSE6: graph6.read_sparse6,
}
"""Readers by the name of the format."""


def read_graph(data: bytes, *, form: str | None = None) -> Graph:
    """Read a graph; without `form` the content must say what it is. Raises InvalidProblem as `qubo_formats` does."""
    refuse_strangers(data)
    text = decode(data)
    chosen = form or sniff(text)
    if chosen not in GRAPH_FORMATS:
        refuse(None, f"there is no graph format '{chosen[:40]}'; there are {listed(GRAPH_FORMATS)}", "format")
    return GRAPH_FORMATS[chosen](text)


def sniff(text: str) -> str:
    """Return the name of the one format that a text can be; reason: ambiguous."""
    if text.startswith(matrix_market.BANNER):
        return matrix_market.NAME
    for name, header in graph6.HEADERS.items():
        if text.startswith(header):
            return name
    line, words = next(lines(text, ("c", "C", "#", "%")), (1, []))
    if words[0:1] == ["p"]:
        return graph_files.DIMACS
    candidates = {1: ("graph6", "sparse6"), 2: ("edge-list", "gset", "metis"), 3: ("edge-list", "metis")}
    raise InvalidProblem(
        "the content does not say which graph format this is; it could be "
        f"{listed(candidates.get(len(words), GRAPH_FORMATS))}",
        where=f"line {line}",
        next_step="State the format: an edge list has 'u v' on every line, gset and metis begin with 'n m'.",
        reason="ambiguous",
    )
