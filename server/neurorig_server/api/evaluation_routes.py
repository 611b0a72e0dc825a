"""Routes of tuning declarations and evaluation rounds."""

from __future__ import annotations

from fastapi import APIRouter, Response

from neurorig_protocols.api.campaigns import CampaignCreated
from neurorig_protocols.api.evaluations import EvaluationPage, EvaluationRequest, EvaluationView, Freeze, RoundJobs
from neurorig_protocols.api.tunings import TuningPage, TuningView
from neurorig_protocols.benchmarks.tuning import TuningDeclaration
from neurorig_server.api.submission import jobs_of_round
from neurorig_server.http.auth import Reader, Submitter
from neurorig_server.http.parameters import Cursor, Id, IdempotencyKey, PageLimit, TuningDigest, WaitForBench
from neurorig_server.services import ServicesDep
from neurorig_server.store.evaluations import tag
from neurorig_server.store.idempotency import Key

tuning_router = APIRouter(prefix="/tunings", tags=["tunings"])


@tuning_router.post(
    "", status_code=201, responses={200: {"description": "It was declared before.", "model": TuningView}}
)
def declare_tuning(
    declaration: TuningDeclaration,
    services: ServicesDep,
    who: Submitter,
    response: Response,
    key: IdempotencyKey = None,
) -> TuningView:
    """Freeze a tuning declaration. Its digest is its identity: the same one again is the first one, with 200."""
    view, is_new = services.store.tunings.declare(declaration, who, key=key)
    response.status_code = 201 if is_new else 200
    response.headers["Location"] = f"/api/v1/tunings/{view.digest}"
    return view


@tuning_router.get("")
def list_tunings(services: ServicesDep, _who: Reader, limit: PageLimit = 50, cursor: Cursor = None) -> TuningPage:
    """List tuning declarations, newest first."""
    return services.store.tunings.list(limit=limit, cursor=cursor)


@tuning_router.get("/{digest}")
def get_tuning(digest: TuningDigest, services: ServicesDep, _who: Reader) -> TuningView:
    """Show one tuning declaration."""
    return services.store.tunings.get(digest)


router = APIRouter(prefix="/evaluations", tags=["evaluations"])


@router.post("", status_code=201)
def open_evaluation(
    asked: EvaluationRequest, services: ServicesDep, who: Submitter, response: Response, key: IdempotencyKey = None
) -> EvaluationView:
    """Open a round: the server draws a secret, keeps it sealed and publishes the commitment to it."""
    once = Key.of(who, key, "evaluation", asked)
    view = services.store.evaluations.open(asked.benchmark, asked.comment, who, once=once)
    response.headers["Location"] = f"/api/v1/evaluations/{view.id}"
    return view


@router.get("")
def list_evaluations(
    services: ServicesDep, _who: Reader, limit: PageLimit = 50, cursor: Cursor = None
) -> EvaluationPage:
    """List rounds, newest first, with the number of rounds that each solver on each board has had."""
    return services.store.evaluations.list(limit=limit, cursor=cursor)


@router.get("/{round_id}")
def get_evaluation(round_id: Id, services: ServicesDep, _who: Reader) -> EvaluationView:
    """Show one round: everything that is needed to check it, once it is revealed."""
    return services.store.evaluations.get(round_id)


@router.post("/{round_id}/freeze")
def freeze_evaluation(
    round_id: Id, asked: Freeze, services: ServicesDep, who: Submitter, key: IdempotencyKey = None
) -> EvaluationView:
    """Freeze a declaration into a round, once: the seeds are drawn and the secret is published."""
    once = Key.of(who, key, f"freeze of evaluation {round_id}", asked)
    return services.store.evaluations.freeze(round_id, asked.tuning, asked.nonce, who, once=once)


@router.post("/{round_id}/jobs", status_code=201)
def submit_evaluation_jobs(
    *,
    round_id: Id,
    asked: RoundJobs,
    services: ServicesDep,
    who: Submitter,
    response: Response,
    key: IdempotencyKey = None,
    wait_for_bench: WaitForBench = False,
) -> CampaignCreated:
    """Queue the jobs of a revealed round as one campaign."""
    store = services.store
    found = store.evaluations.revealed(round_id)
    declaration = store.tunings.get(found.tuning or "").declaration
    specs = jobs_of_round(asked, found, declaration)
    once = Key.of(who, key, f"jobs of evaluation {round_id}", asked)
    name = f"evaluation {round_id}"
    own = frozenset({tag(round_id)})
    created = store.campaigns.submit(name, specs, who, once=once, wait_for_bench=wait_for_bench, own_tags=own)
    response.headers["Location"] = f"/api/v1/campaigns/{created.id}"
    return created
