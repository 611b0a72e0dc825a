"""A store with evaluation rounds in every state, for the tests of their pages."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import web_lab
from sqlalchemy import select, update
from web_lab import ADMIN
from web_records import EVIL, loihi_bench

from neurorig_protocols.api.evaluations import RoundJobs
from neurorig_protocols.benchmarks.tuning import TuningDeclaration
from neurorig_protocols.workloads.qubo.qubo_records import FixedTimeout
from neurorig_server.api.submission import jobs_of_round
from neurorig_server.store.benchmark_tables import evaluations
from neurorig_server.store.evaluations import tag

NONCE = "c0ffee00c0ffee00"

DECLARATION = TuningDeclaration.model_validate(
    {
        "benchmark": "qubo-mis",
        "board": "virtual-loihi",
        "solver": "annealing",
        "params": {
            "kind": "<b>geometric</b>",
            "levels": 32,
            "t_max": {"expression": "0.4 if density > 0.02 else 0.5"},
            "steps": {"steps": [{"n": 100, "value": 8}, {"n": 1000, "density": 0.05, "value": 16}, {"value": 32}]},
        },
    }
)


@dataclass(frozen=True)
class Rounds:
    """Ids of rounds and what belongs to them."""

    sealed: str
    revealed: str
    """Has its seeds and no jobs; without a nonce."""
    run: str
    """Has a campaign of which some jobs have ended."""
    wrong: str
    """Its stored commitment was changed afterwards."""
    digest: str
    campaign: str
    job: str
    secrets: dict[str, str]
    """Every round's secret, the sealed one's too."""

    def path(self, page: str) -> str:
        """Return the address of a round's page by its name here; an address stands for itself."""
        return page if page.startswith("/") else f"/evaluations/{getattr(self, page)}"


@contextmanager
def filled(folder: Path) -> Iterator[tuple[web_lab.Lab, Rounds]]:
    """Make a store with rounds in an empty folder."""
    lab = web_lab.Lab(folder)
    lab.register(loihi_bench())
    yield lab, _fill(lab)
    lab.close()


def _fill(lab: web_lab.Lab) -> Rounds:
    store = lab.store
    digest = store.tunings.declare(DECLARATION, ADMIN)[0].digest
    opened = [store.evaluations.open("qubo-mis", comment, ADMIN).id for comment in ("", "the run", "wrong", EVIL)]
    revealed, run, wrong, sealed = opened
    for round_id, nonce in ((revealed, ""), (run, NONCE), (wrong, NONCE)):
        store.evaluations.freeze(round_id, digest, nonce, ADMIN)
    scenario = FixedTimeout(kind="fixed-timeout", timeout_s=0.01)
    asked = RoundJobs(sizes=(10,), densities=(0.05,), scenario=scenario)
    specs = jobs_of_round(asked, store.evaluations.get(run), DECLARATION)
    campaign = store.campaigns.submit(f"evaluation {run}", specs, ADMIN, own_tags=frozenset({tag(run)}))
    for _ in range(2):
        _fail(lab)
    with store.db.write() as connection:
        forged = update(evaluations).where(evaluations.c.id == wrong).values(commitment="sha256:" + "f" * 64)
        connection.execute(forged)
        rows = connection.execute(select(evaluations.c.id, evaluations.c.secret))
        secrets = {row.id: str(row.secret) for row in rows}
    return Rounds(sealed, revealed, run, wrong, digest, campaign.id, campaign.jobs[0], secrets)


def _fail(lab: web_lab.Lab) -> None:
    """End the next job."""
    lease = lab.store.leases.claim("virtual-loihi-0", ADMIN)
    assert lease is not None
    lab.fail(lease)
