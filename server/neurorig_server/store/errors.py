"""Why a use case of the store was refused, each with its HTTP status.

Not for failures of jobs and benches: those are data, `neurorig_protocols.errors`.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import ClassVar

from neurorig_protocols.records import Record


class FieldProblem(Record):
    """One violated field: its path in the request, what is wrong, and a stable code."""

    field: str
    message: str
    code: str


class Refused(Exception):
    """Base: the request is well formed and cannot be done now. `code` is stable, the message may change."""

    code: ClassVar[str] = "conflict"
    status: ClassVar[int] = 409

    def __init__(
        self,
        message: str,
        *,
        next_step: str | None = None,
        problems: Sequence[FieldProblem] = (),
        headers: dict[str, str] | None = None,
    ) -> None:
        super().__init__(message)
        self.message = message
        self.next_step = next_step
        self.problems = tuple(problems)
        self.headers = headers


class NotFound(Refused):
    """No such thing."""

    code = "not_found"
    status = 404


class Unauthorised(Refused):
    """No token, or one that is unknown, expired or revoked."""

    code = "unauthorised"
    status = 401

    def __init__(self, message: str, *, next_step: str | None = None) -> None:
        super().__init__(message, next_step=next_step, headers={"WWW-Authenticate": "Bearer"})


class Forbidden(Refused):
    """The token may not do this."""

    code = "forbidden"
    status = 403


class Invalid(Refused):
    """The request's content is wrong; `problems` names every violated field."""

    code = "invalid_request"
    status = 422


class Infeasible(Refused):
    """No registered bench meets the job's needs; `problems` lists each bench with what it lacks."""

    code = "infeasible"
    status = 422


class IllegalTransition(Refused):
    """The job is in a state in which this cannot happen."""

    code = "illegal_transition"


class LeaseEnded(Refused):
    """The lease has ended or its fence is stale."""

    code = "lease_lost"


class StaleFence(Refused):
    """The lease behind this write has ended; a report is kept as evidence, never as the result."""

    code = "stale_fence"


class AlreadyReported(Refused):
    """Another report closed the attempt."""

    code = "already_reported"


class KeyReused(Refused):
    """The Idempotency-Key was used with another body."""

    code = "idempotency_key_reused"


class OffsetMismatch(Refused):
    """The chunk does not begin where the upload stands; the header Upload-Offset says where."""

    code = "offset_mismatch"


class DigestMismatch(Refused):
    """The uploaded bytes have another digest; the upload begins again at 0."""

    code = "digest_mismatch"
    status = 422


class TooLarge(Refused):
    """What is to be uploaded exceeds a limit of this server."""

    code = "trace_too_large"
    status = 413


class ProtocolMismatch(Refused):
    """The agent speaks another version of the protocol."""

    code = "protocol_mismatch"


class TraceMissing(Refused):
    """The report names traces that were not uploaded."""

    code = "trace_missing"


def not_found(what: str, name: str) -> NotFound:
    """Return the refusal for a name that nothing has."""
    return NotFound(f"there is no {what} '{name}'")
