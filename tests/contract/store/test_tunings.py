"""Contract of tuning declarations: frozen, idempotent, and the only source of a job's parameters."""

from __future__ import annotations

import threading
from collections.abc import Callable
from typing import Any

import pytest
from sqlalchemy import select
from store_kit import Clock

from neurorig_protocols.benchmarks import tuning
from neurorig_protocols.benchmarks.tuning import TuningDeclaration
from neurorig_protocols.errors import NoValue
from neurorig_protocols.job import JobSpec
from neurorig_protocols.refusals import Invalid, NotFound, PerInstanceTuning, TuningDiffers
from neurorig_server.store.benchmark_tables import tunings
from neurorig_server.store.store import Store
from neurorig_server.store.tables import jobs
from neurorig_server.store.tokens import Principal


def declaration(**params: Any) -> TuningDeclaration:
    """Return a declaration for the annealing solver of virtual-loihi."""
    body = {"benchmark": "qubo-mis", "board": "virtual-loihi", "solver": "annealing", "params": params}
    return TuningDeclaration.model_validate(body)


STEPS = declaration(steps={"expression": "100 * n"}, schedule="geometric")


@pytest.fixture
def tuned(spec: Callable[..., JobSpec], bench: Callable[..., Any]) -> Callable[..., JobSpec]:
    """Make a job that names a declaration; keyword arguments replace fields of the solver."""
    bench()

    def make(declared: TuningDeclaration = STEPS, seed: int = 0, **solver: Any) -> JobSpec:
        body = {"name": "annealing", "tuning": tuning.digest(declared), **solver}
        return spec(seed=seed, solver=body, needs={"board": "virtual-loihi"})

    return make


def test_declaration_is_kept_as_it_was_first_made(store: Store, admin: Principal, clock: Clock) -> None:
    """The same declaration again is the first one: its owner and time stay."""
    first, is_new = store.tunings.declare(STEPS, admin)
    clock.advance(60)
    other = Principal(id="other", name="other", scopes=admin.scopes)
    again, is_new_again = store.tunings.declare(STEPS.model_copy(), other)

    assert (is_new, is_new_again) == (True, False)
    assert first == again == store.tunings.get(tuning.digest(STEPS))
    assert (first.owner, first.declaration, first.rounds) == ("admin", STEPS, 0)


def test_large_and_small_numbers_keep_the_digest(store: Store, admin: Principal) -> None:
    """What a database does to numbers never changes a declaration's identity."""
    declared = declaration(a=1e20, b=1e-300, c=5.0, d=2**53, e=-0.0, f=0.1)
    view, _ = store.tunings.declare(declared, admin)

    assert tuning.digest(store.tunings.get(view.digest).declaration) == view.digest == tuning.digest(declared)


def test_declaration_without_a_value_somewhere_is_refused(store: Store, admin: Principal) -> None:
    """What divides by zero at a size of the benchmark is not frozen."""
    with pytest.raises(NoValue, match=r"'t'.*n = 500"):
        store.tunings.declare(declaration(t={"expression": "1 / (n - 500)"}), admin)

    assert store.tunings.list().items == ()


def test_list_pages_newest_first(store: Store, admin: Principal) -> None:
    """Pages follow each other by cursor and hold every declaration once."""
    made = [store.tunings.declare(declaration(k=k), admin)[0].digest for k in range(5)]

    first = store.tunings.list(limit=2)
    second = store.tunings.list(limit=3, cursor=first.next)

    assert [v.digest for v in first.items + second.items] == made[::-1]
    assert second.next is None


def test_unknown_declaration_is_not_found(store: Store) -> None:
    """Looking for a digest that nobody declared says so."""
    with pytest.raises(NotFound):
        store.tunings.get(tuning.digest(STEPS))


