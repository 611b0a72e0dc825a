"""From files that a user wrote or was given to a declaration or a round; every violated field is named."""

from __future__ import annotations

from pathlib import Path
from typing import Any, TypeVar

import click
from pydantic import BaseModel, ValidationError

from neurorig.documents import read_document
from neurorig_protocols.benchmarks.evaluation import EvaluationRound
from neurorig_protocols.benchmarks.tuning import TuningDeclaration

T = TypeVar("T", bound=BaseModel)


def read_declaration(path: Path) -> TuningDeclaration:
    """Read a declaration from a TOML or JSON file; a usage error says what is wrong with it."""
    return checked(TuningDeclaration, read_document(path), "the declaration is not valid")


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
