"""Tuning declarations: solver parameters as constants or functions of (n, density), frozen under a digest.

NeuroBench allows a solver's parameters to depend on the number of variables and the edge density and on nothing
else; the same function has to serve sizes that nobody has run yet. A declaration says that function as data. Its
digest is its identity, so a job that names the digest cannot have been tuned for one graph.
Source: NeuroBench system_benchmarks, QUBO.md. Not for who declared what and when: that is the server's record.
"""

from __future__ import annotations

import hashlib
import json
import math
import re
from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping
from typing import Annotated, Any, Literal, Self

from pydantic import (
    BeforeValidator,
    Discriminator,
    Field,
    StrictInt,
    StringConstraints,
    Tag,
    field_validator,
    model_validator,
)
from pydantic_core import PydanticCustomError

from neurorig_protocols import forms
from neurorig_protocols.benchmarks import expressions
from neurorig_protocols.errors import BadExpression, NoValue
from neurorig_protocols.job import JobSpec
from neurorig_protocols.records import Digest, Name, Record
from neurorig_protocols.workloads.qubo import mis
from neurorig_protocols.workloads.qubo.qubo_records import QuboMis

SIZES = (10, 25, 50, 100, 250, 500, 1000, 2500, 5000)
"""Sizes of the benchmark; larger ones join the list as they are first solved."""
DENSITIES = (0.01, 0.05, 0.1, 0.25)

MAX_STEPS = 64

ParameterName = Annotated[str, StringConstraints(pattern=forms.PARAMETER)]
_TEXT = re.compile(r"[\x20-\x7e]{0,200}")


def _plain(value: Any) -> Any:
    """Let constants pass as they are; no validator may turn one kind into another, since digests tell them apart."""
    if type(value) is int and abs(value) <= expressions.MAX_INTEGER:
        return value
    if type(value) is float and math.isfinite(value):
        return value
    if type(value) is str and _TEXT.fullmatch(value):
        return value
    raise PydanticCustomError(
        "constant", "a constant is a whole number up to 2^53, a finite number or at most 200 printable ASCII characters"
    )


Constant = Annotated[int | float | str, BeforeValidator(_plain)]
Params = dict[str, int | float | str]


class Expressed(Record):
    """A number computed from n and density; the language is that of `neurorig_protocols.benchmarks.expressions`."""

    expression: str

    @field_validator("expression")
    @classmethod
    def _is_an_expression(cls, text: str) -> str:
        try:
            expressions.parse(text)
        except BadExpression as error:
            raise PydanticCustomError("bad_expression", "{reason}", {"reason": error.message}) from error
        return text

    def value(self, n: int, density: float) -> int | float:
        """Return the number; NoValue when there is none."""
        return expressions.parse(self.expression).value(n, density)


class Step(Record):
    """One row of a table: its value holds up to these limits, both included; a limit that is left out does not bind."""

    n: Annotated[StrictInt, Field(ge=1)] | None = None
    density: Annotated[float, Field(ge=0, le=1)] | None = None
    value: Constant

    def holds(self, n: int, density: float) -> bool:
        """Say whether the row is for n variables at this density."""
        return (self.n is None or n <= self.n) and (self.density is None or density <= self.density)


class Table(Record):
    """Steps over n and density; the first row that holds gives the value, the last one holds always."""

    steps: tuple[Step, ...] = Field(min_length=1, max_length=MAX_STEPS)

    @model_validator(mode="after")
    def _serves_every_size(self) -> Self:
        last = self.steps[-1]
        if last.n is not None or last.density is not None:
            raise PydanticCustomError(
                "table_ends", "the last step must have a value only: the same function serves every size"
            )
        return self

    def value(self, n: int, density: float) -> int | float | str:
        """Return the value of the first row that holds."""
        return next(step.value for step in self.steps if step.holds(n, density))


def _kind(value: Any) -> str:
    """Tell the forms of a parameter apart, so that an error names the field of the one that was meant."""
    if isinstance(value, Expressed | Table):
        return "expression" if isinstance(value, Expressed) else "table"
    if isinstance(value, Mapping):
        return "table" if "steps" in value else "expression"
    return "constant"


Parameter = Annotated[
    Annotated[Constant, Tag("constant")] | Annotated[Expressed, Tag("expression")] | Annotated[Table, Tag("table")],
    Discriminator(_kind),
]


class TuningDeclaration(Record):
    """Every parameter of one solver on one board, for problems of any size and density."""

    benchmark: Literal["qubo-mis"]
    board: Name = Field(description="name of the board driver")
    solver: Name
    params: dict[ParameterName, Parameter] = Field(default_factory=dict, max_length=32)


