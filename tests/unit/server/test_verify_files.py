"""Answers to uploaded problems are recomputed from the stored file."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from server_kit import ANSWER, job
from verify_kit import check

from neurorig_protocols.job import JobSpec
from neurorig_protocols.quantities import Absent, Quantity
from neurorig_protocols.workloads.contract import Checked
from neurorig_protocols.workloads.qubo.formats import Options, read
from neurorig_protocols.workloads.qubo.problem import Problem
from neurorig_protocols.workloads.qubo.qubo_records import QuboAnswer, VerifiedQubo, pack_bits

DIGEST = "sha256:" + "a" * 64
PROBLEM = read(b"2 3\n1 1 -1.5\n1 2 0.5\n2 2 2\n", form="bqp", options=Options(sense="max")).problem
BEST = np.array([0, 1])


def spec(**scenario: Any) -> JobSpec:
    """A job for the uploaded problem."""
    given = scenario or {"kind": "fixed-timeout", "timeout_s": 1}
    return JobSpec.model_validate({**job(), "workload": {"name": "qubo", "problem": DIGEST, "scenario": given}})


def run(asked: JobSpec, bits: np.ndarray, cost: int, **fields: Any) -> Checked:
    """Check an answer."""
    body = {**ANSWER, "n": len(bits), "solution": pack_bits(bits.astype(np.uint8)), "solver_cost": cost, **fields}
    energy = Quantity(value=1, unit="J", u=0.1, grade="metered")

    def stored(digest: str) -> Problem:
        assert digest == DIGEST
        return PROBLEM

    return check(asked, QuboAnswer.model_validate(body), lambda _window, _latency_s: energy, stored=stored)


def test_the_cost_is_recomputed_and_told_in_the_files_unit() -> None:
    """Integers for boards, the value for the owner; no official target, no independent set."""
    checked = run(spec(), BEST, -4)

    assert isinstance(checked.verified, VerifiedQubo)
    found = checked.verified
    assert (checked.codes, found.cost, found.value, found.scale) == ((), -4, 2.0, "-0.5")
    assert found.independent_set is None
    assert found.official_target is None
    assert isinstance(found.gap, Absent)


@pytest.mark.parametrize(("bound", "codes"), [(0, ("cost_mismatch",)), (2, ("cost_mismatch",)), (3, ())])
def test_a_board_that_rounds_weights_may_be_off_by_its_bound(bound: int, codes: tuple[str, ...]) -> None:
    """Beyond the stated bound it is a mismatch."""
    assert run(spec(), BEST, -7, cost_error_bound=bound).codes == codes


def test_a_solution_of_the_wrong_length_is_malformed() -> None:
    """The file says how many variables there are."""
    checked = run(spec(), np.array([0, 1, 0]), -4)

    assert (checked.verified, checked.codes) == (None, ("malformed_solution",))


def test_gaps_are_measured_from_the_jobs_own_target() -> None:
    """A target of −4 at gap 0 is reached by the solution that costs −4."""
    asked = spec(kind="time-to-solution", gaps=[0.0], limit_s=1, reference="given", target_cost=-4)
    reached = {"gap": 0.0, "target_cost": -4, "latency_s": 0.1, "solution": pack_bits(BEST.astype(np.uint8))}

    good = run(asked, BEST, -4, reached=[reached])
    bad = run(asked, BEST, -4, reached=[{**reached, "target_cost": -3}])

    assert isinstance(good.verified, VerifiedQubo)
    assert (good.codes, good.verified.reached[0].cost) == ((), -4)
    assert bad.codes == ("target_mismatch",)


def test_a_problem_that_is_gone_is_said() -> None:
    """Nothing can be verified without it."""
    with pytest.raises(FileNotFoundError):
        check(spec(), QuboAnswer.model_validate(ANSWER), lambda _w, _s: Absent(reason_code="x", reason="x"))
