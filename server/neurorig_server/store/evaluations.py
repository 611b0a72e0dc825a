"""Use cases on evaluation rounds: open, freeze, view. The only code that draws, holds and publishes their secrets."""

from __future__ import annotations

import re
import secrets
from collections import defaultdict
from collections.abc import Collection, Iterable, Mapping, Sequence
from datetime import datetime
from typing import Any

from sqlalchemy import Connection, Row, Select, and_, case, distinct, false, func, insert, or_, select, update

from neurorig_protocols.api.evaluations import EvaluationPage, EvaluationView, RoundCount
from neurorig_protocols.api.problems import FieldProblem
from neurorig_protocols.benchmarks import evaluation
from neurorig_protocols.benchmarks.evaluation import SECRET_BYTES, TRANSITIONS, RoundEvent, RoundState, Standing
from neurorig_protocols.forms import ID
from neurorig_protocols.job import JobSpec, JobState
from neurorig_protocols.refusals import EvaluationOpen, EvaluationRevealed, Forbidden, Refused, ReservedTag, not_found
from neurorig_protocols.workloads.qubo.qubo_records import QuboMis
from neurorig_server.ids import new_id
from neurorig_server.store import idempotency
from neurorig_server.store.benchmark_tables import evaluation_seeds, evaluations, tunings
from neurorig_server.store.database import Database
from neurorig_server.store.idempotency import Key
from neurorig_server.store.paging import cut, from_cursor
from neurorig_server.store.tables import among, campaigns, job_tags, jobs
from neurorig_server.store.tokens import Principal

EVALUATION = "evaluation:"
"""Before the id of an evaluation round, on each of its jobs."""
RESERVED = (EVALUATION,)
"""What a tag of a submitter may not begin with, whatever its case."""


def require_free(specs: Iterable[JobSpec], own: frozenset[str] = frozenset()) -> None:
    """Raise ReservedTag for a tag that is the server's, but for those in `own`, which it sets itself."""
    given = dict.fromkeys(tag for spec in specs for tag in spec.tags)
    taken = [tag for tag in given if tag not in own and tag.strip().casefold().startswith(RESERVED)]
    if not taken:
        return
    problems = [FieldProblem(field="tags", message=_message(tag), code=ReservedTag.code) for tag in taken]
    step = "Leave the tag out. The jobs of a round get it by themselves: `neurorig evaluation submit`."
    raise ReservedTag(problems[0].message, problems=problems, next_step=step)


def _message(tag: str) -> str:
    return f"the tag '{tag}' is one that only the server sets: it counts a round's jobs by it"


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


REFUSALS: Mapping[RoundState, type[Refused]] = {
    RoundState.OPEN: EvaluationOpen,
    RoundState.REVEALED: EvaluationRevealed,
}


def tag(round_id: str) -> str:
    """Return the tag that the jobs of a round carry."""
    return f"{EVALUATION}{round_id}"


def round_of_tag(text: str) -> str | None:
    """Return the id of the round that a tag names, whether or not there is one; None for any other tag."""
    found = text.removeprefix(EVALUATION)
    return found if found != text and re.fullmatch(ID, found) else None


