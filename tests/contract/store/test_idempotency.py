"""Contract of idempotency keys: whatever is made with one is made once."""

from __future__ import annotations

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import Any

import pytest
from sqlalchemy import Table, func, select

from neurorig_protocols.api.comparisons import ComparisonRequest, Side
from neurorig_protocols.benchmarks.tuning import TuningDeclaration
from neurorig_protocols.job import JobSpec
from neurorig_protocols.records import Record
from neurorig_protocols.refusals import EvaluationRevealed, Infeasible, KeyReused
from neurorig_server.store.benchmark_tables import comparisons, evaluations, tunings
from neurorig_server.store.idempotency import Key
from neurorig_server.store.store import Store
from neurorig_server.store.tables import campaigns, idempotency, jobs
from neurorig_server.store.tokens import IMPLIED, Principal

OTHER = Principal(id="other", name="other", scopes=IMPLIED["admin"])
NONCE = "c0ffee"


class Body(Record):
    """A request of a made-up kind."""

    text: str


def declaration(steps: int) -> TuningDeclaration:
    """A declaration of one constant."""
    body = {"benchmark": "qubo-mis", "board": "virtual-loihi", "solver": "annealing", "params": {"steps": steps}}
    return TuningDeclaration.model_validate(body)


@dataclass(frozen=True)
class Way:
    """One way to make a thing: `make(which, who, key)` makes thing 0 or 1 and says its identity; `rows` are its own."""

    make: Callable[[int, Principal, str | None], Any]
    table: Table


@pytest.fixture(params=["job", "campaign", "comparison", "tuning", "evaluation"])
def way(request: pytest.FixtureRequest, store: Store, admin: Principal, spec: Any, bench: Any) -> Way:
    """Every kind of thing that is made with a key, on its own table."""
    bench()

    def job(which: int, who: Principal, key: str | None) -> Any:
        return store.jobs.submit(spec(seed=which), who, key=key).id

    def campaign(which: int, who: Principal, key: str | None) -> Any:
        once = Key.of(who, key, "campaign", Body(text=str(which)))
        return store.campaigns.submit("c", [spec(seed=which), spec(seed=7)], who, once=once)

    def comparison(which: int, who: Principal, key: str | None) -> Any:
        asked = ComparisonRequest(name=str(which), left=Side(job=sides[0]), right=Side(job=sides[1]))
        return store.comparisons.create(asked, who, key=key).id

    def tuning(which: int, who: Principal, key: str | None) -> Any:
        return store.tunings.declare(declaration(which), who, key=key)

    def evaluation(which: int, who: Principal, key: str | None) -> Any:
        once = Key.of(who, key, "evaluation", Body(text=str(which)))
        return store.evaluations.open("qubo-mis", str(which), who, once=once)

    ways = {
        "job": Way(job, jobs), "campaign": Way(campaign, campaigns), "comparison": Way(comparison, comparisons),
        "tuning": Way(tuning, tunings), "evaluation": Way(evaluation, evaluations),
    }  # fmt: skip
    sides = [store.jobs.submit(spec(seed=k), admin).id for k in (8, 9)] if request.param == "comparison" else []
    return ways[request.param]


def rows(store: Store, table: Table) -> int:
    """How many rows a table has."""
    with store.db.read() as connection:
        return connection.execute(select(func.count()).select_from(table)).scalar_one()


def test_same_key_and_body_give_the_same_answer(store: Store, admin: Principal, way: Way) -> None:
    """A repeated request makes nothing and answers as the first one did."""
    first = way.make(0, admin, "once")

    assert [way.make(0, admin, "once") for _ in range(2)] == [first, first]
    assert (rows(store, way.table), rows(store, idempotency)) == (1, 1)


def test_of_equal_requests_at_once_one_makes_the_thing(store: Store, admin: Principal, way: Way) -> None:
    """However many arrive together, one thing is made and every answer is the same."""
    with ThreadPoolExecutor(8) as pool:
        answers = list(pool.map(lambda _: way.make(0, admin, "once"), range(16)))

    assert all(answer == answers[0] for answer in answers)
    assert (rows(store, way.table), rows(store, idempotency)) == (1, 1)


