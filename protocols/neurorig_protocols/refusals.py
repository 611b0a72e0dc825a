"""Why a server refuses a request: the branch `Refused` of the tree in `errors`, with what only an answer carries.

A refusal is the outcome of a request; failures of jobs and benches are in `errors` itself. The HTTP status of each
class is a table of the server.
"""

from __future__ import annotations

from collections.abc import Sequence

from neurorig_protocols.api.problems import FieldProblem
from neurorig_protocols.errors import NeurorigError


class Refused(NeurorigError):
    """Base: the request is well formed and cannot be done now. `code` is stable, the message may change."""

    code = "conflict"
    fault = "user"

    def __init__(
        self,
        message: str,
        *,
        next_step: str | None = None,
        problems: Sequence[FieldProblem] = (),
        headers: dict[str, str] | None = None,
    ) -> None:
        super().__init__(message, next_step=next_step)
        self.problems = tuple(problems)
        self.headers = headers


class NotFound(Refused):
    """No such thing."""

    code = "not_found"


class Unauthorised(Refused):
    """No token, or one that is unknown, expired or revoked."""

    code = "unauthorised"

    def __init__(self, message: str, *, next_step: str | None = None) -> None:
        super().__init__(message, next_step=next_step, headers={"WWW-Authenticate": "Bearer"})


class Forbidden(Refused):
    """The token may not do this."""

    code = "forbidden"


class Invalid(Refused):
    """The request's content is wrong; `problems` names every violated field."""

    code = "invalid_request"


class Infeasible(Refused):
    """No registered bench meets the job's needs; `problems` lists each bench with what it lacks."""

    code = "infeasible"


class IllegalTransition(Refused):
    """The job is in a state in which this cannot happen."""

    code = "illegal_transition"


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


class TooLarge(Refused):
    """What is to be uploaded exceeds a limit of this server."""

    code = "trace_too_large"


class FileTooLarge(Refused):
    """An uploaded file exceeds a limit of this server."""

    code = "file_too_large"


class FileQuotaExceeded(Refused):
    """The files of one token would take more room than each token has."""

    code = "file_quota_exceeded"


class FileSpaceExhausted(Refused):
    """All uploaded files together would take more room than this server gives them."""

    code = "file_space_exhausted"


class FileInUse(Refused):
    """A job or a target refers to the file; `problems` names jobs."""

    code = "file_in_use"


class UploadStalled(Refused):
    """Too little of a request's body arrived for too long; the connection is closed."""

    code = "upload_stalled"


class UnacceptableFile(Refused):
    """The content of an uploaded file is wrong; `problems` says where and what."""

    code = "unacceptable_file"


class UnknownFile(Refused):
    """The job names a file that was not uploaded, or one of another kind."""

    code = "unknown_file"


class KindDiffers(Refused):
    """The same bytes are here already as a file of another kind."""

    code = "file_kind_differs"


class ServerBusy(Refused):
    """The server could not do it in its own time or memory; another try may succeed."""

    code = "file_check_failed"


class TuningDiffers(Refused):
    """The job's tuning declaration is for another board, solver or benchmark; `problems` names the fields."""

    code = "tuning_differs"


class PerInstanceTuning(Refused):
    """The job's parameters are not those of its frozen declaration; `problems` names declared and given values."""

    code = "per_instance_tuning"


class ReservedTag(Refused):
    """A job carries a tag that only the server sets; `problems` names it."""

    code = "reserved_tag"


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
