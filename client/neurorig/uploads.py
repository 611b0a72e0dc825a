"""What is uploaded: bytes in memory or a file, with the name that people will see."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from neurorig.errors import ClientError
from neurorig_protocols.api.attempts import AttemptView
from neurorig_protocols.workloads.qubo.qubo_facts import assignment
from neurorig_protocols.workloads.qubo.qubo_records import QuboAnswer

UNNAMED = "unnamed"


def named(content: Path | bytes, name: str | None) -> tuple[bytes, str]:
    """Return the bytes and their name; ClientError when a file cannot be read."""
    if isinstance(content, bytes):
        return content, name or UNNAMED
    try:
        return content.read_bytes(), name or content.name
    except OSError as error:
        raise ClientError(f"cannot read '{content}': {error.strerror}") from error


def solution_of(attempt: AttemptView, names: Sequence[str]) -> dict[str, int]:
    """Return the solution of an attempt by variable; ClientError where it has none."""
    if not isinstance(attempt.answer, QuboAnswer):
        raise ClientError(f"attempt {attempt.id} has no solution of a QUBO")
    try:
        return assignment(attempt.answer, names)
    except ValueError as error:
        raise ClientError(f"the solution of attempt {attempt.id} cannot be named: {error}") from error
