"""Each text format: what it means, and what is refused with which line and reason."""

from __future__ import annotations

import re
from fractions import Fraction
from itertools import product
from pathlib import Path
from typing import Any, get_args

import numpy as np
import pytest

from neurorig_protocols.errors import InvalidProblem
from neurorig_protocols.workloads.qubo.formats import FORMATS, Options, read, text_source
from neurorig_protocols.workloads.qubo.formats.text_source import Reason
from neurorig_protocols.workloads.qubo.problem import Problem

QBSOLV = "c x\np qubo 0 3 2 1\n0 0 -1.5\n2 2 1\n0 2 3\n"
BQP = "3 3\n1 1 2\n1 3 -4\n2 2 1\n"
MATRIX = "%%MatrixMarket matrix coordinate real general\n% x\n2 2 4\n1 1 1\n1 2 0.5\n2 1 0.50\n2 2 -3e0\n"
LOWER = "%%MatrixMarket matrix coordinate integer symmetric\n3 3 2\n2 1 4\n3 3 -1\n"
PATTERN = "%%MatrixMarket matrix coordinate pattern symmetric\n2 2 2\n1 1\n2 1\n"
COO = "# vartype=BINARY\n0 0 -1\n0 1 1\n1 0 1\n1 2 -4.5\n"
SPINS = "# vartype=SPIN\n0 0 1\n0 1 -1\n"
GRAPH = "c x\np edge 3 2\ne 1 2\ne 3 2\n"
CUT = "3 2\n1 2 1\n2 3 -2.5\n"
PLAIN_CUT = "3 2\n1 2\n2 3\n"
ARRAY = "%%MatrixMarket matrix array real general\n% x\n2 2\n1\n0.5\n0.50\n-3e0\n"
LOWER_ARRAY = "%%MatrixMarket matrix array integer symmetric\n3 3\n0\n4\n0\n0\n0\n-1\n"
ROWS = "# x\n1.000000000000000000e+00 -5.0e-01\n-0.5 2\n"
TABLE = "1,-0.5\n-0.5,2\n"
QPLIB = """QPLIB_1 # a name
QBN
maximize
3 # variables
3 ! quadratic terms
1 1 5
2 1 -3
3 2 0.5
1.5 # default
1
2 -4
0.25 # constant
1e308 # infinity
0
"""
PAPER = """! example
MIPBAND   # problem name
QBN       # binary here
Minimize  # minimize the objective function
3         # variables
5         # nonzeros in lower triangle
1 1 2.0   5 lines row & column index & value
2 1 -1.0  |
2 2 2.0   |
3 2 -1.0  |
3 3 2.0   |
-0.2      default value for entries in b_0
1         # non default entries in b_0
2 -0.4    1 line of index & value
0.0       value of q^0
"""
"""The example of the format's own paper, whose objective is printed there, with binary variables."""


def values(problem: Problem) -> dict[tuple[int, ...], Fraction]:
    """The value of every solution, in the file's unit."""
    return {x: problem.value(problem.cost(np.array(x))) for x in product((0, 1), repeat=problem.n)}


def spin(x: int) -> int:
    """The spin of a bit."""
    return 2 * x - 1


