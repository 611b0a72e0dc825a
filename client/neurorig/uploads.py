"""What is uploaded, with the name that people will see; what people call the variables of a solution."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from pathlib import Path

from neurorig.errors import ClientError
from neurorig_protocols.api.attempts import SolutionView

UNNAMED = "unnamed"


def named(content: Path | bytes, name: str | None) -> tuple[bytes, str]:
    """Return the bytes and their name; ClientError when a file cannot be read."""
    if isinstance(content, bytes):
        return content, name or UNNAMED
    try:
        return content.read_bytes(), name or content.name
    except OSError as error:
        raise ClientError(f"cannot read '{content}': {error.strerror}") from error


def renamed(found: SolutionView, names: Sequence[str]) -> SolutionView:
    """Return a solution with other names of its variables; ClientError where they do not tell these apart."""
    bits = found.solution.values()
    if len(names) != len(bits):
        raise ClientError(f"{len(names)} names do not fit a problem of {len(bits)} variables")
    solution = dict(zip(names, bits, strict=True))
    if len(solution) < len(bits):
        raise ClientError(f"the name '{_repeated(names)[:60]}' stands for two variables")
    return found.model_copy(update={"solution": solution, "names_from": "given"})


def _repeated(names: Sequence[str]) -> str:
    return Counter(names).most_common(1)[0][0]
