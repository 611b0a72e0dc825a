"""Every error answer as RFC 9457 problem details: stable code, every violated field, no internals.

Not for deciding what is an error: the store, the validators and the framework do.
"""

from __future__ import annotations

from collections.abc import Sequence
from http import HTTPStatus
from typing import Any

from fastapi import FastAPI, Request, Response
from fastapi.exceptions import RequestValidationError
from fastapi.responses import JSONResponse
from pydantic import BaseModel
from starlette.exceptions import HTTPException

from neurorig_protocols import forms, refusals, wording
from neurorig_protocols.api.problems import FieldProblem, ProblemDetails
from neurorig_protocols.errors import LeaseLost, NeurorigError, UserError
from neurorig_protocols.refusals import Refused

MEDIA_TYPE = "application/problem+json"

MAX_ERRORS = 100
"""Fields named in one answer."""

CODES = {400: "invalid_json", 404: "not_found", 405: "method_not_allowed", 413: "body_too_large"}

MEANINGS = {
    400: "The body is not JSON.",
    401: "No token, or one that is unknown, expired or revoked.",
    403: "The token may not do this.",
    404: "No such thing.",
    408: "The body stopped arriving.",
    409: "It cannot be done now; `code` says why.",
    413: "The body is too large.",
    415: "The body has another type.",
    422: "The request is not acceptable; `errors` names every violated field.",
    503: "The server is too busy or not ready; try again later.",
    500: "The server failed; the correlation id stands in its log.",
}
"""What each status of a refusal means, as the documentation says it."""


STATUSES: dict[type[NeurorigError], int] = {
    UserError: 422,
    LeaseLost: 409,
    Refused: 409,
    refusals.Unauthorised: 401,
    refusals.Forbidden: 403,
    refusals.NotFound: 404,
    refusals.UploadStalled: 408,
    refusals.TooLarge: 413,
    refusals.FileTooLarge: 413,
    refusals.FileQuotaExceeded: 413,
    refusals.FileSpaceExhausted: 413,
    refusals.Invalid: 422,
    refusals.Infeasible: 422,
    refusals.DigestMismatch: 422,
    refusals.UnacceptableFile: 422,
    refusals.UnknownFile: 422,
    refusals.TuningDiffers: 422,
    refusals.PerInstanceTuning: 422,
    refusals.ReservedTag: 422,
    refusals.NoTarget: 422,
    refusals.ServerBusy: 503,
}
"""The HTTP status of each error that a request can end with; a class that is not here has that of its base."""


def status_of(error: type[NeurorigError]) -> int:
    """Return the HTTP status of an error; 500 for one that no request is answered with."""
    return next((STATUSES[base] for base in error.__mro__ if base in STATUSES), 500)


def problem(
    status: int,
    code: str,
    detail: str,
    *,
    next_step: str | None = None,
    correlation_id: str | None = None,
    errors: Sequence[FieldProblem] = (),
) -> ProblemDetails:
    """Build problem details; the title is the status's own phrase."""
    return ProblemDetails(
        type=f"urn:neurorig:problem:{code}",
        title=HTTPStatus(status).phrase,
        status=status,
        detail=detail,
        code=code,
        next_step=next_step,
        correlation_id=correlation_id,
        errors=tuple(errors[:MAX_ERRORS]),
    )


def answer(details: ProblemDetails, headers: dict[str, str] | None = None) -> Response:
    """Return a problem as an HTTP response."""
    return JSONResponse(
        details.model_dump(mode="json", exclude_none=True),
        status_code=details.status,
        headers=headers,
        media_type=MEDIA_TYPE,
    )


def refused(error: NeurorigError) -> Response:
    """Return an error of the tree as an HTTP response."""
    fields = error.problems if isinstance(error, Refused) else ()
    headers = error.headers if isinstance(error, Refused) else None
    details = problem(status_of(type(error)), error.code, error.message, next_step=error.next_step, errors=fields)
    return answer(details, headers)


def install(app: FastAPI) -> None:
    """Answer every foreseen failure of the application with a problem."""
    for kind in (Refused, UserError, LeaseLost):
        app.add_exception_handler(kind, _refused)
    app.add_exception_handler(RequestValidationError, _invalid)
    app.add_exception_handler(HTTPException, refused_by_framework)


async def _refused(_request: Request, error: Exception) -> Response:
    if not isinstance(error, NeurorigError):
        raise error
    return refused(error)


def _body_record(request: Request) -> type[BaseModel] | None:
    """Return the record that the route takes as its body, None where it takes none."""
    field = getattr(request.scope.get("route"), "body_field", None)
    found = getattr(getattr(field, "field_info", None), "annotation", None)
    return found if isinstance(found, type) and issubclass(found, BaseModel) else None


async def _invalid(request: Request, error: Exception) -> Response:
    if not isinstance(error, RequestValidationError):
        raise error
    found = error.errors()
    if any(e["type"] == "json_invalid" for e in found):
        reason = found[0].get("ctx", {}).get("error", "it cannot be parsed")
        return answer(problem(400, "invalid_json", f"the body is not JSON: {reason} at {found[0]['loc'][-1]}"))
    root = _body_record(request)
    errors = [field_problem(e, error.body, root) for e in found]
    count = "1 field is" if len(errors) == 1 else f"{len(errors)} fields are"
    return answer(problem(422, "invalid_request", f"{count} not acceptable", errors=errors))


async def refused_by_framework(request: Request, error: Exception) -> Response:
    """Answer what the framework itself refuses: an unknown address, a method that is not there, a bad body."""
    if not isinstance(error, HTTPException):
        raise error
    code = CODES.get(error.status_code, "http_error")
    path = request.url.path
    # The framework raises 400 for a body that it cannot parse, and for nothing else.
    details = {
        400: "the body is not JSON",
        404: f"there is nothing at {path}",
        405: f"{request.method} is not possible at {path}",
    }
    headers = dict(error.headers) if error.headers else None
    return answer(problem(error.status_code, code, details.get(error.status_code, str(error.detail))), headers)


def field_problem(error: dict[str, Any], body: Any, root: type[BaseModel] | None = None) -> FieldProblem:
    """Turn one validation error into a field path such as `workload.scenario.timeout_s` and its message.

    `root` is the record that the body should be, where it is one.
    """
    place, *path = error["loc"]
    parts = _path_in(body, path, error["type"]) if place == "body" else [str(place), *map(str, path)]
    # The framework puts "body", "path" or "query" before the place in the record.
    message = wording.sentence({**error, "loc": path}, root, forms.WORDS)
    return FieldProblem(field=_join(parts) or "body", message=message, code=str(error["type"]))


def _path_in(body: Any, path: Sequence[str | int], kind: str) -> list[str | int]:
    """Keep the parts of a validator's location that stand in the body; the rest are tags of unions."""
    kept: list[str | int] = []
    at = body
    for i, part in enumerate(path):
        last = i == len(path) - 1
        if _holds(at, part):
            at = at[part]
        elif not (last and kind == "missing"):
            continue
        kept.append(part)
    return kept


def _holds(value: Any, part: str | int) -> bool:
    if isinstance(value, list):
        return isinstance(part, int) and part < len(value)
    return isinstance(value, dict) and part in value


def _join(parts: Sequence[str | int]) -> str:
    text = ""
    for part in parts:
        text += f"[{part}]" if isinstance(part, int) else f".{part}" if text else str(part)
    return text
