"""Contract of the energy query over many attempts."""

from __future__ import annotations

import statistics
from collections.abc import Callable
from typing import Any

import pytest

from neurorig_protocols.api.energy import EnergyRow
from neurorig_protocols.api.jobs import Quality
from neurorig_protocols.bench import Boundary
from neurorig_protocols.energy import EnergyCell, EnergyMatrix
from neurorig_protocols.job import JobSpec
from neurorig_protocols.quantities import Absent, Grade, Quantity, Reality
from neurorig_protocols.report import AttemptReport
from neurorig_server.recompute.verdict import Verdict
from neurorig_server.store.energy import EnergyFilter
from neurorig_server.store.store import Store
from neurorig_server.store.tokens import Principal

Measure = Callable[..., str]


def matrix(reality: Reality, joules: dict[str, float], *, u: float, grade: Grade, rails: str) -> EnergyMatrix:
    """Return a matrix with one run cell of two windows per component; joules are those of one window."""

    def joule(value: float) -> Quantity:
        return Quantity(value=value, unit="J", u=u, grade=grade)

    watt = Quantity(value=1, unit="W", u=0, grade=grade)
    absent = Absent(reason_code="none", reason="none")
    cells = tuple(
        EnergyCell(
            component=component,
            rails=(rails,),
            phase="run",
            windows=2,
            duration_s=1,
            energy=joule(2 * value),
            per_window=joule(value),
            active_power=watt,
            idle_power=absent,
            dynamic=absent,
        )
        for component, value in joules.items()
    )
    boundary = Boundary(components=tuple(joules), rails=(rails,))
    return EnergyMatrix(reality=reality, boundary=boundary, cells=cells, totals=(), windows=())


@pytest.fixture
def measure(
    store: Store, admin: Principal, spec: Callable[..., JobSpec], bench: Callable[..., Any], report: Any
) -> Measure:
    """Run one attempt on a bench and store its energy; returns the attempt's id."""

    def run(
        name: str = "bench-a",
        *,
        reality: Reality = "virtual",
        quality: Quality = "valid",
        u: float = 0.1,
        grade: Grade = "metered",
        rails: str = "r",
        workload: dict[str, Any] | None = None,
        **joules: float,
    ) -> str:
        record = bench(name, reality=reality)
        asked = spec(needs={"bench": name})
        if workload is not None:
            board = record.board.model_copy(update={"kinds": ("qubo", "classifier")})
            store.benches.register(record.model_copy(update={"board": board}), admin)
            asked = JobSpec.model_validate({**asked.model_dump(mode="json"), "workload": workload})
        store.jobs.submit(asked, admin)
        lease = store.leases.claim(name, admin)
        assert lease is not None
        sent: AttemptReport = report()
        store.reports.accept(lease.attempt_id, sent, admin)
        energy = matrix(reality, joules, u=u, grade=grade, rails=rails)
        store.reports.finish(lease.attempt_id, Verdict(state="succeeded", quality=quality, energy=energy))
        return lease.attempt_id

    return run


def only(rows: tuple[EnergyRow, ...]) -> EnergyRow:
    """Return the only row."""
    (row,) = rows
    return row


def test_stored_matrix_comes_back_as_it_was(store: Store, measure: Measure) -> None:
    """The matrix of an attempt survives the database bit for bit."""
    attempt_id = measure(neurocores=0.1 + 0.2)

    assert store.attempts.energy(attempt_id) == matrix(
        "virtual", {"neurocores": 0.1 + 0.2}, u=0.1, grade="metered", rails="r"
    )


def test_mean_spread_and_uncertainty(store: Store, measure: Measure) -> None:
    """The mean is of one window; meter errors do not average out, the repeats' spread does."""
    values = [1.0, 1.25, 1.75]
    for value in values:
        measure(core=value, u=0.1)

    row = only(store.energies.means(EnergyFilter(), ("component", "phase")))

    assert (row.component, row.phase, row.n, row.grade) == ("core", "run", 3, "metered")
    assert row.mean_j == pytest.approx(statistics.mean(values))
    assert row.spread_j == pytest.approx(statistics.stdev(values))
    assert row.u_j == pytest.approx((0.1**2 + statistics.stdev(values) ** 2 / 3) ** 0.5)


def test_single_attempt_has_no_spread(store: Store, measure: Measure) -> None:
    """One number has an uncertainty and no spread."""
    measure(core=2.0, u=0.25)

    row = only(store.energies.means(EnergyFilter(), ("component",)))

    assert (row.n, row.mean_j, row.u_j, row.spread_j, row.phase) == (1, 2.0, 0.25, None, None)


