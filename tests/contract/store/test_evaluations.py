"""Contract of evaluation rounds: sealed until frozen, frozen once, and what their jobs count as."""

from __future__ import annotations

import threading
from collections.abc import Callable
from typing import Any

import pytest
from sqlalchemy import update
from sqlalchemy.exc import IntegrityError
from store_kit import Clock

from neurorig_protocols.api.evaluations import EvaluationView
from neurorig_protocols.benchmarks import evaluation
from neurorig_protocols.benchmarks.evaluation import TRANSITIONS, EvaluationRound, RoundEvent, RoundState
from neurorig_protocols.benchmarks.tuning import TuningDeclaration
from neurorig_protocols.job import JobSpec, JobState
from neurorig_protocols.refusals import EvaluationOpen, EvaluationRevealed, Forbidden, NotFound, ReservedTag
from neurorig_server.store.benchmark_tables import evaluations
from neurorig_server.store.evaluations import tag
from neurorig_server.store.jobs import JobFilter
from neurorig_server.store.store import Store
from neurorig_server.store.tokens import IMPLIED, Principal

EVERY_JOB = JobFilter()
OTHER = Principal(id="other", name="other", scopes=IMPLIED["submit"])
NONCE = "00ff"


@pytest.fixture
def digest(store: Store, admin: Principal) -> str:
    """The digest of a declaration that is in the store."""
    return store.tunings.declare(_declaration(10), admin)[0].digest


def _declaration(steps: int) -> TuningDeclaration:
    body = {"benchmark": "qubo-mis", "board": "virtual-loihi", "solver": "annealing", "params": {"steps": steps}}
    return TuningDeclaration.model_validate(body)


@pytest.fixture
def opened(store: Store, admin: Principal) -> EvaluationView:
    """An open round."""
    return store.evaluations.open("qubo-mis", "first", admin)


def record(view: EvaluationView) -> EvaluationRound:
    """Return the public record that anybody can verify."""
    return EvaluationRound.model_validate(view.model_dump(exclude={"owner", "comment", "jobs"}))


def test_open_round_shows_its_commitment_and_nothing_else(store: Store, opened: EvaluationView) -> None:
    """While a round is sealed, no answer holds its secret."""
    assert opened.state is RoundState.OPEN
    assert (opened.secret, opened.seeds, opened.tuning, opened.frozen_at, opened.nonce) == (None,) * 5
    assert (opened.owner, opened.comment, opened.jobs) == ("admin", "first", 0)
    with store.db.read() as connection:
        secret = connection.execute(evaluations.select()).one().secret
    assert evaluation.commitment(bytes.fromhex(secret), "qubo-mis", opened.id) == opened.commitment
    shown = [store.evaluations.get(opened.id), store.evaluations.list()]
    assert not any(secret in view.model_dump_json() for view in shown)


def test_every_round_has_another_secret(store: Store, admin: Principal) -> None:
    """No two rounds are bound to the same secret."""
    assert len({store.evaluations.open("qubo-mis", "", admin).commitment for _ in range(5)}) == 5


def test_frozen_round_is_verified_by_anybody(
    store: Store, admin: Principal, opened: EvaluationView, digest: str, clock: Clock
) -> None:
    """The freeze publishes what is needed to recompute commitment and seeds, and the commitment is the old one."""
    clock.advance(60)

    frozen = store.evaluations.freeze(opened.id, digest, NONCE, admin)

    assert (frozen.state, frozen.commitment, frozen.tuning) == (RoundState.REVEALED, opened.commitment, digest)
    assert all(check.well for check in evaluation.verify(record(frozen), _declaration(10)))
    assert store.tunings.get(digest).rounds == 1