class Evaluations:
    """Use cases on evaluation rounds."""

    def __init__(self, db: Database) -> None:
        self._db = db

    def open(self, benchmark: str, comment: str, who: Principal, *, once: Key | None = None) -> EvaluationView:
        """Draw a secret, keep it sealed and return the round with its commitment.

        The same key and body return the round of the first time; KeyReused for another body.
        """
        with self._db.write() as connection:
            round_id = idempotency.once(
                self._db, connection, once, lambda: self._draw(connection, benchmark, comment, who)
            )
        return self.get(round_id)

    def freeze(
        self, round_id: str, digest: str, nonce: str, who: Principal, *, once: Key | None = None
    ) -> EvaluationView:
        """Freeze a declaration into a round: draw the seeds and publish the secret, once and for all.

        The same key and body return the round as it was frozen the first time. Raises NotFound for round or
        declaration, Forbidden for another's round, EvaluationRevealed the second time, KeyReused.
        """
        with self._db.write() as connection:
            idempotency.once(self._db, connection, once, lambda: self._reveal(connection, round_id, digest, nonce, who))
        return self.get(round_id)

    def _draw(self, connection: Connection, benchmark: str, comment: str, who: Principal) -> str:
        secret, round_id = secrets.token_bytes(SECRET_BYTES), new_id()
        connection.execute(
            insert(evaluations).values(
                id=round_id,
                benchmark=benchmark,
                state=str(RoundState.OPEN),
                commitment=evaluation.commitment(secret, benchmark, round_id),
                secret=secret.hex(),
                comment=comment,
                opened_by=who.id,
                owner=who.name,
                opened_at=self._db.now(),
            )
        )
        return round_id

    def _reveal(self, connection: Connection, round_id: str, digest: str, nonce: str, who: Principal) -> str:
        row = _row(connection, round_id)
        if row.opened_by != who.id and not who.may("admin"):
            raise Forbidden("only who opened the round may freeze a declaration into it")
        if connection.execute(select(tunings.c.seq).where(tunings.c.digest == digest)).first() is None:
            raise not_found("tuning declaration", digest)
        seeds = evaluation.derive(bytes.fromhex(row.secret), digest, round_id, nonce)
        frozen = (
            update(evaluations)
            .where(evaluations.c.seq == row.seq, among(evaluations.c.state, _sources(RoundEvent.FREEZE)))
            .values(
                state=_next(RoundEvent.FREEZE),
                tuning=digest,
                nonce=nonce,
                seeds=list(seeds),
                frozen_at=self._db.now(),
            )
        )
        if not connection.execute(frozen).rowcount:
            raise _refusal(RoundState.REVEALED, RoundEvent.FREEZE)
        drawn = [{"tuning": digest, "seed": seed, "evaluation_seq": row.seq} for seed in seeds]
        connection.execute(insert(evaluation_seeds), drawn)
        return round_id

    def get(self, round_id: str) -> EvaluationView:
        """Return one round, without its secret while it is sealed; NotFound."""
        with self._db.read() as connection:
            return _view(_row(connection, round_id))

    def revealed(self, round_id: str) -> EvaluationView:
        """Return a round that has its seeds; NotFound, EvaluationOpen."""
        view = self.get(round_id)
        if (view.state, RoundEvent.SUBMIT) not in TRANSITIONS:
            raise _refusal(view.state, RoundEvent.SUBMIT)
        return view

    def list(self, *, limit: int = 50, cursor: str | None = None) -> EvaluationPage:
        """Return a page of rounds, newest first, and how many rounds each solver on each board has had."""
        query = _with_jobs().order_by(evaluations.c.seq.desc()).limit(limit + 1)
        if cursor is not None:
            query = query.where(evaluations.c.seq < from_cursor(cursor))
        waiting = select(func.count()).where(evaluations.c.state == str(RoundState.OPEN))
        with self._db.read() as connection:
            rows = connection.execute(query).all()
            counts = tuple(_counts(connection))
            still_open = connection.execute(waiting).scalar_one()
        page, more = cut(rows, limit)
        return EvaluationPage(items=tuple(_view(row) for row in page), next=more, open=still_open, counts=counts)

    def job_states(self, round_id: str) -> dict[JobState, int]:
        """Return how many of the jobs that carry a round's tag are in each state; states without any are left out."""
        tagged = select(jobs.c.state, func.count()).join(job_tags, job_tags.c.job_seq == jobs.c.seq)
        query = tagged.where(job_tags.c.tag == tag(round_id)).group_by(jobs.c.state)
        with self._db.read() as connection:
            found = {JobState(state): int(count) for state, count in connection.execute(query)}
        return {state: found[state] for state in JobState if state in found}

    def campaigns(self, round_id: str, *, limit: int = 50) -> tuple[str, ...]:
        """Return the ids of the campaigns with jobs that carry a round's tag, newest first."""
        tagged = select(jobs.c.campaign_id).join(job_tags, job_tags.c.job_seq == jobs.c.seq)
        among_them = campaigns.c.id.in_(tagged.where(job_tags.c.tag == tag(round_id)))
        query = select(campaigns.c.id).where(among_them).order_by(campaigns.c.seq.desc()).limit(limit)
        with self._db.read() as connection:
            return tuple(connection.execute(query).scalars())

    def that_drew(self, seeds: Mapping[str, Collection[int]], *, limit: int = 20) -> tuple[str, ...]:
        """Return the ids of the rounds that drew one of these graph seeds for its declaration, newest first.

        seeds: by the digest of the declaration.
        """
        c = evaluation_seeds.c
        drawn = or_(
            false(), *(and_(c.tuning == digest, c.seed.in_(sorted(some))) for digest, some in seeds.items() if some)
        )
        query = select(evaluations.c.id).where(evaluations.c.seq.in_(select(c.evaluation_seq).where(drawn)))
        with self._db.read() as connection:
            return tuple(connection.execute(query.order_by(evaluations.c.seq.desc()).limit(limit)).scalars())


def _counts(connection: Connection) -> list[RoundCount]:
    c = tunings.c
    query = (
        select(c.board, c.solver, func.count().label("rounds"), func.count(distinct(c.digest)).label("declarations"))
        .join(evaluations, evaluations.c.tuning == c.digest)
        .group_by(c.board, c.solver)
        .order_by(c.board, c.solver)
    )
    return [
        RoundCount(board=row.board, solver=row.solver, rounds=row.rounds, declarations=row.declarations)
        for row in connection.execute(query)
    ]


def _sources(event: RoundEvent) -> list[str]:
    return [str(state) for state, e in TRANSITIONS if e == event]


def _next(event: RoundEvent) -> Any:
    moves = {str(state): str(after) for (state, e), after in TRANSITIONS.items() if e == event}
    return case(moves, value=evaluations.c.state)


def _refusal(state: RoundState, event: RoundEvent) -> Refused:
    what, step = {
        RoundEvent.FREEZE: ("take a declaration", "Open another round; this one keeps what it has."),
        RoundEvent.SUBMIT: ("have jobs", "Freeze a declaration into it first: `neurorig evaluation freeze`."),
    }[event]
    return REFUSALS[state](f"a round that is {state} cannot {what}", next_step=step)


def _with_jobs() -> Select[Any]:
    tagged = select(func.count()).where(job_tags.c.tag == EVALUATION + evaluations.c.id).scalar_subquery()
    return select(evaluations, tagged.label("jobs"))


def _row(connection: Connection, round_id: str) -> Row[Any]:
    row = connection.execute(_with_jobs().where(evaluations.c.id == round_id)).first()
    if row is None:
        raise not_found("evaluation round", round_id)
    return row


def _view(row: Row[Any]) -> EvaluationView:
    revealed = row.state == RoundState.REVEALED
    return EvaluationView(
        id=row.id,
        benchmark=row.benchmark,
        state=row.state,
        opened_at=row.opened_at,
        commitment=row.commitment,
        frozen_at=row.frozen_at,
        tuning=row.tuning,
        nonce=row.nonce,
        secret=row.secret if revealed else None,
        seeds=tuple(row.seeds) if revealed else None,
        owner=row.owner,
        comment=row.comment,
        jobs=row.jobs,
    )