def test_realities_and_boundaries_never_share_a_mean(store: Store, measure: Measure) -> None:
    """Virtual and physical, and other rails, stay apart even when nothing asks for it."""
    measure("v", reality="virtual", core=1.0)
    measure("p", reality="physical", core=5.0)
    measure("q", reality="physical", core=9.0, rails="other")

    rows = store.energies.means(EnergyFilter(), ())

    assert [(r.reality, r.rails, r.mean_j) for r in rows] == [
        ("physical", ("other",), 9.0),
        ("physical", ("r",), 5.0),
        ("virtual", ("r",), 1.0),
    ]
    assert only(store.energies.means(EnergyFilter(reality="virtual"), ())).mean_j == 1.0


def test_grade_of_a_mean_is_its_worst(store: Store, measure: Measure) -> None:
    """A mean is as good as the weakest number in it."""
    measure(core=1.0, grade="metered")
    measure(core=1.0, grade="modelled")

    assert only(store.energies.means(EnergyFilter(), ())).grade == "modelled"


def test_invalid_attempts_do_not_count_and_degraded_ones_do(store: Store, measure: Measure) -> None:
    """What must not be used as a result is in no mean, but can still be looked at."""
    measure(core=1.0, quality="degraded")
    invalid = measure(core=100.0, quality="invalid")

    assert only(store.energies.means(EnergyFilter(), ())).mean_j == 1.0
    assert isinstance(store.attempts.energy(invalid), EnergyMatrix)


def test_filters_narrow_and_groups_split(store: Store, measure: Measure, clock: Any) -> None:
    """Component, date, board and workload each select what they name."""
    measure(core=1.0, memory=10.0)
    clock.advance(100)
    middle = clock.at
    clock.advance(100)
    measure(core=3.0)

    def means(**wanted: Any) -> list[tuple[str | None, int, float]]:
        rows = store.energies.means(EnergyFilter(**wanted), ("component",))
        return [(r.component, r.n, r.mean_j) for r in rows]

    assert means() == [("core", 2, 2.0), ("memory", 1, 10.0)]
    assert means(component="memory") == [("memory", 1, 10.0)]
    assert means(since=middle) == [("core", 1, 3.0)]
    assert means(until=middle) == [("core", 1, 1.0), ("memory", 1, 10.0)]
    assert means(workload="mnist-digits") == []
    assert means(board="virtual-loihi", phase="run", workload="qubo-mis")[0] == ("core", 2, 2.0)
    rows = store.energies.means(EnergyFilter(component="core"), ("board", "bench", "workload"))
    assert (only(rows).board, only(rows).bench, only(rows).workload) == ("virtual-loihi", "bench-a", "qubo-mis")


def mis(n: int, **scenario: Any) -> dict[str, Any]:
    """Return a benchmark workload of a size and a scenario."""
    return {"name": "qubo-mis", "n": n, "density": 0.25, "seed": 1, "scenario": scenario}


def test_sizes_and_timeouts_do_not_share_a_mean(store: Store, measure: Measure) -> None:
    """Grouped by parameters of the workload, attempts share a mean only where all of them are equal."""
    measure(core=1.0, workload=mis(10, kind="fixed-timeout", timeout_s=0.01))
    measure(core=3.0, workload=mis(10, kind="fixed-timeout", timeout_s=0.01))
    measure(core=20.0, workload=mis(10, kind="fixed-timeout", timeout_s=0.1))
    measure(core=50.0, workload=mis(50, kind="fixed-timeout", timeout_s=0.01))
    measure(core=7.0, workload=mis(50, kind="time-to-solution", limit_s=0.01, gaps=[0.1]))
    measure(core=9.0, workload={"name": "mnist-digits", "count": 3})

    rows = store.energies.means(EnergyFilter(), ("variables", "density", "scenario", "timeout_s", "count", "problem"))

    found = [(r.variables, r.density, r.scenario, r.timeout_s, r.count, r.problem, r.n, r.mean_j) for r in rows]
    assert sorted(found, key=lambda row: row[-1]) == [
        (10, 0.25, "fixed-timeout", 0.01, None, None, 2, 2.0),
        (50, 0.25, "time-to-solution", 0.01, None, None, 1, 7.0),
        (None, None, None, None, 3, None, 1, 9.0),
        (10, 0.25, "fixed-timeout", 0.1, None, None, 1, 20.0),
        (50, 0.25, "fixed-timeout", 0.01, None, None, 1, 50.0),
    ]


def test_a_filter_and_parameters_of_the_job_go_together(store: Store, measure: Measure) -> None:
    """Rows are selected before they are grouped, also where the group is read from the job."""
    measure(core=1.0, memory=2.0, workload=mis(10, kind="fixed-timeout", timeout_s=0.01))

    row = only(store.energies.means(EnergyFilter(component="memory"), ("component", "variables")))

    assert (row.component, row.variables, row.mean_j) == ("memory", 10, 2.0)
