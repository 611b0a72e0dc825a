"""What is uploaded: bytes in memory or a file, with the name that people will see."""

from __future__ import annotations

from pathlib import Path

from neurorig.errors import ClientError

UNNAMED = "unnamed"


def named(content: Path | bytes, name: str | None) -> tuple[bytes, str]:
    """Return the bytes and their name; ClientError when a file cannot be read."""
    if isinstance(content, bytes):
        return content, name or UNNAMED
    try:
        return content.read_bytes(), name or content.name
    except OSError as error:
        raise ClientError(f"cannot read '{content}': {error.strerror}") from error
