"""Evaluation rounds: commitment, seeds, what verification finds, and what a job counts as."""

from __future__ import annotations

import hashlib
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from neurorig_protocols.benchmarks import evaluation, tuning
from neurorig_protocols.benchmarks.evaluation import EvaluationRound, RoundState
from neurorig_protocols.benchmarks.tuning import TuningDeclaration
from neurorig_protocols.job import JobSpec
from neurorig_protocols.workloads.qubo.qubo_records import QuboMis

SECRET = bytes(range(32))
ROUND = "0123456789ab"
DECLARATION = TuningDeclaration(benchmark="qubo-mis", board="virtual-loihi", solver="annealing", params={"steps": 10})
DIGEST = tuning.digest(DECLARATION)
SEEDS = evaluation.derive(SECRET, DIGEST, ROUND, "00ff")


def revealed(**fields: Any) -> EvaluationRound:
    """Return the public record of an honest round, with some fields replaced."""
    return EvaluationRound.model_validate(
        {
            "id": ROUND,
            "benchmark": "qubo-mis",
            "state": "revealed",
            "opened_at": "2026-01-01T00:00:00Z",
            "commitment": evaluation.commitment(SECRET, "qubo-mis", ROUND),
            "frozen_at": "2026-01-01T00:01:00Z",
            "tuning": DIGEST,
            "nonce": "00ff",
            "secret": SECRET.hex(),
            "seeds": SEEDS,
            **fields,
        }
    )


def test_commitment_is_a_plain_hash() -> None:
    """Anybody can recompute it with a SHA-256 and this page."""
    context = b"neurorig evaluation commitment 1\nqubo-mis\n0123456789ab\n"

    assert evaluation.commitment(SECRET, "qubo-mis", ROUND) == (
        "sha256:" + hashlib.sha256(SECRET + context).hexdigest()
    )


def test_secret_of_another_length_is_refused() -> None:
    """A shorter secret could be moved into the context."""
    with pytest.raises(ValueError, match="32 bytes"):
        evaluation.commitment(SECRET[:31], "qubo-mis", ROUND)


def test_seeds_are_pinned() -> None:
    """The derivation never changes, since public records are checked with it."""
    assert evaluation.derive(bytes(32), "sha256:" + "0" * 64, ROUND) == (
        635832919,
        3244548474,
        4264749567,
        3246687912,
        2306441832,
    )


@given(st.binary(min_size=32, max_size=32), st.text("0123456789abcdef", max_size=16).filter(lambda t: len(t) % 2 == 0))
def test_seeds_are_five_new_ones(secret: bytes, nonce: str) -> None:
    """Seeds are distinct 32-bit numbers outside the tuning seeds, and the same again."""
    seeds = evaluation.derive(secret, DIGEST, ROUND, nonce)

    assert len(set(seeds)) == 5
    assert all(5 <= seed < 2**32 for seed in seeds)
    assert seeds == evaluation.derive(secret, DIGEST, ROUND, nonce)


def test_seeds_depend_on_every_part() -> None:
    """Another secret, declaration, round or nonce draws other seeds."""
    others = [
        evaluation.derive(bytes(32), DIGEST, ROUND, "00ff"),
        evaluation.derive(SECRET, "sha256:" + "0" * 64, ROUND, "00ff"),
        evaluation.derive(SECRET, DIGEST, "ba9876543210", "00ff"),
        evaluation.derive(SECRET, DIGEST, ROUND, ""),
    ]

    assert len({seed for seeds in [SEEDS, *others] for seed in seeds}) == 25


def test_block_that_gives_a_tuning_seed_or_a_repeat_is_passed_over(monkeypatch: pytest.MonkeyPatch) -> None:
    """The next blocks take the place of what may not be a seed."""
    blocks = iter([0, 4, 5, 5, 6, 7, 6, 8, 9])
    monkeypatch.setattr(evaluation.hmac, "digest", lambda *_: next(blocks).to_bytes(4, "big") + bytes(28))

    assert evaluation.derive(SECRET, DIGEST, ROUND) == (5, 6, 7, 8, 9)


def test_honest_round_is_verified() -> None:
    """Commitment, seeds, order and declaration of an honest round are well."""
    checks = evaluation.verify(revealed(), DECLARATION)

    assert [check.name for check in checks] == ["commitment", "seeds", "order", "declaration"]
    assert all(check.well for check in checks)


