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


class AttemptBegan(Refused):
    """The lease cannot be handed back any more: its attempt has begun and is closed by a report."""

    code = "attempt_began"


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


class FileTooLarge(Refused):
    """An uploaded file exceeds a limit of this server."""

    code = "file_too_large"
    status = 413


class FileQuotaExceeded(Refused):
    """The files of one token would take more room than each token has."""

    code = "file_quota_exceeded"
    status = 413


class FileSpaceExhausted(Refused):
    """All uploaded files together would take more room than this server gives them."""

    code = "file_space_exhausted"
    status = 413


class FileInUse(Refused):
    """A job or a target refers to the file; `problems` names jobs."""

    code = "file_in_use"


class UploadStalled(Refused):
    """Too little of a request's body arrived for too long; the connection is closed."""

    code = "upload_stalled"
    status = 408


class UnacceptableFile(Refused):
    """The content of an uploaded file is wrong; `problems` says where and what."""

    code = "unacceptable_file"
    status = 422


class UnknownFile(Refused):
    """The job names a file that was not uploaded, or one of another kind."""

    code = "unknown_file"
    status = 422


class KindDiffers(Refused):
    """The same bytes are here already as a file of another kind."""

    code = "file_kind_differs"


class ServerBusy(Refused):
    """The server could not do it in its own time or memory; another try may succeed."""

    code = "file_check_failed"
    status = 503


class TuningDiffers(Refused):
    """The job's tuning declaration is for another board, solver or benchmark; `problems` names the fields."""

    code = "tuning_differs"
    status = 422


class PerInstanceTuning(Refused):
    """The job's parameters are not those of its frozen declaration; `problems` names declared and given values."""

    code = "per_instance_tuning"
    status = 422


class ReservedTag(Refused):
    """A job carries a tag that only the server sets; `problems` names it."""

    code = "reserved_tag"
    status = 422


class EvaluationOpen(Refused):
    """The evaluation round has no seeds yet: no declaration is frozen into it."""

    code = "evaluation_open"


class EvaluationRevealed(Refused):
    """The evaluation round has its declaration and its seeds; neither can be changed."""

    code = "evaluation_revealed"


class NotBetter(Refused):
    """The proposed target is not strictly better than the present best."""

    code = "target_not_better"


class NoTarget(Refused):
    """The job measures gaps from a target that is not known."""

    code = "no_target"
    status = 422


class NoOfficialTarget(NoTarget):
    """The job measures gaps from the official target, and the benchmark gives none for its problem."""

    code = "no_official_target"


class NoBestTarget(NoTarget):
    """The job measures gaps from the best verified target, and no solution of its problem is known."""

    code = "no_best_target"


class ProtocolMismatch(Refused):
    """The agent speaks another version of the protocol."""

    code = "protocol_mismatch"


class TraceMissing(Refused):
    """The report names traces that were not uploaded."""

    code = "trace_missing"


def not_found(what: str, name: str) -> NotFound:
    """Return the refusal for a name that nothing has."""
    return NotFound(f"there is no {what} '{name}'")