def canonical(declaration: TuningDeclaration) -> str:
    """Return the declaration as JSON with sorted keys, no spaces and ASCII only; equal declarations, equal text."""
    body = declaration.model_dump(mode="json", exclude_none=True)
    return json.dumps(body, sort_keys=True, separators=(",", ":"), ensure_ascii=True, allow_nan=False)


def digest(declaration: TuningDeclaration) -> Digest:
    """Return the SHA-256 of the canonical text: the declaration's identity."""
    return "sha256:" + hashlib.sha256(canonical(declaration).encode("ascii")).hexdigest()


def evaluate(declaration: TuningDeclaration, n: int, density: float) -> Params:
    """Return the parameters for n variables at an edge density of 0…1; NoValue names the parameter without one."""
    found: Params = {}
    for name, declared in declaration.params.items():
        try:
            found[name] = declared.value(n, density) if isinstance(declared, Expressed | Table) else declared
        except NoValue as error:
            raise NoValue(
                f"parameter '{name}': {error.message}", where=f"params.{name}", next_step=error.next_step
            ) from error
    return found


def require_total(declaration: TuningDeclaration) -> None:
    """Raise NoValue unless every size and density of the benchmark gives every parameter a value."""
    for n in SIZES:
        for density in DENSITIES:
            evaluate(declaration, n, density)


class SeedsOfValue(Record):
    """One value of a parameter (None: not given) and the graph seeds of the jobs that have it."""

    value: int | float | str | None
    seeds: tuple[int, ...]


class Finding(Record):
    """A parameter that differs between problems of the same size and density: tuned per instance."""

    board: str | None
    solver: str
    n: int
    density: float
    scenario: dict[str, Any]
    parameter: str
    values: tuple[SeedsOfValue, ...]

    @property
    def sentence(self) -> str:
        """The finding in one sentence."""
        seen = "; ".join(f"{v.value!r} for seeds {', '.join(map(str, v.seeds))}" for v in self.values)
        where = f"{self.solver} on {self.board or 'any board'}, n = {self.n}, density {self.density:g}"
        return f"{where}: '{self.parameter}' differs between graphs: {seen}"


def find_per_instance_tuning(specs: Iterable[JobSpec]) -> list[Finding]:
    """Return every parameter that differs between graph seeds of one board, solver, size, density and scenario.

    A sweep is no finding: where each seed has the same set of values, none was chosen for one graph. Jobs of other
    workloads are passed over.
    """
    groups: dict[str, list[tuple[JobSpec, QuboMis]]] = defaultdict(list)
    for spec in specs:
        if isinstance(spec.workload, QuboMis):
            groups[_group(spec, spec.workload)].append((spec, spec.workload))
    return [finding for group in groups.values() for finding in _differences(group)]


def _group(spec: JobSpec, workload: QuboMis) -> str:
    # By number of edges: a density that is off by a trifle draws the same kind of graph under another name.
    edges = mis.edge_count(workload.n, workload.density)
    key = [spec.needs.board, spec.solver.name, workload.n, edges, _scenario(workload)]
    return json.dumps(key, sort_keys=True)


def _scenario(workload: QuboMis) -> dict[str, Any]:
    # The target's cost belongs to the graph; it is no part of what was asked.
    return workload.scenario.model_dump(mode="json", exclude={"target_cost"})


def _differences(group: list[tuple[JobSpec, QuboMis]]) -> Iterator[Finding]:
    by_seed: dict[int, set[str]] = defaultdict(set)
    for spec, workload in group:
        by_seed[workload.seed].add(json.dumps(spec.solver.params, sort_keys=True))
    if len({frozenset(found) for found in by_seed.values()}) < 2:
        return
    names = sorted({name for spec, _ in group for name in spec.solver.params})
    differing = [name for name in names if _seeds_differ(_seeds_by_value(group, name), set(by_seed))]
    spec, workload = group[0]
    # Where only the combinations differ, every parameter that varies is part of it.
    for name in differing or [name for name in names if len(_seeds_by_value(group, name)) > 1]:
        yield Finding(
            board=spec.needs.board,
            solver=spec.solver.name,
            n=workload.n,
            density=workload.density,
            scenario=_scenario(workload),
            parameter=name,
            values=tuple(
                SeedsOfValue(value=value, seeds=tuple(sorted(seeds)))
                for value, seeds in _seeds_by_value(group, name).items()
            ),
        )


def _seeds_by_value(group: list[tuple[JobSpec, QuboMis]], name: str) -> Mapping[int | float | str | None, set[int]]:
    found: dict[int | float | str | None, set[int]] = defaultdict(set)
    for spec, workload in group:
        found[spec.solver.params.get(name)].add(workload.seed)
    return found


def _seeds_differ(by_value: Mapping[Any, set[int]], every: set[int]) -> bool:
    return any(seeds != every for seeds in by_value.values())
