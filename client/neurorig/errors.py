"""What can go wrong between a client and a server: the branch `ClientError` of the tree in `neurorig_protocols.errors`.

ClientError
 +-- Unreachable    no answer, or one that says "not now"; another try may succeed
 +-- ApiError       the server refused the request, or its answer is not one of a neurorig server
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, ClassVar

from neurorig_protocols.api.problems import FieldProblem
from neurorig_protocols.errors import Fault, NeurorigError


class ClientError(NeurorigError):
    """Base of what a client raises."""

    code = "client_error"
    fault: ClassVar[Fault] = "user"

    def as_dict(self) -> dict[str, Any]:
        """Return this failure as JSON values."""
        return {"code": self.code, "message": self.message, "next_step": self.next_step}


class Unreachable(ClientError):
    """No server answers at the address, or it is starting or stopping. `was_sent`: it may have got the request."""

    code = "unreachable"
    fault = "infra"
    retryable = True

    def __init__(self, message: str, *, next_step: str | None = None, was_sent: bool = True) -> None:
        super().__init__(message, next_step=next_step)
        self.was_sent = was_sent


class ApiError(ClientError):
    """The server refused. `code` is stable; `fields` names every violated field."""

    def __init__(
        self,
        message: str,
        *,
        status: int,
        code: str,
        fields: tuple[FieldProblem, ...] = (),
        next_step: str | None = None,
    ) -> None:
        super().__init__(message, next_step=next_step)
        self.status = status
        self.code = code
        self.fields = fields

    def __str__(self) -> str:
        """Return the message and, in brackets, every violated field with what is wrong with it."""
        if not self.fields:
            return self.message
        named = "; ".join(f"{field.field}: {field.message}" if field.field else field.message for field in self.fields)
        return f"{self.message} [{named}]"

    def as_dict(self) -> dict[str, Any]:
        """Return this failure as JSON values."""
        return {**super().as_dict(), "status": self.status, "fields": [field.model_dump() for field in self.fields]}


def from_problem(status: int, problem: Mapping[str, Any]) -> ApiError:
    """Build the error from an RFC 9457 problem; members that are missing or odd are left out."""
    listed = problem.get("errors")
    fields = tuple(
        FieldProblem(**{name: str(item.get(name, "")) for name in FieldProblem.model_fields})
        for item in (listed if isinstance(listed, list) else [])
        if isinstance(item, Mapping)
    )
    next_step = problem.get("next_step")
    return ApiError(
        str(problem.get("detail") or problem.get("title") or f"the server answered {status}"),
        status=status,
        code=str(problem.get("code") or f"http_{status}"),
        fields=fields,
        next_step=str(next_step) if next_step else None,
    )
