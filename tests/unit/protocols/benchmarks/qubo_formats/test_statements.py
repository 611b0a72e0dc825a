"""A comment that states a constant, a sense or a vartype is honoured or refused, never skipped."""

from __future__ import annotations

import json
from fractions import Fraction

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from neurorig_protocols.errors import InvalidProblem
from neurorig_protocols.workloads.qubo.formats import Options, read
from neurorig_protocols.workloads.qubo.graphs import read_graph
from neurorig_protocols.workloads.qubo.problem import Problem

TRIANGLE = "0 1 1\n1 2 1\n0 2 1\n"


def problem(text: str, form: str, **options: str) -> Problem:
    """Read a problem with options as text."""
    return read(text.encode(), form=form, options=Options.of(options), name="x").problem


def refusal(text: str, form: str, **options: str) -> InvalidProblem:
    """Return why a problem is refused."""
    with pytest.raises(InvalidProblem) as caught:
        problem(text, form, **options)
    return caught.value


def test_the_offset_of_a_coordinate_list_is_honoured() -> None:
    """Spins with unit couplings and an offset of 42: the value of the ground state, 41, is that of its writer."""
    found = problem(f"# vartype=SPIN\n# offset=42\n{TRIANGLE}", "coo")
    costs = [found.cost(np.array([k >> 2 & 1, k >> 1 & 1, k & 1])) for k in range(8)]

    assert (found.scale, found.offset) == ("1", "45")
    assert found.value(min(costs)) == 41


@pytest.mark.parametrize(
    ("form", "text", "options"),
    [
        ("coo", "# vartype=BINARY offset: 2.5\n0 1 1\n", {}),
        ("qbsolv", "c offset=2.5\np qubo 0 2 0 1\n0 1 1\n", {}),
        ("qbsolv", "p qubo 0 2 0 1\nc constant = 2.5\n0 1 1\n", {}),
        ("dense", "# offset=2.5\n0 0.5\n0.5 0\n", {}),
        ("matrix-market", "%%MatrixMarket matrix coordinate real symmetric\n% offset=2.5\n2 2 1\n2 1 0.5\n", {}),
        ("qplib", "x\nQBN\nminimize\n2\n1\n2 1 1\n0\n0\n2.5 # constant=2.5\n", {}),
    ],
)
def test_a_stated_constant_is_part_of_the_value(form: str, text: str, options: dict[str, str]) -> None:
    """X = (1, 1) costs 1, and the constant is added, whatever the format."""
    found = problem(text, form, **options)

    assert found.value(found.cost(np.array([1, 1]))) == Fraction(7, 2)


@pytest.mark.parametrize(
    ("form", "text", "options", "line"),
    [
        ("coo", "# vartype=BINARY\n# offset=1\n# offset=2\n0 1 1\n", {}, 3),
        ("coo", "# vartype=BINARY\n0 1 1\n# scale=0.5\n", {}, 3),
        ("coo", "# vartype=BINARY\n# sense=max\n0 1 1\n", {}, 2),
        ("qbsolv", "c vartype=SPIN\np qubo 0 2 0 1\n0 1 1\n", {}, 1),
        ("dense", "# sense: maximize\n0 1\n1 0\n", {}, 1),
        ("dense", "# sense: minimize\n0 1\n1 0\n", {"sense": "max"}, 1),
        ("matrix-market", "%%MatrixMarket matrix coordinate real symmetric\n% vartype=SPIN\n2 2 1\n2 1 1\n", {}, 2),
        ("qplib", "x\n# offset=3\nQBN\nminimize\n2\n1\n2 1 1\n0\n0\n2.5\n", {}, 2),
        ("dimacs", "c offset=3\np edge 2 1\ne 1 2\n", {}, 1),
    ],
)
def test_a_statement_that_is_not_honoured_is_refused(form: str, text: str, options: dict[str, str], line: int) -> None:
    """The refusal has a stable reason and names the line."""
    found = refusal(text, form, **options)

    assert (found.detail["reason"], found.where) == ("statement", f"line {line}")


@pytest.mark.parametrize(("text", "form"), [("# offset=3\n1 2\n", "edge-list"), ("% constant=1\n2 1\n2\n1\n", "metis")])
def test_a_graph_has_no_constant(text: str, form: str) -> None:
    """Files of graphs have no value to which a constant could be added."""
    with pytest.raises(InvalidProblem) as caught:
        read_graph(text.encode(), form=form)

    assert (caught.value.detail["reason"], caught.value.where) == ("statement", "line 1")


@pytest.mark.parametrize("member", ["constant", "scale", "sense"])
def test_foreign_members_of_json_are_refused(member: str) -> None:
    """A member that would change the value and is not part of the format is not skipped."""
    model = {
        "version": {"bqm_schema": "3.0.0"}, "use_bytes": False, "variable_type": "BINARY", "num_variables": 1,
        "num_interactions": 0, "variable_labels": ["a"], "linear_biases": [1], "quadratic_biases": [],
        "quadratic_head": [], "quadratic_tail": [], "offset": 0,
    }  # fmt: skip
    assert problem(json.dumps(model), "bqm-json").n == 1

    assert refusal(json.dumps({**model, member: 3}), "bqm-json").detail["reason"] == "statement"


@pytest.mark.parametrize(
    "comment",
    ["a file of mine", "offset", "the offset: see the paper", "scale=1", "sense=min", "vartype=binary", "x.offset=3"],
)
def test_prose_and_statements_that_agree_pass(comment: str) -> None:
    """What says nothing, or what is so anyway, changes nothing."""
    assert problem(f"c {comment}\np qubo 0 2 0 1\n0 1 1\n", "qbsolv").offset == "0"


@given(st.decimals(min_value=-1000, max_value=1000, places=3))
def test_any_constant_survives(constant: object) -> None:
    """The constant of the problem is the number that the comment states, exactly."""
    found = problem(f"# vartype=BINARY\n# offset={constant}\n0 1 1\n", "coo")

    assert Fraction(found.offset) == Fraction(str(constant))
