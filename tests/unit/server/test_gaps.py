"""The two gaps of a cost, and what they are measured from."""

from __future__ import annotations

import pytest

from neurorig_protocols.quantities import Absent
from neurorig_protocols.workloads.qubo.qubo_records import TimeToSolution
from neurorig_protocols.workloads.qubo.qubo_targets import BestVerified
from neurorig_protocols.workloads.qubo.qubo_verify import NO_BEST, gap_to, holder, impossible, reference_cost

BEST = BestVerified(cost=-70, solution="", found_by="somebody", found_on="a machine", found_at="2026-11-21", bound=-71)


def test_gap_is_absent_with_a_reason_where_there_is_none() -> None:
    """Worse is positive, better is negative; without a target, or with one of 0, the gap is absent and says why."""
    none = gap_to(-63, 0, NO_BEST)

    assert gap_to(-63, -70, NO_BEST) == pytest.approx(0.1)
    assert gap_to(-77, -70, NO_BEST) == pytest.approx(-0.1)
    assert gap_to(-63, None, NO_BEST) is NO_BEST
    assert isinstance(none, Absent)
    assert none.reason_code == "target_is_zero"


def test_the_frozen_target_counts() -> None:
    """What was written into the job is what its gaps go from; older jobs go from the official target."""
    scenario = TimeToSolution(kind="time-to-solution", limit_s=1)

    assert reference_cost(scenario, -67) == -67
    assert reference_cost(scenario, None) is None
    assert reference_cost(scenario.model_copy(update={"target_cost": -70}), -67) == -70


def test_a_holder_is_named_with_solver_and_date() -> None:
    """Who, on what, since when; nobody without a target."""
    assert holder(BEST) == "somebody, a machine, 2026-11-21"
    assert holder(None) is None


def test_only_a_proof_makes_a_cost_impossible() -> None:
    """Below the best is a record, below the bound a mistake."""
    assert impossible(-71, BEST) == []
    assert impossible(-72, BEST) == ["below_proven_bound"]
    assert impossible(-72, BEST.model_copy(update={"bound": None})) == []
    assert impossible(-72, None) == []
