"""Use cases on best verified targets: look, propose. The shipped ones are the floor, the table holds what beat them.

Costs come recomputed; comparing with the present best and storing is one transaction. Not for the check itself: that
is `neurorig_protocols.benchmarks.targets`.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any, Literal

from pydantic import Field
from sqlalchemy import Connection, Row, Select, func, insert, select, tuple_

from neurorig_protocols.benchmarks import qubo_mis, targets_shipped
from neurorig_protocols.benchmarks.targets import BestVerified, FileProblem, MisProblem, Proposal
from neurorig_protocols.records import Digest, Finite
from neurorig_protocols.records import Record as Base
from neurorig_server.store.database import Database
from neurorig_server.store.errors import NotBetter, not_found
from neurorig_server.store.file_uses import require_kept
from neurorig_server.store.tables_targets import targets
from neurorig_server.store.tokens import Principal
from neurorig_server.target_views import HeldTarget, OfficialTarget, TargetDetail, TargetList, TargetView

PROPOSING = 0x6E65_7572_6F05
"""Advisory key: of two better solutions at the same time, the second is compared with the first."""

AnyProblem = MisProblem | FileProblem

SAME_DENSITY = 1e-9
"""Densities that differ by less are the same one with rounding noise."""


class TargetFilter(Base):
    """What a list of targets is narrowed to; None does not matter. `problem` is the digest of an uploaded one."""

    workload: Literal["qubo-mis", "qubo"] | None = None
    n: int | None = Field(default=None, ge=1, le=10_000_000)
    density: Finite | None = Field(default=None, ge=0, le=1)
    seed: int | None = Field(default=None, ge=0, le=2**32 - 1)
    problem: Digest | None = None

    def admits(self, problem: MisProblem) -> bool:
        """Say whether a shipped problem is wanted."""
        dense = self.density is None or abs(problem.density - self.density) < SAME_DENSITY
        same = self.n in (None, problem.n) and self.seed in (None, problem.seed)
        return dense and same and self.problem is None and self.workload in (None, "qubo-mis")


class Targets:
    """Use cases on targets."""

    def __init__(self, db: Database) -> None:
        self._db = db

    def list(self, wanted: TargetFilter, *, limit: int = 500) -> TargetList:
        """Return official and best verified targets beside each other, by problem; at most `limit`."""
        least = select(targets.c.key, func.min(targets.c.cost)).group_by(targets.c.key)
        query = _narrowed(select(targets).where(tuple_(targets.c.key, targets.c.cost).in_(least)), wanted)
        with self._db.read() as connection:
            stored = connection.execute(query.order_by(targets.c.n, targets.c.key).limit(limit + 1)).all()
        rows = {row.key: row for row in stored}
        shipped = {problem.key: problem for problem in targets_shipped.problems() if wanted.admits(problem)}
        found = [_view(key, [rows[key]] if key in rows else []) for key in shipped.keys() | rows.keys()]
        found.sort(key=_place)
        return TargetList(items=tuple(found[:limit]), more=len(found) > limit)

    def get(self, key: str) -> TargetDetail:
        """Return a target with its solution and its history; NotFound when no solution is known."""
        with self._db.read() as connection:
            query = select(targets).where(targets.c.key == key).order_by(targets.c.seq)
            rows = connection.execute(query).all()
            held = best(connection, key)
        if held is None:
            raise not_found("target", key)
        history = sorted((target for target, _ in _held(key, rows)), key=lambda target: -target.cost)
        return TargetDetail(**vars(_view(key, rows)), solution=held.solution, history=tuple(history))

    def propose(self, proposal: Proposal, *, n: int, cost: int, who: Principal) -> TargetDetail:
        """Store a proposal of n variables with its recomputed cost; NotBetter unless it beats the present best."""
        key = proposal.problem.key
        with self._db.write() as connection:
            self._db.serialise(connection, PROPOSING)
            present = best(connection, key)
            if present is not None and cost >= present.cost:
                raise NotBetter(
                    f"a cost of {cost} does not beat the present best, {present.cost} by {present.found_by}",
                    next_step="Propose a solution with a lower cost.",
                )
            add(self._db, connection, proposal, n=n, cost=cost, proposed_by=who.id)
        return self.get(key)


def best(connection: Connection, key: str) -> BestVerified | None:
    """Return the best verified target of a problem: the better of the shipped and the stored ones."""
    shipped = targets_shipped.best(key)
    query = select(targets).where(targets.c.key == key).order_by(targets.c.cost).limit(1)
    row = connection.execute(query).first()
    if row is None or (shipped is not None and shipped.cost <= row.cost):
        return shipped
    proven = targets_shipped.bound(key)
    return BestVerified(
        cost=row.cost,
        solution=row.solution,
        found_by=row.found_by,
        found_on=row.found_on,
        found_at=row.at.date(),
        bound=proven.cost if proven else None,
        optimal=proven.method if proven and proven.cost == row.cost else None,
    )


def find(
    db: Database, connection: Connection, proposal: Proposal, *, n: int, cost: int, proposed_by: str, attempt_id: str
) -> bool:
    """Keep the solution of an attempt if it beats the present best, and say whether it does."""
    db.serialise(connection, PROPOSING)
    present = best(connection, proposal.problem.key)
    better = present is None or cost < present.cost
    if better:
        add(db, connection, proposal, n=n, cost=cost, proposed_by=proposed_by, attempt_id=attempt_id)
    return better


def add(
    db: Database,
    connection: Connection,
    proposal: Proposal,
    *,
    n: int,
    cost: int,
    proposed_by: str,
    attempt_id: str | None = None,
) -> None:
    """Insert a verified solution; the caller has compared it with the present best. Raises UnknownFile."""
    problem = proposal.problem
    require_kept(connection, problem)
    mis = problem if isinstance(problem, MisProblem) else None
    values = {
        **proposal.model_dump(include={"solution", "found_by", "found_on", "comment"}),
        "key": problem.key,
        "workload": problem.workload,
        "n": n,
        "density": mis.density if mis else None,
        "seed": mis.seed if mis else None,
        "digest": problem.problem if isinstance(problem, FileProblem) else None,
        "cost": cost,
        "proposed_by": proposed_by,
        "attempt_id": attempt_id,
        "at": db.now(),
    }
    connection.execute(insert(targets).values(values))


def _narrowed(query: Select[Any], wanted: TargetFilter) -> Select[Any]:
    c = targets.c
    for column, value in ((c.workload, wanted.workload), (c.n, wanted.n), (c.seed, wanted.seed)):
        query = query if value is None else query.where(column == value)
    if wanted.problem is not None:
        query = query.where(c.digest == wanted.problem)
    if wanted.density is not None:
        query = query.where(func.abs(c.density - wanted.density) < SAME_DENSITY)
    return query


def _held(key: str, rows: Iterable[Row[Any]]) -> list[tuple[HeldTarget, AnyProblem]]:
    """Return the shipped and the stored solutions of a problem, the shipped one first."""
    found: list[tuple[HeldTarget, AnyProblem]] = []
    shipped = targets_shipped.best(key)
    if shipped is not None:
        told = shipped.model_dump(include={"cost", "found_by", "found_on", "found_at"})
        found.append((HeldTarget(**told, shipped=True), targets_shipped.problem(key)))
    return found + [(_held_target(row), _problem(row)) for row in rows]


def _held_target(row: Row[Any]) -> HeldTarget:
    return HeldTarget(
        cost=row.cost,
        found_by=row.found_by,
        found_on=row.found_on,
        found_at=row.at.date(),
        comment=row.comment,
        attempt_id=row.attempt_id,
    )


def _problem(row: Row[Any]) -> AnyProblem:
    if row.workload == "qubo":
        return FileProblem(problem=row.digest)
    return MisProblem(n=row.n, density=row.density, seed=row.seed)


def _view(key: str, rows: Iterable[Row[Any]]) -> TargetView:
    stored = list(rows)
    held = _held(key, stored)
    problem = held[0][1]
    best_held = min((target for target, _ in held), key=lambda target: target.cost)
    mis = problem if isinstance(problem, MisProblem) else None
    official = qubo_mis.official_target(mis.n, mis.density, mis.seed) if mis else None
    proven = targets_shipped.bound(key)
    return TargetView(
        key=key,
        problem=problem,
        n=mis.n if mis else stored[0].n,
        edges=mis.edges if mis else None,
        official=OfficialTarget(**official.model_dump(exclude={"kind"})) if official else None,
        best=best_held,
        improvement=official.cost - best_held.cost if official else None,
        bound=proven.cost if proven else None,
        proof=proven.method if proven else None,
        optimal=proven is not None and proven.cost == best_held.cost,
    )


def _place(view: TargetView) -> tuple[str, int, int, int, str]:
    """Order by workload, size, edges, seed."""
    problem = view.problem
    seed = problem.seed if isinstance(problem, MisProblem) else 0
    return (problem.workload, view.n, view.edges or 0, seed, view.key)
