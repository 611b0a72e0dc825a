"""From files that a user wrote or was given to a declaration or a round; every violated field is named."""

from __future__ import annotations

import json
import tomllib
from pathlib import Path
from typing import Any, TypeVar

import click
from pydantic import BaseModel, ValidationError

from neurorig_protocols.benchmarks.evaluation import EvaluationRound
from neurorig_protocols.benchmarks.tuning import TuningDeclaration

MAX_FILE_BYTES = 1 << 20

T = TypeVar("T", bound=BaseModel)


def read_declaration(path: Path) -> TuningDeclaration:
    """Read a declaration from a TOML or JSON file; a usage error says what is wrong with it."""
    return checked(TuningDeclaration, read(path), "the declaration is not valid")


def read(path: Path) -> Any:
    """Return the content of a JSON file, or of a TOML one by its suffix; a usage error when it is neither."""
    try:
        with path.open("rb") as file:
            raw = file.read(MAX_FILE_BYTES + 1)
        if len(raw) > MAX_FILE_BYTES:
            raise ValueError(f"it is larger than {MAX_FILE_BYTES} bytes")
        text = raw.decode("utf-8")
        return tomllib.loads(text) if path.suffix == ".toml" else json.loads(text)
    except (OSError, ValueError, RecursionError) as error:
        reason = error.strerror if isinstance(error, OSError) else str(error)
        raise click.BadParameter(f"cannot read '{path}': {reason}") from error


def round_of(answer: Any) -> EvaluationRound:
    """Return the public record of a round from a server's answer; what else stands there is left out."""
    fields = answer if isinstance(answer, dict) else {}
    own = {name: fields[name] for name in EvaluationRound.model_fields if name in fields}
    return checked(EvaluationRound, own, "this is no evaluation round")


def checked(kind: type[T], body: Any, what: str) -> T:
    """Return the record that a body describes; a usage error names every violated field."""
    try:
        return kind.model_validate(body)
    except ValidationError as error:
        lines = (f"  {'.'.join(map(str, item['loc']))}: {item['msg']}" for item in error.errors())
        raise click.UsageError(f"{what}:\n" + "\n".join(lines)) from error