@pytest.mark.parametrize(
    ("fields", "wrong"),
    [
        ({"secret": bytes(32).hex()}, {"commitment", "seeds"}),
        ({"commitment": "sha256:" + "0" * 64}, {"commitment"}),
        ({"id": "ba9876543210"}, {"commitment", "seeds"}),
        ({"seeds": (0, 1, 2, 3, 4)}, {"seeds"}),
        ({"seeds": SEEDS[::-1]}, {"seeds"}),
        ({"seeds": SEEDS[:4]}, {"seeds"}),
        ({"nonce": ""}, {"seeds"}),
        ({"tuning": "sha256:" + "0" * 64}, {"seeds", "declaration"}),
        ({"frozen_at": "2025-12-31T00:00:00Z"}, {"order"}),
    ],
)
def test_dishonest_round_is_found(fields: dict[str, Any], wrong: set[str]) -> None:
    """Whatever was changed afterwards, a check says which claim does not hold."""
    checks = evaluation.verify(revealed(**fields), DECLARATION)

    assert {check.name for check in checks if not check.well} == wrong


@pytest.mark.parametrize("missing", ["secret", "seeds", "tuning", "frozen_at"])
def test_round_that_is_not_revealed_is_not_verified(missing: str) -> None:
    """An open round, or a record with a hole, has nothing to check and is never called well."""
    for found in (revealed(state="open"), revealed(**{missing: None})):
        assert [(check.name, check.well) for check in evaluation.verify(found)] == [("revealed", False)]


def test_transitions_leave_no_way_back() -> None:
    """A revealed round is never open again."""
    assert all(after is RoundState.REVEALED for after in evaluation.TRANSITIONS.values())


def job(
    seed: int, n: int = 250, density: float = 0.05, solver_seed: int | None = None, *, tuned: bool = True
) -> JobSpec:
    """Return a job of the declaration, or without one."""
    scenario = {"kind": "fixed-timeout", "timeout_s": 0.01}
    workload = {"name": "qubo-mis", "n": n, "density": density, "seed": seed, "scenario": scenario}
    solver = {"seed": seed if solver_seed is None else solver_seed, "tuning": DIGEST if tuned else None}
    return JobSpec.model_validate({"workload": workload, "solver": solver})


@pytest.mark.parametrize(
    ("spec", "round_id", "name", "seed", "why"),
    [
        (job(7, tuned=False), None, "exploratory", "free", "no frozen tuning"),
        (job(3, tuned=False), None, "exploratory", "tuning", "no frozen tuning"),
        (job(3), None, "tuning", "tuning", "seed 3 is one of the open"),
        (job(7), None, "exploratory", "free", "not drawn by a round"),
        (job(7), ROUND, "official-evaluation", "evaluation", f"round {ROUND} drew"),
        (job(7, n=10_000), ROUND, "official-evaluation", "evaluation", f"round {ROUND} drew"),
        (job(7, solver_seed=8), ROUND, "exploratory", "evaluation", "solver seed 8"),
        (job(7, n=251), ROUND, "exploratory", "evaluation", "251 is not a size"),
        (job(7, density=0.3), ROUND, "exploratory", "evaluation", "0.3 is not a density"),
    ],
)
def test_standing(spec: JobSpec, round_id: str | None, name: str, seed: str, why: str) -> None:
    """Only a seed that was drawn after the freeze, at the benchmark's own sizes, is an official evaluation."""
    found = evaluation.standing(spec, round_id)

    assert found is not None
    assert (found.name, found.seed, found.evaluation) == (name, seed, round_id)
    assert why in found.why


def test_target_of_ones_own_is_not_official() -> None:
    """A gap to a cost that the job gave for its own graph says nothing about the benchmark."""
    scenarios = [
        {"kind": "time-to-solution", "limit_s": 1, "reference": reference, "target_cost": -60}
        for reference in ("given", "best-verified")
    ]
    own, best = [
        job(7).model_copy(update={"workload": QuboMis.model_validate({**job(7).workload.model_dump(), "scenario": s})})
        for s in scenarios
    ]

    found = [evaluation.standing(spec, ROUND) for spec in (own, best)]

    assert [standing and standing.name for standing in found] == ["exploratory", "official-evaluation"]


def test_workload_without_rules_has_no_standing() -> None:
    """Handwritten digits know neither tuning nor evaluation seeds."""
    assert evaluation.standing(JobSpec.model_validate({"workload": {"name": "mnist-digits"}}), None) is None
