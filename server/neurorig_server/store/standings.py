"""What jobs count as under the rules of their benchmark, from stored facts. Nothing of it is stored itself."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence
from datetime import datetime
from typing import Any

from sqlalchemy import Connection, Row, Select, select

from neurorig_protocols.benchmarks import evaluation
from neurorig_protocols.benchmarks.evaluation import Standing
from neurorig_protocols.job import JobSpec, QuboMis
from neurorig_server.store.tables_tunings import evaluation_seeds, evaluations


def standings(connection: Connection, jobs: Sequence[tuple[JobSpec, datetime]]) -> list[Standing | None]:
    """Return the standing of each job, given as (specification, instant of its submission), in their order."""
    drawn = _drawn(connection, {key for spec, _ in jobs if (key := _key(spec)) is not None})
    return [evaluation.standing(spec, _round_of(spec, created_at, drawn)) for spec, created_at in jobs]


def _key(spec: JobSpec) -> tuple[str, int] | None:
    """Return the declaration and the graph seed of a job that could be an evaluation."""
    workload, digest = spec.workload, spec.solver.tuning
    return (digest, workload.seed) if digest is not None and isinstance(workload, QuboMis) else None


def _drawn(connection: Connection, keys: set[tuple[str, int]]) -> dict[tuple[str, int], list[Row[Any]]]:
    """Return for each (declaration, seed) the rounds that drew it, oldest first."""
    found: dict[tuple[str, int], list[Row[Any]]] = defaultdict(list)
    if not keys:
        return found
    c = evaluation_seeds.c
    query: Select[Any] = (
        select(c.tuning, c.seed, evaluations.c.id, evaluations.c.frozen_at)
        .join(evaluations, evaluations.c.seq == c.evaluation_seq)
        .where(c.tuning.in_(sorted({digest for digest, _ in keys})), c.seed.in_(sorted({seed for _, seed in keys})))
        .order_by(c.evaluation_seq)
    )
    for row in connection.execute(query):
        found[row.tuning, row.seed].append(row)
    return found


def _round_of(spec: JobSpec, created_at: datetime, drawn: dict[tuple[str, int], list[Row[Any]]]) -> str | None:
    """Return the first round that drew the job's graph seed for its declaration before the job was submitted."""
    key = _key(spec)
    rounds = drawn.get(key, []) if key is not None else []
    return next((str(row.id) for row in rounds if row.frozen_at <= created_at), None)