@pytest.mark.parametrize(
    ("form", "text", "options", "function"),
    [
        ("qbsolv", QBSOLV, {}, lambda a, b, c: Fraction(-3, 2) * a + c + 3 * a * c + 0 * b),
        ("bqp", BQP, {"sense": "min"}, lambda a, b, c: 2 * a + b - 8 * a * c),
        ("bqp", BQP, {"sense": "max"}, lambda a, b, c: 2 * a + b - 8 * a * c),
        ("bqp", "2 3\n1 2 5\n2 1 5\n2 2 1\n", {"sense": "max"}, lambda a, b: 10 * a * b + b),
        ("matrix-market", MATRIX, {}, lambda a, b: a + a * b - 3 * b),
        ("matrix-market", MATRIX, {"sense": "max"}, lambda a, b: a + a * b - 3 * b),
        ("matrix-market", LOWER, {}, lambda a, b, c: 8 * a * b - c),
        ("matrix-market", PATTERN, {}, lambda a, b: a + 2 * a * b),
        ("coo", COO, {}, lambda a, b, c: -a + 2 * a * b - Fraction(9, 2) * b * c),
        ("coo", SPINS, {}, lambda a, b: spin(a) - spin(a) * spin(b)),
        ("coo", "0 0 1\n0 1 -1\n", {"vartype": "spin"}, lambda a, b: spin(a) - spin(a) * spin(b)),
        ("dimacs", GRAPH, {}, lambda a, b, c: -a - b - c + 8 * a * b + 8 * b * c),
        ("gset", PLAIN_CUT, {}, lambda a, b, c: (a ^ b) + (b ^ c)),
        ("matrix-market", ARRAY, {}, lambda a, b: a + a * b - 3 * b),
        ("matrix-market", LOWER_ARRAY, {}, lambda a, b, c: 8 * a * b - c),
        ("dense", ROWS, {}, lambda a, b: a + 2 * b - a * b),
        ("dense", ROWS, {"sense": "max"}, lambda a, b: a + 2 * b - a * b),
        ("dense", TABLE, {}, lambda a, b: a + 2 * b - a * b),
        (
            "qplib",
            QPLIB,
            {},
            lambda a, b, c: (
                Fraction(5, 2) * a - 3 * a * b + b * c / Fraction(2) + Fraction(3, 2) * (a + c) - 4 * b + Fraction(1, 4)
            ),
        ),
        (
            "qplib",
            PAPER,
            {},
            lambda a, b, c: a + b + c - a * b - b * c - Fraction(1, 5) * (a + c) - Fraction(2, 5) * b,
        ),
        ("gset", CUT, {}, lambda a, b, c: (a ^ b) - Fraction(5, 2) * (b ^ c)),
    ],
)
def test_a_file_means_its_function(form: str, text: str, options: dict[str, Any], function: Any) -> None:
    """Every solution has the value that the format's convention gives it, exactly; line endings do not matter."""
    found = read(text.encode(), form=form, options=Options(**options))

    assert found.form == form
    assert found.problem.rounding_bound == 0
    assert values(found.problem) == {x: function(*x) for x in values(found.problem)}
    for other in ("\ufeff" + text, text.replace("\n", "\r\n"), text.replace("\n", "\n\n"), text.rstrip("\n")):
        again = read(other.encode(), form=form, options=Options(**options))
        assert again.facts() == found.facts()


@pytest.mark.parametrize(("form", "text"), [("bqp", BQP), ("gset", CUT)])
def test_what_is_maximised_has_a_negative_scale(form: str, text: str) -> None:
    """The cost is minimised; the value in the file's unit grows."""
    problem = read(text.encode(), form=form, options=Options(sense="max")).problem

    assert Fraction(problem.scale) < 0


@pytest.mark.parametrize(
    ("text", "form"),
    [
        (QBSOLV, "qbsolv"),
        (MATRIX, "matrix-market"),
        (COO, "coo"),
        (GRAPH, "dimacs"),
        (QPLIB, "qplib"),
        (PAPER, "qplib"),
        (ARRAY, "matrix-market"),
    ],
)
def test_a_format_is_found_by_what_only_it_says(text: str, form: str) -> None:
    """Banner, problem line or header name it."""
    assert read(text.encode()).form == form


@pytest.mark.parametrize(
    ("text", "candidates"),
    [
        (BQP, ["bqp", "gset", "dense"]),
        ("0 0 1\n0 1 2\n", ["coo", "dense"]),
        ("1,2\n2,1\n", ["dense"]),
        ("x y z\n", list(FORMATS)),
    ],
)
def test_an_ambiguous_content_is_refused_with_the_candidates(text: str, candidates: list[str]) -> None:
    """Nothing is guessed: two formats of one layout mean different problems."""
    with pytest.raises(InvalidProblem) as refused:
        read(text.encode())

    assert refused.value.detail["reason"] == "ambiguous"
    assert all(f"'{name}'" in refused.value.message for name in candidates)


MM = "%%MatrixMarket matrix coordinate real general\n"

