"""A comment that states a constant, a sense or a vartype is honoured or refused, never skipped."""

from __future__ import annotations

import json
from decimal import Decimal
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
        ("coo", "# vartype=BINARY\r# offset=2.5\r0 1 1\r", {}),
        ("coo", "# Variable type: binary\n0 1 1\n# energy_offset = 2.5", {}),
        ("coo", "# vartype = BINARY, constant term := 2.5\n0 1 1\n", {}),
        ("coo", "\u00a0 # (offset=2.5)\n0 1 1\n", {"vartype": "binary"}),
        ("qbsolv", "c constant 2.5\np qubo 0 2 0 1\n0 1 1\n", {}),
        ("qbsolv", "constant 2.5\np qubo 0 2 0 1\n0 1 1\n", {}),
        ("qbsolv", "c offset is 2.50\np qubo 0 2 0 1\n0 1 1\n", {}),
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
        ("dimacs", "p edge 2 1\nx offset 3\ne 1 2\n", {}, 2),
        ("coo", "# vartype=BINARY\r\n0 1 1\r\n# offset=1/3\r\n", {}, 3),
        ("coo", "# vartype=BINARY\n# offset=1e400\n0 1 1\n", {}, 2),
        ("coo", "# vartype=BINARY\n# offset: nan\n0 1 1\n", {}, 2),
        ("coo", "# vartype=BINARY\n# constant 3 in the paper\n0 1 1\n", {}, 2),
        ("coo", "# vartype=BINARY\n\n# Maximize: the sum\n0 1 1\n", {}, 3),
        ("qbsolv", "c spin\np qubo 0 2 0 1\n0 1 1\n", {}, 1),
        ("qbsolv", "c type: Ising\np qubo 0 2 0 1\n0 1 1\n", {}, 1),
        ("qbsolv", "c vartype=qubits\np qubo 0 2 0 1\n0 1 1\n", {}, 1),
        ("dense", "0 1\n1 0\n# scaling factor = 10\n", {}, 3),
        ("dense", "# minimize=false\n0 1\n1 0\n", {}, 1),
        ("matrix-market", "%%MatrixMarket matrix coordinate real symmetric\n% maximize\n2 2 1\n2 1 1\n", {}, 2),
        ("matrix-market", "%%MatrixMarket matrix coordinate real symmetric\n% integer\n2 2 1\n2 1 1\n", {}, 2),
        ("qplib", "x\nQBN\nminimize\n2\n1\n2 1 1\n0\n0\n2.5 # constant=3\n", {}, 9),
        ("qplib", "x\nQBN\nminimize\n2\n1\n2 1 1\n0\n0\n2.5 scale: 2\n", {}, 9),
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


def test_vertex_weights_of_a_graph_are_not_skipped() -> None:
    """A line `n` that holds more or less than a vertex and its weight is refused."""
    for line in ("n 1", "n 1 1 7"):
        found = refusal(f"p edge 2 1\n{line}\ne 1 2\n", "dimacs")

        assert (found.detail["reason"], found.where) == ("syntax", "line 2")


MODEL = {
    "version": {"bqm_schema": "3.0.0"}, "use_bytes": False, "variable_type": "BINARY", "num_variables": 1,
    "num_interactions": 0, "variable_labels": ["a"], "linear_biases": [1], "quadratic_biases": [],
    "quadratic_head": [], "quadratic_tail": [], "offset": 5,
}  # fmt: skip
TERMS = {
    "version": "1.0.0", "variable_domain": "boolean", "variable_ids": [0], "scale": 2, "offset": 5,
    "linear_terms": [{"id": 0, "coeff": 1}], "quadratic_terms": [],
}  # fmt: skip


@pytest.mark.parametrize(("model", "form"), [(MODEL, "bqm-json"), (TERMS, "bqpjson")])
@pytest.mark.parametrize(
    "member",
    [
        {"constant": 3}, {"Offset": 3}, {"scale_factor": 0.5}, {"sense": "max"}, {"maximize": True},
        {"minimize": False}, {"vartype": "SPIN"}, {"info": {"offset": 3}}, {"metadata": {"energy_offset": "x"}},
    ],
)  # fmt: skip
def test_foreign_members_of_json_are_refused(model: dict[str, object], form: str, member: dict[str, object]) -> None:
    """A member that would change the value and is not part of the format is not skipped; its line is named."""
    found = refusal(json.dumps({**model, **member}), form)

    assert (found.detail["reason"], found.where) == ("statement", "line 1")


