"""Solutions as files: what a server hands out, what people check and propose. Text in, records out; no I/O.

A solution file is JSON with problem, cost, packed solution and provenance. Bits as text (0 and 1, white space is
ignored) are read too; they do not name their problem.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date
from typing import Literal

import numpy as np
from pydantic import Field, ValidationError

from neurorig_protocols.benchmarks.targets import LONGEST_SOLUTION, Problem, Who
from neurorig_protocols.errors import MalformedSolution, WrongLength
from neurorig_protocols.records import Record
from neurorig_protocols.report import pack_bits

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
            raise MalformedSolution(f"this is no solution file: {first['msg']}", where=place) from error
    bits = "".join(text.split())
    if not bits or set(bits) - {"0", "1"}:
        raise MalformedSolution(
            "a solution file is JSON or a text of 0 and 1",
            where="file",
            next_step="Write one 0 or 1 for each variable, in order.",
        )
    return PlainBits(len(bits), pack_bits(np.frombuffer(bits.encode("ascii"), np.uint8) - ord("0")))
