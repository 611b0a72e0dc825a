"""Expands a campaign's grid into job specifications. Pure."""

from __future__ import annotations

import itertools
import math
from collections.abc import Sequence
from typing import Any

from pydantic import Field, JsonValue, ValidationError

from neurorig_protocols.job import JobSpec
from neurorig_protocols.records import Record
from neurorig_server.store.errors import FieldProblem, Invalid

MAX_JOBS = 10_000


class CampaignRequest(Record):
    """A grid of jobs: every combination of the values at the dotted paths, laid over the base."""

    name: str = Field(min_length=1, max_length=200)
    base: JobSpec
    grid: dict[str, list[JsonValue]] = Field(default_factory=dict, max_length=16)


def expand(request: CampaignRequest) -> list[JobSpec]:
    """Return one job per combination, the last path running fastest; Invalid names the path that is wrong."""
    count = math.prod(len(values) for values in request.grid.values())
    if not 1 <= count <= MAX_JOBS:
        message = f"the grid has {count} combinations, 1 to {MAX_JOBS} are possible"
        raise Invalid(message, problems=[FieldProblem(field="grid", message=message, code="grid_size")])
    base = request.base.model_dump(mode="json")
    paths = list(request.grid)
    return [_job(base, paths, values) for values in itertools.product(*request.grid.values())]


def _job(base: dict[str, Any], paths: Sequence[str], values: Sequence[JsonValue]) -> JobSpec:
    body: dict[str, Any] = base
    for path, value in zip(paths, values, strict=True):
        body = _with(body, path, path.split("."), value)
    try:
        return JobSpec.model_validate(body)
    except ValidationError as error:
        chosen = ", ".join(f"{path}={value!r}" for path, value in zip(paths, values, strict=True))
        problems = [_problem(e["loc"], e["msg"], e["type"], paths) for e in error.errors()]
        raise Invalid(f"the combination {chosen} is no job", problems=problems) from error


def _with(body: dict[str, Any], path: str, parts: Sequence[str], value: JsonValue) -> dict[str, Any]:
    """Return a copy of the body with one value at a path, sharing what does not change."""
    head, *rest = parts
    if not rest:
        return {**body, head: value}
    inner = body.get(head)
    if not isinstance(inner, dict):
        message = f"'{head}' holds no fields"
        raise Invalid(
            f"the path '{path}' leads nowhere: {message}",
            problems=[FieldProblem(field=f"grid.{path}", message=message, code="unknown_path")],
        )
    return {**body, head: _with(inner, path, rest, value)}


def _problem(location: Sequence[str | int], message: str, kind: str, paths: Sequence[str]) -> FieldProblem:
    """Name the grid path that holds a violated field; the field itself where no path does."""
    found = [str(part) for part in location]
    for path in paths:
        wanted = path.split(".")
        # The validator's location also holds tags of unions, which no path names.
        if set(wanted) <= set(found):
            return FieldProblem(field=f"grid.{path}", message=message, code=kind)
    return FieldProblem(field="base." + ".".join(found), message=message, code=kind)