def test_second_freeze_changes_nothing(store: Store, admin: Principal, opened: EvaluationView, digest: str) -> None:
    """A round keeps its first declaration and its seeds."""
    frozen = store.evaluations.freeze(opened.id, digest, NONCE, admin)
    other = store.tunings.declare(_declaration(20), admin)[0].digest

    for again in (other, digest):
        with pytest.raises(EvaluationRevealed):
            store.evaluations.freeze(opened.id, again, "", admin)

    assert store.evaluations.get(opened.id) == frozen


def test_of_two_freezes_at_once_one_wins(store: Store, admin: Principal, opened: EvaluationView, digest: str) -> None:
    """However many freeze at the same time, one declaration gets the round and the others are refused."""
    digests = [digest, *(store.tunings.declare(_declaration(k), admin)[0].digest for k in range(20, 25))]
    won: list[EvaluationView] = []
    refused: list[str] = []
    start = threading.Barrier(len(digests))

    def freeze(wanted: str) -> None:
        start.wait(10)
        try:
            won.append(store.evaluations.freeze(opened.id, wanted, NONCE, admin))
        except EvaluationRevealed:
            refused.append(wanted)

    threads = [threading.Thread(target=freeze, args=(wanted,)) for wanted in digests]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(30)

    assert (len(won), len(refused)) == (1, len(digests) - 1)
    assert won == [store.evaluations.get(opened.id)]
    assert won[0].tuning not in refused
    assert all(check.well for check in evaluation.verify(record(won[0])))


def test_only_the_opener_freezes(store: Store, opened: EvaluationView, digest: str) -> None:
    """Another's token cannot use up a round."""
    with pytest.raises(Forbidden):
        store.evaluations.freeze(opened.id, digest, "", OTHER)

    assert store.evaluations.get(opened.id).state is RoundState.OPEN


def test_unknown_round_and_unknown_declaration_are_not_found(
    store: Store, admin: Principal, opened: EvaluationView, digest: str
) -> None:
    """Neither a round nor a declaration is made up."""
    with pytest.raises(NotFound, match="round"):
        store.evaluations.freeze("0" * 12, digest, "", admin)
    with pytest.raises(NotFound, match="declaration"):
        store.evaluations.freeze(opened.id, "sha256:" + "0" * 64, "", admin)

    assert store.evaluations.get(opened.id).state is RoundState.OPEN


def test_open_round_has_no_jobs(store: Store, opened: EvaluationView) -> None:
    """Jobs of a round need its seeds, and those need the freeze."""
    with pytest.raises(EvaluationOpen, match="open cannot have jobs"):
        store.evaluations.revealed(opened.id)


def test_every_pair_of_state_and_event_is_as_the_table_says(store: Store, admin: Principal, digest: str) -> None:
    """A legal event leads to the table's state, an illegal one is refused with its own code."""
    for state in RoundState:
        for event in RoundEvent:
            made = store.evaluations.open("qubo-mis", "", admin)
            if state is RoundState.REVEALED:
                store.evaluations.freeze(made.id, digest, "", admin)
            try:
                if event is RoundEvent.FREEZE:
                    store.evaluations.freeze(made.id, digest, "", admin)
                else:
                    store.evaluations.revealed(made.id)
                after: RoundState | None = store.evaluations.get(made.id).state
            except (EvaluationOpen, EvaluationRevealed):
                after = None
            assert after == TRANSITIONS.get((state, event)), f"{state} --{event}-->"


@pytest.mark.parametrize(
    "values", [{"state": "sealed"}, {"state": "revealed"}, {"nonce": "", "seeds": [5], "state": "x"}]
)
def test_database_itself_refuses_a_half_revealed_round(
    store: Store, opened: EvaluationView, values: dict[str, Any]
) -> None:
    """No other writer can bring in an unknown state, or a revealed round without its seeds."""
    with pytest.raises(IntegrityError), store.db.write() as connection:
        connection.execute(update(evaluations).values(**values))


