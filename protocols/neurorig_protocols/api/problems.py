"""The answer to every request that was refused: RFC 9457 problem details."""

from __future__ import annotations

from neurorig_protocols.records import Record


class FieldProblem(Record):
    """One violated field: its path in the request, what is wrong, and a stable code."""

    field: str
    message: str
    code: str


class ProblemDetails(Record):
    """Why a request was refused. Programs may match `code`, which is stable; `errors` names every violated field."""

    type: str
    title: str
    status: int
    detail: str
    code: str
    next_step: str | None = None
    correlation_id: str | None = None
    errors: tuple[FieldProblem, ...] = ()
