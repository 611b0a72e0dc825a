"""Sealed evaluation seeds: drawn after the parameters are frozen, in a way that anybody can check afterwards.

A round goes: the server draws a secret and publishes its commitment; the submitter freezes a declaration into the
round, with a nonce of its own; the seeds follow from secret, declaration, round and nonce; the secret is published.
The server cannot steer, because it was bound before it saw the nonce. The submitter cannot, because it does not know
the secret. Drawing again until the seeds please is possible and shows: every round is listed and counted.

Pure: no clock, no randomness. Not for storing rounds: that is the server's `store/evaluations.py`.
"""

from __future__ import annotations

import hashlib
import hmac
from enum import StrEnum
from typing import Annotated, Literal

from pydantic import AwareDatetime, Field, StringConstraints

from neurorig_protocols import forms
from neurorig_protocols.benchmarks import tuning
from neurorig_protocols.benchmarks.tuning import TuningDeclaration
from neurorig_protocols.job import JobSpec
from neurorig_protocols.records import Digest, Record
from neurorig_protocols.workloads.qubo.qubo_records import QuboMis, TimeToSolution

SECRET_BYTES = 32
SEEDS = 5
"""Graph seeds of a round, as many as the benchmark's tuning seeds."""
TUNING_SEEDS = frozenset(range(5))
"""The benchmark's open seeds; a round never draws them."""

Secret = Annotated[str, StringConstraints(pattern=forms.HEX_64)]
"""32 bytes in hexadecimal digits."""
Nonce = Annotated[str, StringConstraints(pattern=forms.NONCE)]
"""The submitter's own random bytes in hexadecimal digits, at most 32; empty for none."""


class RoundState(StrEnum):
    """Where an evaluation round stands."""

    OPEN = "open"
    """The server is committed to a secret; no declaration is frozen into the round."""
    REVEALED = "revealed"
    """A declaration is frozen, the seeds are drawn, the secret is published."""


class RoundEvent(StrEnum):
    """What may be done with a round."""

    FREEZE = "freeze"
    SUBMIT = "submit"


# The one table of legal transitions of a round. What is not here is refused.
TRANSITIONS: dict[tuple[RoundState, RoundEvent], RoundState] = {
    (RoundState.OPEN, RoundEvent.FREEZE): RoundState.REVEALED,
    (RoundState.REVEALED, RoundEvent.SUBMIT): RoundState.REVEALED,
}


class EvaluationRound(Record):
    """The public record of a round; the fields after `commitment` are there once it is revealed."""

    id: str
    benchmark: Literal["qubo-mis"]
    state: RoundState
    opened_at: AwareDatetime
    commitment: Digest
    frozen_at: AwareDatetime | None = None
    tuning: Digest | None = None
    nonce: Nonce | None = None
    secret: Secret | None = None
    seeds: tuple[int, ...] | None = None


class Check(Record):
    """One thing that was looked at in a round."""

    name: str
    well: bool
    seen: str


def commitment(secret: bytes, benchmark: str, round_id: str) -> Digest:
    """Return the digest that binds a server to a secret of 32 bytes: SHA-256 of the secret and the round's context."""
    if len(secret) != SECRET_BYTES:
        raise ValueError(f"a secret has {SECRET_BYTES} bytes, this one {len(secret)}")
    context = f"neurorig evaluation commitment 1\n{benchmark}\n{round_id}\n".encode()
    return "sha256:" + hashlib.sha256(secret + context).hexdigest()


def derive(secret: bytes, declaration: Digest, round_id: str, nonce: str = "") -> tuple[int, ...]:
    """Return the five graph seeds: distinct, of 32 bits, none of the tuning seeds.

    Block i = 0, 1, … is HMAC-SHA256 of "neurorig evaluation seeds 1", declaration, round, nonce and i, one per line,
    under the secret; its first four bytes, big-endian, are a seed unless they repeat one or name a tuning seed.
    """
    found: list[int] = []
    block = 0
    while len(found) < SEEDS:
        message = f"neurorig evaluation seeds 1\n{declaration}\n{round_id}\n{nonce}\n{block}\n".encode()
        seed = int.from_bytes(hmac.digest(secret, message, "sha256")[:4], "big")
        if seed not in TUNING_SEEDS and seed not in found:
            found.append(seed)
        block += 1
    return tuple(found)


