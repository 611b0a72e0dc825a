"""From what a user typed or wrote into a file to a JobSpec; every violated field is named. No I/O but the file."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

import click
from pydantic import ValidationError

from neurorig.documents import read_document
from neurorig_protocols.job import JobSpec

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
        lines = (f"  {'.'.join(map(str, item['loc']))}: {item['msg']}" for item in error.errors())
        raise click.UsageError("the job is not valid:\n" + "\n".join(lines)) from error


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
