"""Field paths of validation errors."""

from __future__ import annotations

from typing import Any

import pytest

from neurorig_protocols import errors, refusals
from neurorig_protocols.api.problems import FieldProblem
from neurorig_server.http.problems import MAX_ERRORS, MEANINGS, STATUSES, field_problem, problem, status_of

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


@pytest.mark.parametrize(
    ("error", "status"),
    [
        (refusals.NotFound, 404),
        (refusals.IllegalTransition, 409),
        (refusals.NoBestTarget, 422),
        (refusals.ServerBusy, 503),
        (errors.InvalidProblem, 422),
        (errors.LeaseLost, 409),
        (errors.DriverCrashed, 500),
    ],
)
def test_each_error_has_its_status(error: type[errors.NeurorigError], status: int) -> None:
    """A class has its own status or that of its base; what no request is answered with is the server's failure."""
    assert status_of(error) == status


def test_every_status_has_a_meaning() -> None:
    """The documentation says what each status of the table means."""
    assert set(STATUSES.values()) <= set(MEANINGS)
