"""The verified solutions that ship with this package: one for each tuning instance, with its provenance.

The file holds one line per instance; a set of vertices is written as the distances between its members. Reading checks
a row's form when it is asked for; that every cost is the one of its solution is the business of a test, which
recomputes all of them. `neurorig targets export` writes the file. Not for targets found later: those are in a store.
"""

from __future__ import annotations

import json
from collections.abc import Iterable
from datetime import date
from functools import cache, lru_cache
from importlib.resources import files
from typing import Any

import numpy as np
import numpy.typing as npt

from neurorig_protocols.records import Record
from neurorig_protocols.workloads.qubo.qubo_records import pack_bits
from neurorig_protocols.workloads.qubo.qubo_targets import BestVerified, Bound, MisProblem

FILE = "data/best_targets.json"
FORMAT = 1
ABOUT = (
    "Best verified solutions of the NeuroBench QUBO-MIS tuning instances. Each row: the instance, the cost -(members), "
    "which source found it, how it is proven (null: not), and the set of vertices as distances between its members, "
    "the first one from -1. Written by `neurorig targets export`; every row is recomputed by a test."
)


class Source(Record):
    """Who found solutions, on what and when."""

    found_by: str
    found_on: str
    found_at: date


class Row(Record):
    """One instance as the file holds it. `proof` names the method by which no solution costs less than `cost`."""

    n: int
    density: float
    seed: int
    cost: int
    source: Source
    proof: str | None
    vertices: tuple[int, ...]

    @property
    def problem(self) -> MisProblem:
        """Return the instance."""
        return MisProblem(n=self.n, density=self.density, seed=self.seed)

    def bits(self) -> npt.NDArray[np.uint8]:
        """Return the solution, uint8 (n,); ValueError when the row contradicts itself."""
        members = np.array(self.vertices, np.int64)
        sound = members.size == -self.cost and members.size > 0
        if not sound or members[0] < 0 or members[-1] >= self.n or (np.diff(members) < 1).any():
            raise ValueError(f"the row of {self.problem.key} is damaged: {members.size} members, cost {self.cost}")
        bits = np.zeros(self.n, np.uint8)
        bits[members] = 1
        return bits


def problems() -> tuple[MisProblem, ...]:
    """Return the instances that the file holds a solution of."""
    return tuple(row.problem for row in _rows().values())


def problem(key: str) -> MisProblem:
    """Return a shipped problem by its key; KeyError for another key."""
    return _rows()[key].problem


def best(key: str) -> BestVerified | None:
    """Return the shipped target of a problem by its key, None when there is none."""
    return _best(key) if key in _rows() else None


def bound(key: str) -> Bound | None:
    """Return the proven bound of a problem by its key, None when nothing is proven."""
    row = _rows().get(key)
    return Bound(cost=row.cost, method=row.proof) if row and row.proof else None


def rows() -> tuple[Row, ...]:
    """Return every row of the shipped file."""
    return tuple(_rows().values())


def dump(found: Iterable[Row]) -> str:
    """Return the file's text for these rows, sorted by instance."""
    ordered = sorted(found, key=lambda row: (row.n, row.density, row.seed))
    sources = list(dict.fromkeys(row.source for row in ordered))
    head = {"format": FORMAT, "about": ABOUT, "sources": [source.model_dump(mode="json") for source in sources]}
    lines = ",\n".join(json.dumps(_plain(row, sources)) for row in ordered)
    return f'{json.dumps(head, indent=1)[:-2]},\n "rows": [\n{lines}\n ]\n}}\n'


def parse(text: str) -> tuple[Row, ...]:
    """Read `dump`; ValueError for another text."""
    found = json.loads(text)
    if found.get("format") != FORMAT:
        raise ValueError(f"a file of best targets has the format {FORMAT}, this one {found.get('format')}")
    sources = [Source.model_validate(source) for source in found["sources"]]
    return tuple(_row(row, sources) for row in found["rows"])


def _plain(row: Row, sources: list[Source]) -> dict[str, Any]:
    distances = np.diff(np.array([-1, *row.vertices]))
    return {
        **row.model_dump(include={"n", "density", "seed", "cost", "proof"}),
        "source": sources.index(row.source),
        "vertices": " ".join(map(str, distances)),
    }


def _row(found: dict[str, Any], sources: list[Source]) -> Row:
    distances = [int(distance) for distance in found["vertices"].split()]
    members = tuple((np.cumsum(distances) - 1).tolist())
    return Row.model_validate({**found, "source": sources[found["source"]], "vertices": members})


@cache
def _rows() -> dict[str, Row]:
    text = files("neurorig_protocols.workloads.qubo").joinpath(FILE).read_text("utf-8")
    return {row.problem.key: row for row in parse(text)}


@lru_cache(maxsize=256)
def _best(key: str) -> BestVerified:
    row = _rows()[key]
    return BestVerified(
        cost=row.cost,
        solution=pack_bits(row.bits()),
        **row.source.model_dump(),
        optimal=row.proof,
        bound=row.cost if row.proof else None,
    )
