"""Field paths of validation errors."""

from __future__ import annotations

from typing import Any

import pytest

from neurorig_server.http.problems import MAX_ERRORS, field_problem, problem
from neurorig_server.store.errors import FieldProblem

BODY = {"workload": {"name": "qubo-mis", "scenario": {"kind": "fixed-timeout"}}, "gaps": [1, {"x": 2}]}


@pytest.mark.parametrize(
    ("location", "kind", "field"),
    [
        (("body", "workload", "qubo-mis", "n"), "missing", "workload.n"),
        (("body", "workload", "qubo-mis", "name"), "string_type", "workload.name"),
        (("body", "workload", "qubo-mis", "scenario", "fixed-timeout", "t_s"), "missing", "workload.scenario.t_s"),
        (("body", "workload"), "union_tag_invalid", "workload"),
        (("body", "gaps", 1, "x"), "int_type", "gaps[1].x"),
        (("body", "gaps", 7), "int_type", "gaps"),
        (("body", "colour"), "missing", "colour"),
        (("body",), "missing", "body"),
        (("query", "limit"), "int_parsing", "query.limit"),
        (("header", "Upload-Offset"), "missing", "header.Upload-Offset"),
        (("path", "job_id"), "string_pattern_mismatch", "path.job_id"),
    ],
)  # fmt: skip
def test_location_becomes_a_path_in_the_request(location: tuple[Any, ...], kind: str, field: str) -> None:
    """Tags of unions disappear, list indices and missing fields stay."""
    found = field_problem({"loc": location, "msg": "Value error, wrong", "type": kind}, BODY)

    assert found == FieldProblem(field=field, message="wrong", code=kind)


def test_answer_stays_small_whatever_is_wrong() -> None:
    """A body with ten thousand wrong fields does not make an answer of ten thousand errors."""
    many = [FieldProblem(field=str(i), message="x", code="x") for i in range(10_000)]

    assert len(problem(422, "x", "x", errors=many).errors) == MAX_ERRORS