def test_rounds_are_listed_and_counted(store: Store, admin: Principal, digest: str) -> None:
    """Whoever draws again and again is seen: rounds are counted by board and solver."""
    made = [store.evaluations.open("qubo-mis", "", admin) for _ in range(5)]
    other = store.tunings.declare(_declaration(20), admin)[0].digest
    for view, wanted in zip(made, (digest, digest, other), strict=False):
        store.evaluations.freeze(view.id, wanted, "", admin)

    first = store.evaluations.list(limit=2)
    second = store.evaluations.list(limit=3, cursor=first.next)

    assert [v.id for v in first.items + second.items] == [v.id for v in made[::-1]]
    assert (first.open, second.next) == (2, None)
    (count,) = first.counts
    assert (count.board, count.solver, count.rounds, count.declarations) == ("virtual-loihi", "annealing", 3, 2)


@pytest.fixture
def submit(
    store: Store, admin: Principal, spec: Callable[..., JobSpec], bench: Callable[..., Any], digest: str
) -> Callable[..., Any]:
    """Submit a job of the declaration and return what it counts as."""
    bench()

    def make(seed: int, *, tuned: str | None = digest, tags: tuple[str, ...] = ()) -> Any:
        solver = {"name": "annealing", "seed": seed, "tuning": tuned}
        asked = spec(seed=seed, solver=solver, needs={"board": "virtual-loihi"}, tags=tags)
        (job_id,) = store.campaigns.submit("c", [asked], admin, own_tags=frozenset(tags)).jobs
        made = store.jobs.get(job_id)
        assert store.jobs.list(EVERY_JOB).items[0].standing == made.standing
        return made.standing

    return make


def test_seed_drawn_after_the_freeze_is_official(
    store: Store, admin: Principal, opened: EvaluationView, digest: str, submit: Callable[..., Any]
) -> None:
    """A round's seeds with the round's declaration are the official evaluation, with any other they are not."""
    seeds = store.evaluations.freeze(opened.id, digest, NONCE, admin).seeds
    assert seeds is not None
    other = store.tunings.declare(_declaration(20), admin)[0].digest

    official = submit(seeds[2], tags=(tag(opened.id),))
    assert (official.name, official.evaluation) == ("official-evaluation", opened.id)
    assert submit(seeds[2], tuned=other).name == "exploratory"
    assert submit(seeds[2], tuned=None).name == "exploratory"
    assert submit(0).name == "tuning"
    assert submit(0, tuned=None).name == "exploratory"
    assert submit(99, tags=(tag(opened.id),)).name == "exploratory"
    assert store.evaluations.get(opened.id).jobs == 2


def test_job_from_before_the_freeze_is_never_official(
    *, store: Store, admin: Principal, opened: EvaluationView, digest: str, submit: Callable[..., Any], clock: Clock
) -> None:
    """A seed that was run before it was drawn by a round counts as chosen."""
    with store.db.read() as connection:
        secret = bytes.fromhex(connection.execute(evaluations.select()).one().secret)
    seed = evaluation.derive(secret, digest, opened.id, NONCE)[0]
    submit(seed)
    job_id = store.jobs.list(EVERY_JOB).items[0].id
    clock.advance(1)
    store.evaluations.freeze(opened.id, digest, NONCE, admin)

    early = store.jobs.get(job_id).standing
    assert early is not None
    assert (early.name, early.seed) == ("exploratory", "free")
    assert submit(seed).name == "official-evaluation"


def test_attempt_has_the_standing_of_its_job(
    store: Store, admin: Principal, opened: EvaluationView, digest: str, submit: Callable[..., Any]
) -> None:
    """An attempt's page and its job's page say the same."""
    seeds = store.evaluations.freeze(opened.id, digest, NONCE, admin).seeds
    assert seeds is not None
    official = submit(seeds[0])
    lease = store.leases.claim("bench-a", admin)
    assert lease is not None

    assert store.attempts.get(lease.attempt_id).standing == official
    assert lease.job.solver.params == {"steps": 10}


