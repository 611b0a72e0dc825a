"""Solution files on the user's side: reading, checking without a server, making a proposal of one."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import click
from pydantic import ValidationError

from neurorig_protocols import wording
from neurorig_protocols.errors import UserError
from neurorig_protocols.records import Record
from neurorig_protocols.workloads.qubo import mis, targets_shipped
from neurorig_protocols.workloads.qubo.qubo_targets import (
    LONGEST_TEXT,
    FileProblem,
    MisProblem,
    PlainBits,
    Problem,
    Proposal,
    SolutionFile,
    parse,
    recompute,
    trivial_bound,
)


@dataclass(frozen=True)
class Solution:
    """A solution with its problem; `file` is what a solution file says beside them, None for plain bits."""

    problem: MisProblem | FileProblem
    packed: str
    file: SolutionFile | None

    def proposal(self, *, found_by: str | None, found_on: str | None, comment: str | None) -> Proposal:
        """Return a proposal; a usage error when nobody says who found it on what."""
        by = found_by or (self.file.found_by if self.file else None)
        on = found_on or (self.file.found_on if self.file else None)
        if not by or not on:
            raise click.UsageError("say who found it on what: --found-by and --found-on")
        said = comment if comment is not None else (self.file.comment if self.file else "")
        try:
            return Proposal(problem=self.problem, solution=self.packed, found_by=by, found_on=on, comment=said)
        except ValidationError as error:
            raise click.UsageError(_first(error)) from error


@dataclass(frozen=True)
class Check:
    """What a recomputation gave, beside the targets that this installation knows."""

    key: str
    cost: int
    official: int | None
    shipped: int | None
    proven: bool

    def as_dict(self) -> dict[str, Any]:
        """Return this as JSON values."""
        return dict(vars(self))

    def sentence(self) -> str:
        """Say it in one line."""
        known = [
            f"official {'none' if self.official is None else self.official}",
            f"shipped {'none' if self.shipped is None else self.shipped}",
        ]
        optimal = ", proven optimal" if self.proven else ""
        return f"{self.key}: cost {self.cost}, recomputed{optimal} ({', '.join(known)})"


class _Graph(Record):
    """The options that name the problem of plain bits."""

    problem: Problem


def read_solution(
    path: Path, *, n: int | None, density: float | None, seed: int | None, digest: str | None = None
) -> Solution:
    """Read a solution file, or plain bits of the problem that the options name; a usage error for anything else."""
    try:
        if path.stat().st_size > LONGEST_TEXT:
            raise click.UsageError(f"'{path}' is larger than {LONGEST_TEXT} bytes")
        found = parse(path.read_text("utf-8"))
        named = _named(n, density, seed, digest)
        if isinstance(found, PlainBits):
            return _plain(found, named)
    except OSError as error:
        raise click.UsageError(f"cannot read '{path}': {error.strerror}") from error
    except (UserError, UnicodeDecodeError) as error:
        raise click.UsageError(f"'{path}': {error}") from error
    if named is not None and named.key != found.problem.key:
        raise click.UsageError(f"'{path}' holds a solution of {found.problem.key}, not of {named.key}")
    return Solution(found.problem, found.solution, found)


def check_solution(solution: Solution) -> Check:
    """Recompute a solution; a usage error when it is none, or when its problem is not known here."""
    problem = solution.problem
    if isinstance(problem, FileProblem):
        raise click.UsageError("an uploaded problem is known to its server only: `neurorig targets propose` checks it")
    proven = targets_shipped.bound(problem.key)
    try:
        graph = mis.instance(problem.n, problem.density, problem.seed)
        cost = recompute(graph, solution.packed, proven or trivial_bound(problem))
    except UserError as error:
        next_step = f" Next: {error.next_step}" if error.next_step else ""
        raise click.UsageError(f"{error.message} ({error.code}).{next_step}") from error
    if solution.file is not None and solution.file.cost != cost:
        raise click.UsageError(f"the file claims a cost of {solution.file.cost}, its solution costs {cost}")
    official = mis.official_target(problem.n, problem.density, problem.seed)
    shipped = targets_shipped.best(problem.key)
    return Check(
        key=problem.key,
        cost=cost,
        official=official.cost if official else None,
        shipped=shipped.cost if shipped else None,
        proven=proven is not None and proven.cost == cost,
    )


def _plain(found: PlainBits, named: MisProblem | FileProblem | None) -> Solution:
    if named is None:
        raise click.UsageError("plain bits do not say their problem: give --n, --density and --seed")
    packed = found.of(named.n) if isinstance(named, MisProblem) else found.solution
    return Solution(named, packed, None)


def _named(
    n: int | None, density: float | None, seed: int | None, digest: str | None
) -> MisProblem | FileProblem | None:
    if digest is not None:
        body: dict[str, Any] = {"workload": "qubo", "problem": digest}
    elif n is None and density is None and seed is None:
        return None
    else:
        body = {"workload": "qubo-mis", "n": n, "density": density, "seed": 0 if seed is None else seed}
    try:
        return _Graph.model_validate({"problem": body}).problem
    except ValidationError as error:
        raise click.UsageError(_first(error)) from error


def _first(error: ValidationError) -> str:
    return wording.sentences(error)[0]