BAD = [
    # any format
    ("qbsolv", b"", "empty", None),
    ("qbsolv", b" \n\t\n", "empty", None),
    ("qbsolv", b"c \xff\n", "encoding", 1),
    ("coo", b"0 0 1\n0 1 \xe4\n", "encoding", 2),
    ("qbsolv", "p qubo".encode("utf-16"), "encoding", None),
    ("nothing", b"x", "format", None),
    # numbers and indices
    ("coo", b"0 0 nan\n", "not_finite", 1),
    ("coo", b"0 0 1\n0 1 -inf\n", "not_finite", 2),
    ("coo", b"0 0 1e99\n", "overflow", 1),
    ("coo", b"0 0 12345678901234567890\n", "overflow", 1),
    ("coo", b"# vartype=BINARY\n0 0 4e18\n1 1 4e18\n", "overflow", None),
    ("coo", b"0 0 1\n-1 0 1\n", "index_out_of_range", 2),
    ("coo", b"0 100000 1\n", "index_out_of_range", 1),
    ("coo", b"0 99999999999999999999999999 1\n", "index_out_of_range", 1),
    ("coo", b"0 1.0 1\n", "syntax", 1),
    ("coo", "0 ² 1\n".encode(), "syntax", 1),
    ("coo", b"0 1\n", "syntax", 1),
    ("coo", b"0 1 x\n", "syntax", 1),
    ("coo", b"# vartype=TRINARY\n0 1 1\n", "header", 1),
    # counts and headers
    ("qbsolv", b"p qubo 0 3 2 1\n0 0 1\n2 2 1\n", "truncated", 3),
    ("qbsolv", b"p qubo 0 3 1 0\n0 0 1\n2 2 1\n", "count_mismatch", 3),
    ("qbsolv", b"p qubo 0 3 0 1\n2 0 1\n", "syntax", 2),
    ("qbsolv", b"p qubo 0 3 0 2\n0 2 1\n0 2 1\n", "duplicate", 3),
    ("qbsolv", b"p qubo 0 -3 0 0\n", "syntax", 1),
    ("qbsolv", b"p qubo 0 0 0 0\n", "empty", None),
    ("qbsolv", b"p qubo 0 999999999 0 0\n", "too_large", None),
    ("qbsolv", b"p qubo 0 9 999999999999999999999 0\n", "too_large", 1),
    ("qbsolv", b"p qubo 0 9 99999999 99999999\n", "too_large", None),
    ("qbsolv", b"p qubo chimera 3 0 0\n", "header", 1),
    ("qbsolv", b"0 0 1\n", "header", 1),
    ("bqp", b"3\n2 1\n1 1 1\n", "header", 1),
    ("bqp", b"2 1\n1 3 1\n", "index_out_of_range", 2),
    ("bqp", b"2 1\n0 1 1\n", "index_out_of_range", 2),
    ("bqp", b"2 2\n1 2 1\n2 1 2\n", "asymmetric", 2),
    ("bqp", b"2 2\n1 2 1\n1 2 1\n", "duplicate", 3),
    ("bqp", b"2 2\n1 2 1\n", "truncated", 2),
    ("matrix-market", b"%%MatrixMarket matrix array pattern general\n2 2\n", "header", 1),
    ("matrix-market", b"%%MatrixMarket matrix coordinate complex general\n2 2 0\n", "header", 1),
    ("matrix-market", b"%%MatrixMarket matrix coordinate real hermitian\n2 2 0\n", "header", 1),
    ("matrix-market", MM.encode() + b"2 3 0\n", "header", 2),
    ("matrix-market", MM.encode() + b"2 2 2\n1 2 1\n2 1 1.5\n", "asymmetric", 3),
    ("matrix-market", MM.encode() + b"2 2 1\n1 2 1\n", "asymmetric", 3),
    ("matrix-market", MM.encode() + b"2 2 1\n2 1 1\n", "asymmetric", 3),
    ("matrix-market", MM.encode() + b"2 2 3\n1 1 1\n", "truncated", 3),
    ("matrix-market", MM.encode(), "header", 1),
    ("matrix-market", LOWER.replace("3 3 -1", "1 2 4").encode(), "duplicate", 4),
    ("dimacs", b"p edge 2 1\ne 1 1\n", "loop", 2),
    ("dimacs", b"p edge 2 1\ne 1 3\n", "index_out_of_range", 2),
    ("dimacs", b"p edge 3 2\ne 1 2\n", "truncated", 2),
    ("dimacs", b"p edge 2 1\nf 1 2\n", "syntax", 2),
    ("dimacs", b"p cnf 2 1\n", "header", 1),
    ("coo", b"0 0 1\n", "vartype", None),
    (None, b"c only\n# comments\n", "empty", None),
    ("matrix-market", b"%%MatrixMarket matrix array real general\n2 2\n1\n0\n0\n", "truncated", 5),
    ("matrix-market", b"%%MatrixMarket matrix array real general\n1 1\n1\n0\n", "count_mismatch", 4),
    ("matrix-market", b"%%MatrixMarket matrix array real general\n2 2\n1 1\n", "syntax", 3),
    ("matrix-market", b"%%MatrixMarket matrix array real general\n2 2\n1\n1\n2\n3\n", "asymmetric", 5),
    ("matrix-market", b"%%MatrixMarket matrix array real general\n44721 44721\n1\n", "too_large", None),
    ("matrix-market", b"%%MatrixMarket matrix table real general\n2 2\n", "header", 1),
    ("dense", b"1 2\n2 1 1\n", "syntax", 2),
    ("dense", b"1 2\n", "truncated", 1),
    ("dense", b"1 2\n2 1\n1 1\n", "count_mismatch", 3),
    ("dense", b"1 2\n3 1\n", "asymmetric", 1),
    ("dense", b"1 2\n2 inf\n", "not_finite", 2),
    ("dense", b"0 " * 5000, "too_large", None),
    ("dense", b"# x\n", "empty", None),
    ("qplib", QPLIB.replace("QBN", "QBL").encode(), "header", 2),
    ("qplib", QPLIB.replace("maximize", "up").encode(), "header", 3),
    ("qplib", QPLIB.replace("3 2 0.5", "1 2 0.5").encode(), "duplicate", 8),
    ("qplib", QPLIB.replace("3 2 0.5", "3 2").encode(), "syntax", 8),
    ("qplib", QPLIB.replace("2 -4", "4 -4").encode(), "index_out_of_range", 11),
    ("qplib", QPLIB.replace("2 -4", "2").encode(), "syntax", 11),
    ("qplib", QPLIB.replace("1\n2 -4", "4").encode(), "count_mismatch", 10),
    ("qplib", QPLIB.replace("0.25", "nan").encode(), "not_finite", 12),
    ("qplib", QPLIB.partition("0.25")[0].encode(), "truncated", 11),
    ("gset", b"3 2\n1 2 1\n2 3\n", "syntax", 3),
    ("dimacs", b"p edge 2 1\nn 1 3\ne 1 2\n", "syntax", 2),
    ("gset", b"2 1\n1 1 1\n", "loop", 2),
    ("gset", b"2 2\n1 2 1\n2 1 1\n", "duplicate", 3),
    ("gset", b"2 1 1\n", "header", 1),
]