def verify(found: EvaluationRound, declaration: TuningDeclaration | None = None) -> list[Check]:
    """Recompute what a round's public record claims; with the declaration its digest too.

    A round that is open has nothing to check but its state.
    """
    if found.state is RoundState.OPEN or None in (found.secret, found.tuning, found.seeds, found.frozen_at):
        return [
            Check(name="revealed", well=False, seen="the round is open: its secret and seeds do not exist in public")
        ]
    secret, frozen, seeds = bytes.fromhex(found.secret or ""), found.tuning or "", found.seeds or ()
    bound = commitment(secret, found.benchmark, found.id)
    drawn = derive(secret, frozen, found.id, found.nonce or "")
    added = f"the submitter's nonce {found.nonce}" if found.nonce else "no nonce"
    checks = [
        Check(name="commitment", well=bound == found.commitment, seen=f"the secret gives {bound}"),
        Check(name="seeds", well=drawn == seeds, seen=f"secret and {added} give {', '.join(map(str, drawn))}"),
        Check(
            name="order",
            well=found.frozen_at is not None and found.opened_at <= found.frozen_at,
            seen=f"committed {found.opened_at.isoformat()}, frozen {found.frozen_at and found.frozen_at.isoformat()}",
        ),
    ]
    if declaration is not None:
        own = tuning.digest(declaration)
        checks.append(Check(name="declaration", well=own == frozen, seen=f"the declaration has the digest {own}"))
    return checks


SeedKind = Literal["tuning", "evaluation", "free"]


class Standing(Record):
    """What a job counts as under the rules of its benchmark, and why."""

    name: Literal["official-evaluation", "tuning", "exploratory"]
    seed: SeedKind
    why: str
    evaluation: str | None = Field(default=None, description="the round that drew the graph seed")


def standing(spec: JobSpec, round_id: str | None) -> Standing | None:
    """Return a job's standing; None for a workload without such rules.

    round_id: the round that drew this graph seed for this very declaration before the job was submitted, or None.
    """
    workload = spec.workload
    if not isinstance(workload, QuboMis):
        return None
    seed: SeedKind = "evaluation" if round_id else "tuning" if workload.seed in TUNING_SEEDS else "free"
    if spec.solver.tuning is None:
        return Standing(name="exploratory", seed=seed, why="it names no frozen tuning declaration")
    if round_id is None:
        if seed == "tuning":
            return Standing(name="tuning", seed=seed, why=f"graph seed {workload.seed} is one of the open tuning seeds")
        why = f"graph seed {workload.seed} was not drawn by a round with this declaration"
        return Standing(name="exploratory", seed=seed, why=why)
    reason = _unofficial(spec, workload)
    if reason is not None:
        return Standing(name="exploratory", seed=seed, why=reason, evaluation=round_id)
    why = f"round {round_id} drew its graph seed after the declaration was frozen"
    return Standing(name="official-evaluation", seed=seed, why=why, evaluation=round_id)


def _unofficial(spec: JobSpec, workload: QuboMis) -> str | None:
    """Say what keeps a job with an evaluation seed from being official, None for nothing."""
    if spec.solver.seed != workload.seed:
        # Else the best of many solver seeds could be picked for each graph.
        return f"its solver seed {spec.solver.seed} is not the graph seed {workload.seed}"
    if isinstance(workload.scenario, TimeToSolution) and workload.scenario.reference == "given":
        return "the job itself gave the target of its gaps"
    if workload.density not in tuning.DENSITIES:
        return f"{workload.density:g} is not a density of the benchmark"
    if workload.n not in tuning.SIZES and workload.n < max(tuning.SIZES):
        return f"{workload.n} is not a size of the benchmark"
    return None