@pytest.mark.parametrize("written", ["evaluation:{}", "Evaluation:{}", " EVALUATION:{}", "evaluation:"])
def test_rounds_tag_is_refused_from_submitters(
    *,
    store: Store,
    admin: Principal,
    opened: EvaluationView,
    spec: Callable[..., JobSpec],
    bench: Callable[..., Any],
    written: str,
) -> None:
    """Neither a job nor a campaign may carry it, nothing is queued, and the round counts its own jobs only."""
    bench()
    ours = spec(tags=(tag(opened.id), "night"))
    store.campaigns.submit("of the round", [ours], admin, own_tags=frozenset({tag(opened.id)}))
    by_hand = spec(tags=("night", written.format(opened.id)))

    with pytest.raises(ReservedTag, match="only the server sets") as alone:
        store.jobs.submit(by_hand, admin)
    with pytest.raises(ReservedTag):
        store.campaigns.submit("c", [spec(), by_hand], admin, own_tags=frozenset({tag("0" * 12)}))

    assert alone.value.code == "reserved_tag"
    assert [(p.field, p.code) for p in alone.value.problems] == [("tags", "reserved_tag")]
    assert "Leave the tag out" in (alone.value.next_step or "")
    assert store.evaluations.get(opened.id).jobs == 1
    assert len(store.jobs.list(EVERY_JOB).items) == 1


def test_words_like_the_rounds_tag_are_free(
    store: Store, admin: Principal, spec: Callable[..., JobSpec], bench: Callable[..., Any]
) -> None:
    """Only the prefix with its colon is reserved."""
    bench()
    tags = ("evaluation", "evaluation-7", "my evaluation:7")

    made = store.jobs.submit(spec(tags=tags), admin)

    assert made.spec.tags == tags


def test_round_and_its_campaigns_lead_to_each_other(
    *, store: Store, admin: Principal, opened: EvaluationView, spec: Callable[..., JobSpec], bench: Callable[..., Any]
) -> None:
    """The tag joins a round, its jobs by state and its campaigns, newest first."""
    bench()
    other = store.evaluations.open("qubo-mis", "", admin)
    tags = (tag(opened.id), tag("0" * 12), "night")
    jobs = [spec(seed=k, tags=tags) for k in range(3)]
    made = [store.campaigns.submit("c", jobs, admin, own_tags=frozenset(tags)) for _ in range(2)]
    store.campaigns.submit("not of the round", [spec()], admin)
    store.jobs.cancel(made[0].jobs[0], admin)

    assert store.evaluations.job_states(opened.id) == {JobState.QUEUED: 5, JobState.CANCELLED: 1}
    assert store.evaluations.campaigns(opened.id) == (made[1].id, made[0].id)
    assert store.evaluations.campaigns(opened.id, limit=1) == (made[1].id,)
    assert (store.evaluations.job_states(other.id), store.evaluations.campaigns(other.id)) == ({}, ())


def test_seeds_of_a_declaration_lead_to_their_rounds(
    store: Store, admin: Principal, opened: EvaluationView, digest: str
) -> None:
    """A round is found by any of its seeds together with its declaration, by nothing else; newest first."""
    later = store.evaluations.open("qubo-mis", "", admin)
    other = store.tunings.declare(_declaration(20), admin)[0].digest
    first, second = (store.evaluations.freeze(view.id, digest, NONCE, admin).seeds for view in (opened, later))
    assert first is not None
    assert second is not None

    assert store.evaluations.that_drew({digest: first[2:]}) == (opened.id,)
    assert store.evaluations.that_drew({digest: {first[0], second[4], 7}, other: set()}) == (later.id, opened.id)
    assert store.evaluations.that_drew({digest: {first[0], second[0]}}, limit=1) == (later.id,)
    for nothing in ({}, {digest: set()}, {digest: range(5)}, {other: first}):
        assert store.evaluations.that_drew(nothing) == ()