def test_of_different_requests_at_once_one_wins(store: Store, admin: Principal, way: Way) -> None:
    """Two bodies that come together with one key make one thing; the other body is refused."""

    def make(k: int) -> Any:
        try:
            return way.make(k % 2, admin, "once")
        except KeyReused:
            return None

    with ThreadPoolExecutor(8) as pool:
        answers = list(pool.map(make, range(16)))

    assert answers.count(None) == 8
    assert rows(store, way.table) == 1


def test_same_key_with_another_body_is_refused(store: Store, admin: Principal, way: Way) -> None:
    """A key belongs to one body, and nothing of the second one is kept."""
    way.make(0, admin, "once")

    with pytest.raises(KeyReused):
        way.make(1, admin, "once")

    assert rows(store, way.table) == 1


def test_key_belongs_to_its_token(store: Store, admin: Principal, way: Way) -> None:
    """Another token's equal key is another key."""
    way.make(0, admin, "once")
    way.make(1, OTHER, "once")

    assert (rows(store, way.table), rows(store, idempotency)) == (2, 2)


def test_without_a_key_nothing_is_remembered(store: Store, admin: Principal, way: Way) -> None:
    """Requests without a key are requests of their own."""
    way.make(0, admin, None)
    way.make(1, admin, None)

    assert (rows(store, way.table), rows(store, idempotency)) == (2, 0)


def test_key_of_one_kind_is_not_for_another(store: Store, admin: Principal, spec: Callable[..., JobSpec]) -> None:
    """A key that made a declaration does not answer for a job."""
    store.tunings.declare(declaration(1), admin, key="once")

    with pytest.raises(KeyReused):
        store.jobs.submit(spec(), admin, key="once", wait_for_bench=True)


def test_refused_request_leaves_its_key_free(
    store: Store, admin: Principal, spec: Callable[..., JobSpec], bench: Callable[..., Any]
) -> None:
    """What failed may be tried again with the same key."""
    once = Key.of(admin, "once", "campaign", Body(text="c"))
    with pytest.raises(Infeasible):
        store.campaigns.submit("c", [spec()], admin, once=once)
    bench()

    assert store.campaigns.submit("c", [spec()], admin, once=once).count == 1


def test_answer_outlives_what_made_it_possible(
    store: Store, admin: Principal, spec: Callable[..., JobSpec], bench: Callable[..., Any]
) -> None:
    """A repeated campaign is the first one even if no bench fits its jobs any more; its jobs keep their order."""
    bench(tags=["cold"])
    specs = [spec(seed=k, needs={"tags": ["cold"]}) for k in range(5)]
    once = Key.of(admin, "once", "campaign", Body(text="c"))
    first = store.campaigns.submit("c", specs, admin, once=once)
    bench(tags=[])

    assert store.campaigns.submit("c", specs, admin, once=once) == first
    assert [store.jobs.get(job_id).spec.workload.seed for job_id in first.jobs] == list(range(5))


def test_declaration_that_was_there_is_said_to_be_known_each_time(store: Store, admin: Principal) -> None:
    """A key keeps whether it made the declaration, not only which one it is."""
    store.tunings.declare(declaration(1), OTHER)

    assert [store.tunings.declare(declaration(1), admin, key="late")[1] for _ in range(2)] == [False, False]
    assert [store.tunings.declare(declaration(2), admin, key="new")[1] for _ in range(2)] == [True, True]


def test_repeated_freeze_answers_with_the_frozen_round(store: Store, admin: Principal) -> None:
    """A freeze whose answer was lost can be sent again; without the key the round refuses a second one."""
    digest = store.tunings.declare(declaration(1), admin)[0].digest
    opened = store.evaluations.open("qubo-mis", "", admin)
    once = Key.of(admin, "once", f"freeze of evaluation {opened.id}", Body(text=NONCE))

    def freeze(_: int) -> Any:
        return store.evaluations.freeze(opened.id, digest, NONCE, admin, once=once)

    with ThreadPoolExecutor(8) as pool:
        answers = list(pool.map(freeze, range(8)))

    assert all(answer == answers[0] for answer in answers)
    assert answers[0] == store.evaluations.get(opened.id)
    with pytest.raises(EvaluationRevealed):
        store.evaluations.freeze(opened.id, digest, NONCE, admin)