def test_equal_declarations_at_once_are_one(store: Store, admin: Principal) -> None:
    """Of many equal declarations at the same time exactly one is new."""
    outcomes: list[bool] = []
    start = threading.Barrier(6)

    def declare() -> None:
        start.wait(10)
        outcomes.append(store.tunings.declare(STEPS, admin)[1])

    threads = [threading.Thread(target=declare) for _ in range(6)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(30)

    assert sorted(outcomes) == [False] * 5 + [True]
    with store.db.read() as connection:
        assert len(connection.execute(select(tunings)).all()) == 1


def test_job_gets_its_parameters_from_the_declaration(
    store: Store, admin: Principal, tuned: Callable[..., JobSpec]
) -> None:
    """The server evaluates the declaration and writes the values into the stored job."""
    store.tunings.declare(STEPS, admin)

    given = {"steps": 1000, "schedule": "geometric"}
    for spec in (tuned(), tuned(params=given), tuned(params={**given, "steps": 1000.0})):
        view = store.jobs.submit(spec, admin)
        assert view.spec.solver.params == given
        assert view.spec.solver.tuning == tuning.digest(STEPS)


@pytest.mark.parametrize(
    ("given", "problems"),
    [
        ({"steps": 999, "schedule": "geometric"}, {"steps": "declared 1000, given 999"}),
        ({"steps": 1000}, {"schedule": "declared 'geometric', given nothing"}),
        (
            {"steps": "1000", "schedule": "geometric", "seed": 1},
            {"seed": "declared nothing, given 1", "steps": "declared 1000, given '1000'"},
        ),
    ],
)
def test_other_parameters_are_refused(
    store: Store,
    admin: Principal,
    tuned: Callable[..., JobSpec],
    given: dict[str, Any],
    problems: dict[str, str],
) -> None:
    """Per-instance tuning is refused with each parameter, what was declared and what was given; nothing is queued."""
    store.tunings.declare(STEPS, admin)

    for submit in (
        lambda spec: store.jobs.submit(spec, admin),
        lambda spec: store.campaigns.submit("c", [tuned(), spec], admin),
    ):
        with pytest.raises(PerInstanceTuning) as caught:
            submit(tuned(params=given))
        found = {p.field.removeprefix("solver.params."): p.message for p in caught.value.problems}
        assert found == problems
        assert caught.value.next_step
    with store.db.read() as connection:
        assert connection.execute(select(jobs.c.id)).first() is None


def test_job_of_another_board_solver_or_benchmark_is_refused(
    store: Store, admin: Principal, spec: Callable[..., JobSpec], bench: Callable[..., Any]
) -> None:
    """A declaration serves the board, the solver and the benchmark that it names, and no others."""
    bench()
    store.tunings.declare(STEPS, admin)
    solver = {"name": "annealing", "tuning": tuning.digest(STEPS)}
    cases = {
        "needs.board": spec(solver=solver),
        "solver.name": spec(solver={**solver, "name": "default"}, needs={"board": "virtual-loihi"}),
        "workload.name": spec(workload="mnist-digits", solver=solver, needs={"board": "virtual-loihi"}),
    }
    for field, wrong in cases.items():
        with pytest.raises(TuningDiffers) as caught:
            store.jobs.submit(wrong, admin, wait_for_bench=True)
        assert [p.field for p in caught.value.problems] == [field]


def test_unknown_declaration_of_a_job_is_named(store: Store, admin: Principal, tuned: Callable[..., JobSpec]) -> None:
    """A job that names a digest which nobody declared is refused."""
    with pytest.raises(Invalid) as caught:
        store.jobs.submit(tuned(), admin)

    assert [(p.field, p.code) for p in caught.value.problems] == [("solver.tuning", "unknown_tuning")]


def test_campaign_is_evaluated_size_by_size(
    store: Store, admin: Principal, tuned: Callable[..., JobSpec], spec: Callable[..., JobSpec]
) -> None:
    """Every job of a campaign gets the values of its own size; jobs without a declaration keep their own."""
    store.tunings.declare(STEPS, admin)
    sizes = [tuned().model_copy(update={"workload": tuned().workload.model_copy(update={"n": n})}) for n in (10, 25)]
    own = spec(solver={"name": "annealing", "params": {"steps": 3}})

    made = store.campaigns.submit("sizes", [*sizes, own], admin)

    assert [store.jobs.get(job_id).spec.solver.params.get("steps") for job_id in made.jobs] == [1000, 2500, 3]


def test_repeated_submission_with_a_key_is_one_job(
    store: Store, admin: Principal, tuned: Callable[..., JobSpec]
) -> None:
    """What the server writes into a job does not make the retry another request."""
    store.tunings.declare(STEPS, admin)

    first, again = (store.jobs.submit(tuned(), admin, key="k") for _ in range(2))

    assert first.id == again.id
