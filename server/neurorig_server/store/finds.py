"""A verified answer that beats the present best target becomes the best one. Part of the transaction of its verdict.

On which bench it was found does not matter: a solution is a solution, and its reality is said.
"""

from __future__ import annotations

import logging
from typing import Any

from sqlalchemy import Connection, Row, select

from neurorig_protocols.benchmarks.targets import Proposal, problem_of
from neurorig_protocols.job import JobSpec, QuboMis
from neurorig_protocols.report import AttemptReport, QuboAnswer
from neurorig_server.store import documents, targets
from neurorig_server.store.database import Database
from neurorig_server.store.tables import jobs, tokens
from neurorig_server.verdict import Verdict
from neurorig_server.views import VerifiedQubo

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
        found_on=_place(attempt, answer),
        comment=spec.comment,
    )
    targets.find(
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


def _place(attempt: Row[Any], answer: QuboAnswer) -> str:
    reality = "VIRTUAL" if attempt.reality == "virtual" else attempt.reality
    return _line(f"{answer.solver} on {attempt.board}, {reality} bench {attempt.bench}")


def _line(text: str) -> str:
    """Return a text as one printable line of at most 200 characters."""
    return "".join(max(c, " ") for c in text)[:200] or "unknown"
