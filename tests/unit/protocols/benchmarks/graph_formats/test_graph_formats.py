"""Graphs as networkx writes them, and as other people do; what is wrong with one is said with its line."""

from __future__ import annotations

import contextlib
import io
from collections.abc import Callable

import networkx as nx
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from neurorig_protocols.errors import InvalidProblem
from neurorig_protocols.workloads.qubo.graph_problems import Graph
from neurorig_protocols.workloads.qubo.graphs import GRAPH_FORMATS, read_graph

Edges = set[tuple[int, int, float]]


@st.composite
def graphs(draw: st.DrawFn) -> nx.Graph:
    """A graph of 1 to 70 vertices, because sizes above 62 are written in another way."""
    n = draw(st.one_of(st.integers(1, 8), st.integers(60, 70)))
    drawn = nx.gnm_random_graph(n, draw(st.integers(0, 3 * n)), seed=draw(st.integers(0, 99)))
    for k, (u, v) in enumerate(drawn.edges):
        drawn.edges[u, v]["weight"] = (k % 5 - 2) or 3
    return drawn


def written(write: Callable[..., None], graph: nx.Graph, **how: object) -> bytes:
    """What a writer of networkx writes."""
    out = io.BytesIO()
    write(graph, out, **how)
    return out.getvalue()


def metis(graph: nx.Graph, *, weighted: bool) -> bytes:
    """A METIS file, by its definition."""
    rows = [
        " ".join(f"{v + 1} {graph.edges[u, v]['weight']}" if weighted else str(v + 1) for v in graph[u]) for u in graph
    ]
    head = f"% a comment\n{len(graph)} {graph.number_of_edges()}{' 001' if weighted else ''}\n"
    return (head + "".join(f"{row}\n" for row in rows)).encode()


def rudy(graph: nx.Graph) -> bytes:
    """A rudy file, by its definition."""
    rows = [f"{u + 1} {v + 1} {w}\n" for u, v, w in graph.edges(data="weight")]
    return f"{len(graph)} {len(rows)}\n{''.join(rows)}".encode()


def dimacs(graph: nx.Graph) -> bytes:
    """A DIMACS file that lists every edge in both directions."""
    rows = [f"e {u + 1} {v + 1}\ne {v + 1} {u + 1}\n" for u, v in graph.edges]
    return f"c x\np edge {len(graph)} {len(rows)}\n{''.join(rows)}".encode()


def matrix(graph: nx.Graph) -> bytes:
    """An adjacency matrix as a Matrix Market file, with a 0 that is no edge."""
    rows = [f"{max(u, v) + 1} {min(u, v) + 1} {w}\n" for u, v, w in graph.edges(data="weight")]
    head = f"%%MatrixMarket matrix coordinate integer symmetric\n{len(graph)} {len(graph)} {len(rows) + 1}\n"
    return (head + "".join(rows) + "1 1 0\n").encode()


def found(graph: Graph) -> Edges:
    """The edges with their weights."""
    weights = graph.weights.mantissa * 10.0**graph.weights.exponent
    return {*zip(graph.u.tolist(), graph.v.tolist(), weights.tolist(), strict=True)}


def meant(graph: nx.Graph, *, weighted: bool) -> Edges:
    """The edges that were written."""
    return {(min(u, v), max(u, v), float(w) if weighted else 1.0) for u, v, w in graph.edges(data="weight")}


@given(graphs())
def test_every_writers_file_is_the_same_graph(graph: nx.Graph) -> None:
    """By networkx where it has a writer; vertices keep their order, and isolated ones stay."""
    files = [
        ("graph6", None, written(nx.write_graph6, graph), False),
        ("graph6", "graph6", written(nx.write_graph6, graph, header=False), False),
        ("sparse6", None, written(nx.write_sparse6, graph), False),
        ("sparse6", "sparse6", written(nx.write_sparse6, graph, header=False), False),
        ("metis", "metis", metis(graph, weighted=False), False),
        ("metis", "metis", metis(graph, weighted=True), True),
        ("gset", "gset", rudy(graph), True),
        ("dimacs", None, dimacs(graph), False),
        ("matrix-market", None, matrix(graph), True),
    ]
    for name, form, data, weighted in files:
        read = read_graph(data, form=form)
        assert (name, read.n, found(read)) == (name, len(graph), meant(graph, weighted=weighted))