@pytest.mark.parametrize(("form", "data", "reason", "line"), BAD)
def test_a_bad_file_is_refused_with_its_line_and_reason(
    form: str | None, data: bytes, reason: str, line: int | None
) -> None:
    """The reason is a stable word, the place is where a person should look."""
    options = Options(sense="min") if form == "bqp" else Options()

    with pytest.raises(InvalidProblem) as refused:
        read(data, form=form, options=options)

    assert (refused.value.detail["reason"], refused.value.where) == (reason, line and f"line {line}")
    assert refused.value.code == "invalid_problem"


def test_the_first_offending_pair_of_a_matrix_is_named() -> None:
    """Where Q differs from its transpose, and what to do about it."""
    with pytest.raises(InvalidProblem, match=r"\(0, 1\) and \(1, 0\)") as refused:
        read(MM.encode() + b"3 3 4\n1 2 1\n2 1 2\n1 3 1\n3 1 1\n")

    assert "Qᵀ" in str(refused.value.next_step)


def test_an_edge_listed_in_both_directions_is_one_edge() -> None:
    """Many DIMACS files do so, and count lines or edges."""
    twice = "p col 3 {}\ne 1 2\ne 2 1\ne 2 3\ne 3 2\n"

    for count in (2, 4):
        assert read(twice.format(count).encode()).facts() == read(GRAPH.encode()).facts()


