"""What can go wrong between a client and a server.

ClientError
 +-- Unreachable    no answer, or one that says "not now"; another try may succeed
 +-- ApiError       the server understood and said no, or answered what no neurorig server answers
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import Any


@dataclass(frozen=True)
class FieldError:
    """One violated field of a request, or one unmet need of a job."""

    field: str
    message: str
    code: str = ""


class ClientError(Exception):
    """Base of what a client raises."""

    code = "client_error"

    def __init__(self, message: str, *, next_step: str | None = None) -> None:
        super().__init__(message)
        self.message = message
        self.next_step = next_step

    def as_dict(self) -> dict[str, Any]:
        """Return this failure as JSON values."""
        return {"code": self.code, "message": self.message, "next_step": self.next_step}


class Unreachable(ClientError):
    """No server answers at the address, or it is starting or stopping. `was_sent`: it may have got the request."""

    code = "unreachable"

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
        fields: tuple[FieldError, ...] = (),
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
        return {**super().as_dict(), "status": self.status, "fields": [asdict(field) for field in self.fields]}


def from_problem(status: int, problem: Mapping[str, Any]) -> ApiError:
    """Build the error from an RFC 9457 problem; members that are missing or odd are left out."""
    listed = problem.get("errors")
    fields = tuple(
        FieldError(str(item.get("field", "")), str(item.get("message", "")), str(item.get("code", "")))
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
