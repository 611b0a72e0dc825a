"""Best verified targets: records with their solutions, the checks of a proposed one, solutions as files. Pure."""

from __future__ import annotations

import base64
import binascii
from dataclasses import dataclass
from datetime import date
from typing import Annotated, Any, Literal, Protocol

import numpy as np
import numpy.typing as npt
from pydantic import Field, StrictInt, ValidationError

from neurorig_protocols import forms
from neurorig_protocols.errors import BelowBound, MalformedSolution, NotIndependent, WrongLength
from neurorig_protocols.records import Digest, Finite, Record, Seed
from neurorig_protocols.workloads.qubo import mis
from neurorig_protocols.workloads.qubo.qubo_records import Qubo, QuboMis, pack_bits, unpack_bits

Bits = npt.NDArray[np.uint8]

LONGEST_SOLUTION = 1 << 20
"""Characters of a packed solution: more variables than this allows are no problem of ours."""

Who = Annotated[str, Field(min_length=1, max_length=200, pattern=forms.WHO)]
"""Free text on one line."""


class MisProblem(Record):
    """A maximum-independent-set problem of the benchmark."""

    workload: Literal["qubo-mis"] = "qubo-mis"
    n: Annotated[StrictInt, Field(ge=1, le=100_000)]
    density: Finite = Field(ge=0, le=1)
    seed: Seed

    @property
    def edges(self) -> int:
        """Number of edges; it and the seed make the graph."""
        return mis.edge_count(self.n, self.density)

    @property
    def key(self) -> str:
        """A name that two densities share when they draw the same graph."""
        return f"qubo-mis-{self.n}-{self.edges}-{self.seed}"


class FileProblem(Record):
    """A QUBO that was uploaded."""

    workload: Literal["qubo"] = "qubo"
    problem: Digest

    @property
    def key(self) -> str:
        """The problem's name."""
        return f"qubo-{self.problem.removeprefix('sha256:')}"


Problem = Annotated[MisProblem | FileProblem, Field(discriminator="workload")]
KEY_PATTERN = forms.TARGET_KEY


class Bound(Record):
    """No solution costs less than `cost`; `method` says who proved it how."""

    cost: int
    method: str


class BestVerified(Record):
    """The best verified target of a problem: its solution, who found it on what and when, and whether it is optimal."""

    kind: Literal["best-verified"] = "best-verified"
    cost: int
    solution: str = Field(max_length=LONGEST_SOLUTION, description="packed bits x0…xn-1, first bit highest, base64")
    found_by: Who
    found_on: Who = Field(description="solver and board or machine; says VIRTUAL where the board is")
    found_at: date
    optimal: str | None = Field(default=None, description="the proof that no solution costs less, None without one")
    bound: int | None = Field(default=None, description="no solution costs less than this, None when nothing is proven")


class Proposal(Record):
    """A solution that claims to be better than the present best."""

    problem: Problem
    solution: str = Field(max_length=LONGEST_SOLUTION, description="packed bits x0…xn-1, first bit highest, base64")
    found_by: Who
    found_on: Who = Field(description="solver and board or machine")
    comment: str = Field(default="", max_length=2000)


class Costed(Protocol):
    """What a check needs of a problem: its size and the exact cost of 0/1 vectors of shape (n,)."""

    @property
    def n(self) -> int:
        """Number of variables."""

    def cost(self, x: npt.NDArray[Any], /) -> int:
        """Return the cost."""


def problem_of(workload: object) -> MisProblem | FileProblem | None:
    """Return the problem of a workload, None for a workload that has no cost."""
    match workload:
        case QuboMis(n=n, density=density, seed=seed):
            return MisProblem(n=n, density=density, seed=seed)
        case Qubo(problem=digest):
            return FileProblem(problem=digest)
        case _:
            return None


def recompute(problem: Costed, solution: str, bound: Bound | None = None) -> int:
    """Return the exact cost of a packed solution.

    Raises MalformedSolution, WrongLength, NotIndependent for a set of a maximum-independent-set problem that holds an
    edge, and BelowBound for a cost that is proven to be impossible.
    """
    bits = _bits(solution, problem.n)
    cost = problem.cost(bits)
    if isinstance(problem, mis.Instance) and not problem.is_independent_set(bits):
        raise NotIndependent(
            "the set holds both ends of an edge, so it is not an independent set",
            where="solution",
            next_step="Take one end of each such edge out of the set: the cost falls.",
        )
    require_possible(cost, bound)
    return cost


def require_possible(cost: int, bound: Bound | None) -> None:
    """Raise BelowBound for a cost below what is proven to be the least."""
    if bound is not None and cost < bound.cost:
        raise BelowBound(
            f"a cost of {cost} is impossible: {bound.cost} is the least by {bound.method}",
            where="target",
            next_step="Look for the mistake; if the proof is wrong, please report it.",
        )


def trivial_bound(problem: MisProblem) -> Bound:
    """Return the bound that needs no search: a set has at most as many members as there are vertices."""
    return Bound(cost=-problem.n, method="counting the vertices")


def _bits(solution: str, n: int) -> Bits:
    try:
        raw = base64.b64decode(solution, validate=True)
    except (binascii.Error, ValueError) as error:
        raise MalformedSolution(f"a solution must be base64: {error}", where="solution") from error
    try:
        return unpack_bits(solution, n)
    except ValueError as error:
        raise WrongLength(
            f"{error}" if len(raw) != (n + 7) // 8 else f"bits after the last of {n} variables are set",
            where="solution",
            next_step=f"Pack exactly the {n} bits of the problem, first bit highest.",
        ) from error


LONGEST_TEXT = 4 << 20
"""Characters of a solution file; a longer one is refused unread."""


class SolutionFile(Record):
    """A verified solution on its way between people and servers."""

    format: Literal["neurorig-solution-1"] = "neurorig-solution-1"
    problem: Problem
    cost: int
    solution: str = Field(max_length=LONGEST_SOLUTION, description="packed bits x0…xn-1, first bit highest, base64")
    found_by: Who
    found_on: Who
    found_at: date
    comment: str = Field(default="", max_length=2000)


@dataclass(frozen=True)
class PlainBits:
    """A solution without its problem: how many variables it has, and their packed bits."""

    n: int
    solution: str

    def of(self, n: int) -> str:
        """Return the packed bits of a problem with n variables; WrongLength for another number."""
        if n != self.n:
            raise WrongLength(f"the problem has {n} variables, the solution {self.n}", where="file")
        return self.solution


def parse(text: str) -> SolutionFile | PlainBits:
    """Return what a file's text holds; MalformedSolution when it is neither of the two forms."""
    if len(text) > LONGEST_TEXT:
        raise MalformedSolution(f"a solution file has at most {LONGEST_TEXT} characters", where="file")
    if text.lstrip().startswith("{"):
        try:
            return SolutionFile.model_validate_json(text)
        except ValidationError as error:
            first = error.errors()[0]
            place = ".".join(map(str, first["loc"])) or "file"
            raise MalformedSolution(f"this is not a solution file: {first['msg']}", where=place) from error
    bits = "".join(text.split())
    if not bits or set(bits) - {"0", "1"}:
        raise MalformedSolution(
            "a solution file is JSON or a text of 0 and 1",
            where="file",
            next_step="Write one 0 or 1 for each variable, in order.",
        )
    return PlainBits(len(bits), pack_bits(np.frombuffer(bits.encode("ascii"), np.uint8) - ord("0")))
