"""Use cases on best verified targets: view, propose, and answers that beat the best. The shipped ones are the floor."""

from __future__ import annotations

import logging
from collections.abc import Iterable
from typing import Any, Literal

from pydantic import Field
from sqlalchemy import Connection, Row, Select, func, insert, select, tuple_

from neurorig_protocols.api.targets import HeldTarget, OfficialTarget, TargetDetail, TargetList, TargetView
from neurorig_protocols.job import JobSpec
from neurorig_protocols.records import Digest, Finite
from neurorig_protocols.records import Record as Base
from neurorig_protocols.refusals import NotBetter, not_found
from neurorig_protocols.report import AttemptReport
from neurorig_protocols.workloads.qubo import mis as qubo_mis
from neurorig_protocols.workloads.qubo import targets_shipped
from neurorig_protocols.workloads.qubo.qubo_records import QuboAnswer, QuboMis, VerifiedQubo
from neurorig_protocols.workloads.qubo.qubo_targets import BestVerified, FileProblem, MisProblem, Proposal, problem_of
from neurorig_server.recompute.verdict import Verdict
from neurorig_server.store import documents
from neurorig_server.store.benchmark_tables import targets
from neurorig_server.store.database import Database
from neurorig_server.store.files import require_kept
from neurorig_server.store.tables import jobs, tokens
from neurorig_server.store.tokens import Principal

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


log = logging.getLogger(__name__)


def keep(db: Database, connection: Connection, attempt: Row[Any], verdict: Verdict) -> None:
    """Keep the solution of an attempt, whose row is given, if it is a new best target."""
    verified = verdict.verified
    if not isinstance(verified, VerifiedQubo):
        return
    # Targets only ever fall: what did not beat the one of the recomputation beats none.
    if verified.best_target is not None and verified.cost >= verified.best_target:
        return
    job = connection.execute(select(jobs.c.spec, jobs.c.submitted_by).where(jobs.c.seq == attempt.job_seq)).one()
    spec = JobSpec.model_validate(job.spec)
    problem = problem_of(spec.workload)
    if problem is None or (isinstance(spec.workload, QuboMis) and not verified.independent_set):
        return
    if "below_proven_bound" in verdict.codes:
        log.error("attempt %s has a cost of %s, which a proof rules out", attempt.id, verified.cost)
        return
    answer = AttemptReport.model_validate(documents.get(connection, attempt.seq, "report")).answer
    if not isinstance(answer, QuboAnswer):
        return
    proposal = Proposal(
        problem=problem,
        solution=answer.solution,
        found_by=_name(connection, job.submitted_by),
        found_on=_place_of_find(attempt, answer),
        comment=spec.comment,
    )
    find(
        db,
        connection,
        proposal,
        n=answer.n,
        cost=verified.cost,
        proposed_by=job.submitted_by,
        attempt_id=attempt.id,
    )


def _name(connection: Connection, token_id: str) -> str:
    """Return the name of the token that submitted a job; its id for one that is gone."""
    name = connection.execute(select(tokens.c.name).where(tokens.c.id == token_id)).scalar()
    return _line(name or token_id)


def _place_of_find(attempt: Row[Any], answer: QuboAnswer) -> str:
    reality = "VIRTUAL" if attempt.reality == "virtual" else attempt.reality
    return _line(f"{answer.solver} on {attempt.board}, {reality} bench {attempt.bench}")


def _line(text: str) -> str:
    """Return a text as one printable line of at most 200 characters."""
    return "".join(max(c, " ") for c in text)[:200] or "unknown"
