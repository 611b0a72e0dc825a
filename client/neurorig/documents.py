"""Reads JSON and TOML files that a user wrote: bounded, and refused in one sentence. Not for what they say."""

from __future__ import annotations

import json
import tomllib
from pathlib import Path
from typing import Any

import click

MAX_FILE_BYTES = 1 << 20


def read_document(path: Path, option: str | None = None) -> Any:
    """Return the content of a JSON file, or of a TOML one by its suffix; a usage error when it is neither.

    The error names `option`, where the path was given by one.
    """
    try:
        with path.open("rb") as file:
            raw = file.read(MAX_FILE_BYTES + 1)
        if len(raw) > MAX_FILE_BYTES:
            raise ValueError(f"it is larger than {MAX_FILE_BYTES} bytes")
        text = raw.decode("utf-8")
        return tomllib.loads(text) if path.suffix == ".toml" else json.loads(text)
    except (OSError, ValueError, RecursionError) as error:
        reason = error.strerror if isinstance(error, OSError) else str(error)
        raise click.BadParameter(f"cannot read '{path}': {reason}", param_hint=option) from error
