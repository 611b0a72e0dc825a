"""Questions about a graph: the optimum of each QUBO is the answer to its question."""

from __future__ import annotations

from fractions import Fraction
from itertools import combinations, product

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from neurorig_protocols.errors import InvalidProblem
from neurorig_protocols.workloads.qubo import graph_problems
from neurorig_protocols.workloads.qubo.coefficients import build, read_numbers
from neurorig_protocols.workloads.qubo.graph_problems import PROBLEMS, Graph
from neurorig_protocols.workloads.qubo.mis import instance
from neurorig_protocols.workloads.qubo.problem import Problem
from neurorig_protocols.workloads.qubo.problem_file import to_bytes


def graph(n: int, edges: list[tuple[int, int]], weights: list[str] | None = None) -> Graph:
    """A graph of these edges."""
    u, v = (np.array([edge[k] for edge in edges], np.int64) for k in (0, 1))
    return Graph(n, u, v, read_numbers(weights or ["1"] * len(edges)), tuple(map(str, range(n))))


@st.composite
def graphs(draw: st.DrawFn) -> Graph:
    """A small graph, with weights of either sign."""
    n = draw(st.integers(1, 6))
    edges = draw(st.lists(st.sampled_from([*combinations(range(n), 2)]), unique=True)) if n > 1 else []
    weights = draw(st.lists(st.sampled_from(["1", "-1", "2.5"]), min_size=len(edges), max_size=len(edges)))
    return graph(n, sorted(edges), weights)


def optimum(problem: Problem) -> Fraction:
    """The value of the best solution."""
    costs = [problem.cost(np.array(x)) for x in product((0, 1), repeat=problem.n)]
    return problem.value(min(costs))


def answers(asked: Graph) -> dict[str, Fraction]:
    """The answers by going through all sets of vertices, without any QUBO."""
    edges = [*zip(asked.u.tolist(), asked.v.tolist(), strict=True)]
    sets = [frozenset(np.flatnonzero(x).tolist()) for x in product((0, 1), repeat=asked.n)]
    weights = [
        int(m) * Fraction(10) ** int(e) for m, e in zip(asked.weights.mantissa, asked.weights.exponent, strict=True)
    ]
    return {
        "mis": -Fraction(max(len(s) for s in sets if not any({u, v} <= s for u, v in edges))),
        "vertex-cover": Fraction(min(len(s) for s in sets if all({u, v} & s for u, v in edges))),
        "clique": -Fraction(max(len(s) for s in sets if all(pair in edges for pair in combinations(sorted(s), 2)))),
        "maxcut": max(
            sum((w for (u, v), w in zip(edges, weights, strict=True) if (u in s) != (v in s)), Fraction(0))
            for s in sets
        ),
    }


@given(graphs(), st.sampled_from([*PROBLEMS]))
def test_the_optimum_answers_the_question(asked: Graph, problem: str) -> None:
    """Sizes of sets and weights of cuts, by value."""
    assert optimum(build(PROBLEMS[problem](asked))) == answers(asked)[problem]


def test_the_independent_set_is_the_benchmarks_own_problem() -> None:
    """The same graph by NeuroBench's rule has the same bytes."""
    drawn = instance(25, 0.25, 1)

    made = build(graph_problems.independent_set(25, drawn.rows, drawn.cols))

    assert to_bytes(made) == to_bytes(drawn)


def test_a_cover_is_what_an_independent_set_leaves() -> None:
    """For every set of vertices, whether it is a cover or not."""
    asked = graph(5, [(0, 1), (0, 2), (1, 2), (3, 4)])
    sets, covers = (build(PROBLEMS[name](asked)) for name in ("mis", "vertex-cover"))

    for x in product((0, 1), repeat=5):
        bits = np.array(x)
        assert covers.value(covers.cost(1 - bits)) == 5 + sets.value(sets.cost(bits))


def test_a_complement_beyond_every_limit_is_refused() -> None:
    """A sparse graph of many vertices has a complement that nobody can hold."""
    with pytest.raises(InvalidProblem, match="complement") as refused:
        PROBLEMS["clique"](graph(10_000, [(0, 1)]))

    assert refused.value.detail["reason"] == "too_large"
