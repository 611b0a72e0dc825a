"""Which bench can run what.

Jobs that ask the same of a bench share one requirement, so when a bench registers it is matched with a handful of
rows, not with a hundred thousand queued jobs.
"""

from __future__ import annotations

import hashlib
import json

from sqlalchemy import Connection, delete, insert, select

from neurorig_protocols import wording
from neurorig_protocols.api.problems import FieldProblem
from neurorig_protocols.job import BenchRecord, JobSpec, unmet_needs
from neurorig_protocols.refusals import Infeasible
from neurorig_server.store.database import Database
from neurorig_server.store.tables import benches, feasible, requirements

MATCHING = 0x6E65_7572_6F01
"""Advisory key: a bench and a new requirement that come at the same time must see each other."""


def digest(spec: JobSpec) -> str:
    """Return the digest of all that `unmet_needs` looks at."""
    asked = [spec.workload.name, spec.solver.name, spec.needs.model_dump(mode="json")]
    return hashlib.sha256(json.dumps(asked, sort_keys=True).encode()).hexdigest()


def ensure(db: Database, connection: Connection, spec: JobSpec) -> int:
    """Return the id of the spec's requirement; a new one is matched with every bench."""
    key = digest(spec)
    found = _find(connection, key)
    if found is not None:
        return found
    db.serialise(connection, MATCHING)
    found = _find(connection, key)
    if found is not None:
        return found
    new = connection.execute(
        insert(requirements).values(digest=key, example=spec.model_dump(mode="json")).returning(requirements.c.id)
    ).scalar_one()
    fitting = [{"bench": bench, "requirement_id": new} for bench, lacks in _unmet(connection, spec) if not lacks]
    if fitting:
        connection.execute(insert(feasible), fitting)
    return int(new)


def match_bench(db: Database, connection: Connection, bench: BenchRecord) -> None:
    """Match a bench that registered, anew or again, with every requirement."""
    db.serialise(connection, MATCHING)
    name = bench.profile.name
    connection.execute(delete(feasible).where(feasible.c.bench == name))
    rows = connection.execute(select(requirements.c.id, requirements.c.example))
    fitting = [
        {"bench": name, "requirement_id": row.id}
        for row in rows
        if not unmet_needs(JobSpec.model_validate(row.example), bench)
    ]
    if fitting:
        connection.execute(insert(feasible), fitting)


def fitting_benches(connection: Connection, requirement_id: int) -> frozenset[str]:
    """Return the names of the benches that meet a requirement."""
    query = select(feasible.c.bench).where(feasible.c.requirement_id == requirement_id)
    return frozenset(connection.execute(query).scalars())


def require_feasible(connection: Connection, requirement_id: int, spec: JobSpec) -> None:
    """Raise Infeasible, with what each bench lacks, when no registered bench meets the requirement."""
    if fitting_benches(connection, requirement_id):
        return
    lacking = [
        FieldProblem(field=f"benches.{bench}", message="unmet: " + "; ".join(lacks), code="unmet_need")
        for bench, lacks in _unmet(connection, spec)
    ]
    seen = "no bench is registered" if not lacking else f"none of {len(lacking)} registered benches fits"
    raise Infeasible(
        f"no bench could run this job: {seen}",
        problems=[*_unknown_words(connection, spec), *lacking],
        next_step="Change the needs, or wait for a bench that fits: --wait-for-bench, by REST ?wait_for_bench=true.",
    )


def _unknown_words(connection: Connection, spec: JobSpec) -> list[FieldProblem]:
    """Name what no registered bench has by that name, with the closest name and all of them."""
    records = [BenchRecord.model_validate(row) for row in connection.execute(select(benches.c.record)).scalars()]
    boards = {record.profile.board.driver for record in records}
    on_board = [r for r in records if spec.needs.board in (None, r.profile.board.driver)]
    words = [
        ("needs.bench", "bench", "benches", spec.needs.bench, {record.profile.name for record in records}),
        ("needs.board", "board", "boards", spec.needs.board, boards),
    ]
    if on_board and spec.solver.name != "default":
        solvers = {solver for record in on_board for solver in record.board.solvers} | {"default"}
        words.append(("solver.name", "solver", "solvers", spec.solver.name, solvers))
    return [
        FieldProblem(field=field, message=wording.unknown(what, word, known, plural=plural), code=f"unknown_{what}")
        for field, what, plural, word, known in words
        if word is not None and word not in known and records
    ]


def _find(connection: Connection, key: str) -> int | None:
    return connection.execute(select(requirements.c.id).where(requirements.c.digest == key)).scalar()


def _unmet(connection: Connection, spec: JobSpec) -> list[tuple[str, list[str]]]:
    rows = connection.execute(select(benches.c.name, benches.c.record).order_by(benches.c.name))
    return [(row.name, unmet_needs(spec, BenchRecord.model_validate(row.record))) for row in rows]