@given(graphs(), st.booleans())
def test_an_edge_list_has_the_vertices_that_it_names(graph: nx.Graph, weighted: bool) -> None:
    """Numbers in ascending order, whatever the order of the lines; weights where they are."""
    connected = graph.subgraph(v for v in graph if graph.degree(v))
    if not connected.edges:
        return
    if weighted:
        data = written(nx.write_weighted_edgelist, connected)
    else:
        data = written(nx.write_edgelist, connected, data=False)

    read = read_graph(data, form="edge-list")

    numbers = {v: k for k, v in enumerate(sorted(connected))}
    assert read.labels == tuple(map(str, sorted(connected)))
    assert found(read) == meant(nx.relabel_nodes(connected, numbers), weighted=weighted)


def test_names_keep_their_order_and_tables_may_have_commas() -> None:
    """Names are taken as they come."""
    read = read_graph(b"# friends\nada,bob,2\nbob,cyd,0.5\n", form="edge-list")

    assert read.labels == ("ada", "bob", "cyd")
    assert found(read) == {(0, 1, 2.0), (1, 2, 0.5)}
    assert read.weighted


def test_an_edge_that_stands_twice_with_one_weight_is_one_edge() -> None:
    """Lists with both directions are common."""
    assert found(read_graph(b"1 2 5\n2 1 5.0\n", form="edge-list")) == {(0, 1, 5.0)}


@pytest.mark.parametrize(
    ("form", "data", "reason", "line"),
    [
        (None, b"1 2\n", "ambiguous", 1),
        (None, b"\x1f\x8b\x08", "format", None),
        (None, b'<?xml version="1.0"?>', "format", None),
        ("gml", b"1 2\n", "format", None),
        ("edge-list", b"# nothing\n", "empty", None),
        ("edge-list", b"1 1\n", "loop", 1),
        ("edge-list", b"1 2\n3\n", "syntax", 2),
        ("edge-list", b"1 2\n2 01\n", "syntax", 2),
        ("edge-list", b"1 2\n2 3 1\n", "syntax", 2),
        ("edge-list", b"1 2 {'weight': 3}\n", "syntax", 1),
        ("edge-list", b"source,target\n1,2\n", "syntax", 1),
        ("edge-list", b"1 2 3\n2 1 4\n", "duplicate", 2),
        ("edge-list", b"1 2 nan\n", "not_finite", 1),
        ("edge-list", b"1 " + b"2" * 61, "syntax", 1),
        ("metis", b"2\n", "header", 1),
        ("metis", b"2 1 11\n1 2 1\n1 1 1\n", "header", 1),
        ("metis", b"2 1 1\n2\n1 1\n", "syntax", 2),
        ("metis", b"2 1\n2\n\n", "asymmetric", 2),
        ("metis", b"2 1\n2\n", "truncated", 2),
        ("metis", b"2 2\n2\n1\n", "truncated", 3),
        ("metis", b"2 1\n2\n1\n1\n", "count_mismatch", 4),
        ("metis", b"2 1\n3\n1\n", "index_out_of_range", 2),
        ("metis", b"999999999 1\n", "too_large", None),
        ("graph6", b"A_\nA_\n", "header", 2),
        ("graph6", b"A!", "syntax", 1),
        ("graph6", b"~~", "truncated", 1),
        ("graph6", b"~~~~~~~~", "too_large", None),
        ("graph6", b"D", "truncated", 1),
        ("graph6", b"A__", "count_mismatch", 1),
        ("graph6", b"?", "empty", None),
        ("sparse6", b"A_", "header", 1),
        ("sparse6", b":~~~~~~~~", "too_large", None),
        ("gset", b"2 1\n1 2 1\n2 1 1\n", "count_mismatch", 3),
        ("matrix-market", b"%%MatrixMarket matrix coordinate pattern symmetric\n2 2 1\n1 1\n", "loop", 3),
    ],
)
def test_what_is_wrong_with_a_graph_is_said(form: str | None, data: bytes, reason: str, line: int | None) -> None:
    """The reason is a stable word, the place is where a person should look."""
    with pytest.raises(InvalidProblem) as refused:
        read_graph(data, form=form)

    assert (refused.value.detail["reason"], refused.value.where) == (reason, line and f"line {line}")


@pytest.mark.parametrize("form", [*GRAPH_FORMATS, None])
@given(
    words=st.lists(
        st.sampled_from(["0", "1", "2", "3", "-1", "1.5", "e", "p edge", ":", "~", "A_", "\n", "\n", "%", "nan", "x"]),
        max_size=20,
    )
)
def test_any_text_is_a_graph_or_refused(form: str | None, words: list[str]) -> None:
    """Nothing else is raised, and a graph that comes out is sound."""
    with contextlib.suppress(InvalidProblem):
        read = read_graph(" ".join(words).encode(), form=form)
        assert bool((read.u < read.v).all())
        assert bool((np.diff(read.u * read.n + read.v) > 0).all())
        assert len(read.labels) == read.n