@pytest.mark.parametrize(("model", "form"), [(MODEL, "bqm-json"), (TERMS, "bqpjson")])
@pytest.mark.parametrize(
    "member",
    [
        {"constant": 0}, {"sense": "min"}, {"maximize": False}, {"minimize": True}, {"note": {"offset": 3}},
        {"info": {"offset": 5, "author": "x"}}, {"metadata": "offset=3"}, {"description": "the offset is 3"},
    ],
)  # fmt: skip
def test_members_that_change_nothing_pass(model: dict[str, object], form: str, member: dict[str, object]) -> None:
    """Members that agree with the format, and notes of any kind, leave the problem as it is."""
    assert problem(json.dumps({**model, **member}), form).offset == problem(json.dumps(model), form).offset


def test_a_foreign_member_names_its_line() -> None:
    """The line is that of the member, not of a note or a value that has the same text."""
    text = json.dumps({**MODEL, "variable_labels": ["constant"], "constant": 3}, indent=0)
    line = next(k for k, row in enumerate(text.splitlines(), 1) if row.startswith('"constant":'))

    assert refusal(text, "bqm-json").where == f"line {line}"


def test_a_term_with_an_unknown_member_is_refused() -> None:
    """A scale of a single term is not passed over."""
    terms = {**TERMS, "linear_terms": [{"id": 0, "coeff": 1, "scale": 3}]}

    assert refusal(json.dumps(terms), "bqpjson").detail["reason"] == "syntax"


@pytest.mark.parametrize(
    "comment",
    [
        "a file of mine",
        "offset",
        "the offset: see the paper",
        "scale=1",
        "sense=min",
        "vartype=binary",
        "x.offset=3",
        "constant 3-regular graph",
        "variables: 10",
        "objective: 12",
        "type: random",
        "offset:",
        "written for minimize and maximize",
    ],
)
def test_prose_and_statements_that_agree_pass(comment: str) -> None:
    """What says nothing, or what is so anyway, changes nothing."""
    assert problem(f"c {comment}\np qubo 0 2 0 1\n0 1 1\n", "qbsolv").offset == "0"


NUMBERS = st.decimals(min_value=-1000, max_value=1000, places=3)
SHAPES = {
    "coo": "# vartype=BINARY\n# {0}\n0 1 2\n",
    "qbsolv": "c {0}\np qubo 0 2 0 1\n0 1 2\n",
    "dense": "0 1\n# {0}\n1 0\n",
    "matrix-market": "%%MatrixMarket matrix coordinate real symmetric\n2 2 1\n% {0}\n2 1 1\n",
}


@given(
    st.sampled_from(sorted(SHAPES)),
    NUMBERS,
    st.sampled_from(["offset={}", "Constant: {}", "constant term = {}", "offset {}", "made by x, energy_offset={};"]),
    st.sampled_from(["\n", "\r\n", "\r"]),
)
def test_any_constant_survives(form: str, constant: Decimal, statement: str, end: str) -> None:
    """The constant of the problem is the number that a comment states, exactly, in every format with comments."""
    found = problem(SHAPES[form].format(statement.format(constant)).replace("\n", end), form)

    assert Fraction(found.offset) == Fraction(str(constant))
    assert found.value(found.cost(np.array([1, 1]))) == 2 + Fraction(str(constant))


WORDS = ["offset", "constant", "scale", "sense", "vartype", "=", ":", "3", "-1.5", "0", "1", "1/3", "nan", "max", "min",
         "SPIN", "BINARY", "is", "the", "term", "graph", "maximize", "#", "%", "c", ",", "(", ")", "\t"]  # fmt: skip


@given(st.sampled_from(sorted(SHAPES)), st.lists(st.sampled_from(WORDS), max_size=8), st.sampled_from(["", " "]))
def test_no_comment_changes_a_problem_in_silence(form: str, words: list[str], gap: str) -> None:
    """Any comment is refused as a statement, or adds the constant that it names, or leaves the problem alone."""
    data = SHAPES[form].format(gap.join(words)).encode()
    try:
        found = read(data, form=form).problem
    except InvalidProblem as error:
        found, reason = None, error.detail["reason"]

    if found is None:
        assert reason in ("statement", "header")
    else:
        assert found.value(found.cost(np.array([1, 1]))) == 2 + Fraction(found.offset)
        assert found.offset == "0" or "offset" in words or "constant" in words