def test_the_sense_of_a_bqp_file_must_be_stated() -> None:
    """The layout does not tell whether its owner minimises or maximises."""
    with pytest.raises(InvalidProblem) as refused:
        read(BQP.encode(), form="bqp")

    assert refused.value.detail["reason"] == "sense"


@pytest.mark.parametrize(
    ("form", "text", "options"),
    [
        ("qbsolv", QBSOLV, {"sense": "max"}),
        ("gset", CUT, {"sense": "min"}),
        ("dimacs", GRAPH, {"vartype": "spin"}),
        ("coo", COO, {"vartype": "spin"}),
        ("matrix-market", MATRIX, {"vartype": "spin"}),
        ("dense", ROWS, {"vartype": "spin"}),
        ("qplib", QPLIB, {"sense": "min"}),
    ],
)
def test_a_statement_against_the_format_is_refused(form: str, text: str, options: dict[str, Any]) -> None:
    """What the format says itself cannot be said otherwise."""
    with pytest.raises(InvalidProblem) as refused:
        read(text.encode(), form=form, options=Options(**options))

    assert refused.value.detail["reason"] == "option"


@pytest.mark.parametrize("given", [{"sense": "up"}, {"vartype": "qubit"}, {"decimals": "x"}, {"decimals": "1234"}])
def test_options_as_text_are_checked(given: dict[str, str]) -> None:
    """A word that is no option is refused."""
    with pytest.raises(InvalidProblem) as refused:
        Options.of(given)

    assert refused.value.detail["reason"] == "option"


def test_a_list_without_end_is_left_at_the_limit(monkeypatch: pytest.MonkeyPatch) -> None:
    """Entries are counted while they are read, whatever the header announces."""
    monkeypatch.setattr(text_source, "MAX_ENTRIES", 3)

    with pytest.raises(InvalidProblem) as refused:
        read(b"# vartype=BINARY\n" + b"0 1 1\n" * 4)

    assert (refused.value.detail["reason"], refused.value.where) == ("too_large", "line 5")


def test_lists_longer_than_a_block_are_one_list(monkeypatch: pytest.MonkeyPatch) -> None:
    """Blocks are only for memory: lines, values and errors are those of the whole."""
    monkeypatch.setattr(text_source, "BLOCK_LINES", 2)
    lines = [f"{i} {i + 1} {i - 2}.5\n" for i in range(5)]
    problem = read("".join(lines).encode(), form="coo", options=Options(vartype="binary")).problem

    assert [problem.value(2 * w) for w in problem.weights.tolist()] == [Fraction(f"{i - 2}.5") for i in range(5)]
    with pytest.raises(InvalidProblem) as refused:
        read("".join([*lines, "0 x 1\n"]).encode(), form="coo")
    assert refused.value.where == "line 6"


def test_every_reason_is_explained() -> None:
    """The reference has a line for each stable word, in their order, and no other."""
    page = (Path(__file__).parents[5] / "docs/reference/qubo-formats.md").read_text("utf-8")
    listed = re.findall(r"^\| `(\w+)` \|", page.partition("## Why a file is refused")[2], re.MULTILINE)

    assert listed == sorted(get_args(Reason))


def test_decimals_round_as_stated() -> None:
    """The caller's own scale, with the bound of what it costs."""
    options = Options.of({"decimals": "2", "vartype": "binary"})
    problem = read(b"0 0 0.1234\n1 1 2\n", form="coo", options=options).problem

    assert problem.value(problem.cost(np.array([1, 1]))) == Fraction("2.12")
    assert 0.0034 <= problem.rounding_bound < 0.00341
