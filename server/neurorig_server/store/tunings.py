"""Use cases on tuning declarations, and their enforcement: a job that names one gets its parameters from it."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any

from sqlalchemy import Connection, Row, func, insert, select

from neurorig_protocols.api.problems import FieldProblem
from neurorig_protocols.api.tunings import TuningPage, TuningView
from neurorig_protocols.benchmarks import tuning
from neurorig_protocols.benchmarks.tuning import Params, TuningDeclaration
from neurorig_protocols.job import JobSpec
from neurorig_protocols.refusals import Invalid, PerInstanceTuning, TuningDiffers, not_found
from neurorig_protocols.workloads.qubo.qubo_records import QuboMis
from neurorig_server.store import idempotency
from neurorig_server.store.benchmark_tables import evaluations, tunings
from neurorig_server.store.database import Database
from neurorig_server.store.idempotency import Key
from neurorig_server.store.paging import cut, from_cursor
from neurorig_server.store.tokens import Principal

DECLARING = 0x6E65_7572_6F0C
"""Advisory key: of two equal declarations at once, one is first."""

NEW, KNOWN = "new", "known"
"""What came of a declaration."""


class Tunings:
    """Use cases on tuning declarations."""

    def __init__(self, db: Database) -> None:
        self._db = db

    def declare(
        self, declaration: TuningDeclaration, who: Principal, *, key: str | None = None
    ) -> tuple[TuningView, bool]:
        """Freeze a declaration; also say whether it is new. An equal one keeps its first owner and time.

        The same key says each time what it said the first time. Raises NoValue for a declaration that gives no value
        at a size and density of the benchmark, KeyReused.
        """
        tuning.require_total(declaration)
        digest = tuning.digest(declaration)
        once = Key.of(who, key, "tuning", declaration)
        with self._db.write() as connection:
            # The body itself gives the digest: what a key keeps is whether it was new.
            outcome = idempotency.once(
                self._db, connection, once, lambda: self._insert(connection, declaration, digest, who)
            )
        return self.get(digest), outcome == NEW

    def _insert(self, connection: Connection, declaration: TuningDeclaration, digest: str, who: Principal) -> str:
        self._db.serialise(connection, DECLARING)
        if connection.execute(select(tunings.c.seq).where(tunings.c.digest == digest)).first() is not None:
            return KNOWN
        connection.execute(insert(tunings).values(self._values(declaration, digest, who)))
        return NEW

    def get(self, digest: str) -> TuningView:
        """Return one declaration; NotFound."""
        with self._db.read() as connection:
            row = connection.execute(_with_rounds().where(tunings.c.digest == digest)).first()
        if row is None:
            raise not_found("tuning declaration", digest)
        return _view(row)

    def list(self, *, limit: int = 50, cursor: str | None = None) -> TuningPage:
        """Return a page of declarations, newest first."""
        query = _with_rounds().order_by(tunings.c.seq.desc()).limit(limit + 1)
        if cursor is not None:
            query = query.where(tunings.c.seq < from_cursor(cursor))
        with self._db.read() as connection:
            rows = connection.execute(query).all()
        page, more = cut(rows, limit)
        return TuningPage(items=tuple(_view(row) for row in page), next=more)

    def _values(self, declaration: TuningDeclaration, digest: str, who: Principal) -> dict[str, Any]:
        return {
            "digest": digest,
            "benchmark": declaration.benchmark,
            "board": declaration.board,
            "solver": declaration.solver,
            "declaration": tuning.canonical(declaration),
            "declared_by": who.id,
            "owner": who.name,
            "created_at": self._db.now(),
        }


def settle(connection: Connection, specs: Sequence[JobSpec]) -> list[JobSpec]:
    """Return the jobs with the parameters that their declarations give; a job without one is returned as it is.

    Raises Invalid for an unknown declaration, TuningDiffers for one of another board, solver or benchmark,
    PerInstanceTuning for parameters beside it, NoValue where it gives none.
    """
    known = _declarations(connection, {spec.solver.tuning for spec in specs if spec.solver.tuning})
    values: dict[tuple[str, int, float], Params] = {}
    return [_settled(spec, known, values) for spec in specs]


def _settled(
    spec: JobSpec, known: dict[str, TuningDeclaration], values: dict[tuple[str, int, float], Params]
) -> JobSpec:
    digest = spec.solver.tuning
    if digest is None:
        return spec
    declaration = known.get(digest)
    if declaration is None:
        message = f"there is no tuning declaration '{digest}'"
        problem = FieldProblem(field="solver.tuning", message=message, code="unknown_tuning")
        raise Invalid(message, next_step="Declare it with `neurorig tuning declare`.", problems=[problem])
    workload = _covered(spec, declaration)
    key = (digest, workload.n, workload.density)
    if key not in values:
        values[key] = tuning.evaluate(declaration, workload.n, workload.density)
    _require_declared(spec.solver.params, values[key])
    return spec.model_copy(update={"solver": spec.solver.model_copy(update={"params": values[key]})})


def _covered(spec: JobSpec, declaration: TuningDeclaration) -> QuboMis:
    """Return the job's workload; TuningDiffers unless the declaration is for its board, solver and benchmark."""
    pairs = [
        ("workload.name", declaration.benchmark, spec.workload.name),
        ("needs.board", declaration.board, spec.needs.board or "any"),
        ("solver.name", declaration.solver, spec.solver.name),
    ]
    problems = [
        FieldProblem(field=name, message=f"declared for '{declared}', the job says '{given}'", code="tuning_differs")
        for name, declared, given in pairs
        if declared != given
    ]
    if problems or not isinstance(spec.workload, QuboMis):
        raise TuningDiffers(
            "the tuning declaration is for another board, solver or benchmark",
            next_step="Name the board and solver of the declaration, or declare one for these.",
            problems=problems,
        )
    return spec.workload


def _require_declared(given: Params, declared: Params) -> None:
    """Raise PerInstanceTuning unless nothing is given, or exactly what is declared."""
    if not given or given == declared:
        return
    problems = [
        FieldProblem(
            field=f"solver.params.{name}",
            message=f"declared {_said(declared, name)}, given {_said(given, name)}",
            code="per_instance_tuning",
        )
        for name in sorted(declared.keys() | given.keys())
        if declared.get(name) != given.get(name)
    ]
    raise PerInstanceTuning(
        "the job's parameters are not those of its frozen declaration",
        next_step="Leave `solver.params` empty: the server fills it in. Other parameters need another declaration.",
        problems=problems,
    )


def _said(params: Params, name: str) -> str:
    return repr(params[name]) if name in params else "nothing"


def _declarations(connection: Connection, digests: Iterable[str]) -> dict[str, TuningDeclaration]:
    wanted = sorted(digests)
    if not wanted:
        return {}
    query = select(tunings.c.digest, tunings.c.declaration).where(tunings.c.digest.in_(wanted))
    return {row.digest: _parsed(row.declaration) for row in connection.execute(query)}


def _parsed(text: str) -> TuningDeclaration:
    return TuningDeclaration.model_validate_json(text)


def _with_rounds() -> Any:
    rounds = select(func.count()).where(evaluations.c.tuning == tunings.c.digest).scalar_subquery()
    return select(tunings, rounds.label("rounds"))


def _view(row: Row[Any]) -> TuningView:
    return TuningView(
        digest=row.digest,
        declaration=_parsed(row.declaration),
        owner=row.owner,
        created_at=row.created_at,
        rounds=row.rounds,
    )
