"""JSON and TOML files of a user: bounded, and refused in one sentence that names every violated field."""

from __future__ import annotations

import json
import tomllib
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any, TypeVar

import click
from pydantic import BaseModel, ValidationError

from neurorig_protocols import wording
from neurorig_protocols.benchmarks.evaluation import EvaluationRound
from neurorig_protocols.benchmarks.tuning import TuningDeclaration
from neurorig_protocols.job import JobSpec

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


T = TypeVar("T", bound=BaseModel)


def read_declaration(path: Path) -> TuningDeclaration:
    """Read a declaration from a TOML or JSON file; a usage error says what is wrong with it."""
    return checked(TuningDeclaration, read_document(path), "the declaration is not valid")


def round_of(answer: Any) -> EvaluationRound:
    """Return the public record of a round from a server's answer; what else stands there is left out."""
    fields = answer if isinstance(answer, dict) else {}
    own = {name: fields[name] for name in EvaluationRound.model_fields if name in fields}
    return checked(EvaluationRound, own, "this is not an evaluation round")


def checked(kind: type[T], body: Any, what: str) -> T:
    """Return the record that a body describes; a usage error names every violated field."""
    try:
        return kind.model_validate(body)
    except ValidationError as error:
        lines = "\n".join(f"  {line}" for line in wording.sentences(error, kind))
        raise click.UsageError(f"{what}:\n{lines}") from error


_NEEDS = ("board", "bench", "reality", "metered")
_PLAN = ("trials", "idle_s", "settle_s")
_TOP = ("priority", "max_attempts", "tags", "comment")


def job_spec(workload: Mapping[str, Any], options: Mapping[str, Any]) -> JobSpec:
    """Build a job from a workload and the options of `neurorig submit`; what is None is left to its default."""
    solver = {
        "name": options["solver"],
        "seed": options["solver_seed"],
        "params": parameters(options["params"]),
        "tuning": options.get("tuning"),
    }
    body = {
        "workload": _given(workload, workload),
        "solver": solver,
        "needs": _given(options, _NEEDS),
        "plan": _given(options, _PLAN),
        **_given(options, _TOP),
    }
    return check(body)


def read_spec(path: Path) -> JobSpec:
    """Read a job from a JSON or TOML file; a usage error says what is wrong with it."""
    return check(read_document(path, "--file"))


def check(body: object) -> JobSpec:
    """Return the job that a body describes; a usage error names every violated field."""
    try:
        return JobSpec.model_validate(body)
    except ValidationError as error:
        lines = "\n".join(f"  {line}" for line in wording.sentences(error, JobSpec))
        raise click.UsageError(f"the job is not valid:\n{lines}") from error


def parameters(pairs: Iterable[str]) -> dict[str, int | float | str]:
    """Read NAME=VALUE pairs; a value is an integer, a number or else a text."""
    found: dict[str, int | float | str] = {}
    for pair in pairs:
        name, equals, value = pair.partition("=")
        if not (name and equals):
            raise click.BadParameter(f"'{pair}' is not NAME=VALUE", param_hint="--param")
        found[name] = _number_or_text(value)
    return found


def _number_or_text(value: str) -> int | float | str:
    for kind in (int, float):
        try:
            return kind(value)
        except ValueError:
            continue
    return value


def _given(options: Mapping[str, Any], names: Iterable[str]) -> dict[str, Any]:
    return {name: options[name] for name in names if options[name] is not None}
