"""What a proposed target must be: readable, of the right length, independent, and not impossible."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import ValidationError

from neurorig_protocols.errors import BelowBound, MalformedSolution, NotIndependent, TargetRefused, WrongLength
from neurorig_protocols.job import JobSpec
from neurorig_protocols.workloads.qubo import mis as qubo_mis
from neurorig_protocols.workloads.qubo import qubo_targets as targets
from neurorig_protocols.workloads.qubo.qubo_records import pack_bits
from neurorig_protocols.workloads.qubo.qubo_targets import Bound, FileProblem, MisProblem, Proposal

N, DENSITY, SEED = 20, 0.1, 1
FILE = "sha256:" + "a" * 64


@pytest.fixture(scope="module")
def graph():
    """A small problem of the benchmark."""
    return qubo_mis.instance(N, DENSITY, SEED)


@given(st.lists(st.integers(0, 1), min_size=N, max_size=N))
def test_a_solution_costs_what_its_bits_cost_or_is_refused(values):
    """Independent sets cost minus their members; any other set is refused by name."""
    graph, bits = qubo_mis.instance(N, DENSITY, SEED), np.array(values, np.uint8)
    if graph.is_independent_set(bits):
        assert targets.recompute(graph, pack_bits(bits)) == -int(bits.sum())
    else:
        with pytest.raises(NotIndependent, match="both ends"):
            targets.recompute(graph, pack_bits(bits))


@pytest.mark.parametrize(
    ("solution", "refusal"),
    [
        ("no base64!", MalformedSolution),
        ("ä", MalformedSolution),
        ("", WrongLength),
        (pack_bits(np.zeros(N - 8, np.uint8)), WrongLength),
        (pack_bits(np.zeros(N + 8, np.uint8)), WrongLength),
        (pack_bits(np.ones(24, np.uint8)), WrongLength),
    ],
)
def test_a_solution_that_is_none_is_refused_by_its_kind(graph, solution, refusal):
    """Text that is no base64, and another number of variables, have codes of their own."""
    with pytest.raises(refusal) as refused:
        targets.recompute(graph, solution)

    assert isinstance(refused.value, TargetRefused)
    assert refused.value.code == {MalformedSolution: "malformed_solution", WrongLength: "wrong_length"}[refusal]


def test_a_cost_below_the_proven_bound_is_refused(graph):
    """What a proof rules out means a mistake, and is refused with a code; the bound itself is not."""
    bits = np.zeros(N, np.uint8)
    bits[0] = 1
    with pytest.raises(BelowBound, match="impossible") as refused:
        targets.recompute(graph, pack_bits(bits), Bound(cost=0, method="a wrong proof"))

    assert refused.value.code == "below_proven_bound"
    assert targets.recompute(graph, pack_bits(bits), Bound(cost=-1, method="a proof")) == -1


def test_any_costed_problem_can_be_recomputed():
    """A general QUBO has no independent sets to look for: its cost is all that counts."""

    class Sum:
        n = 3

        def cost(self, x):
            return int(x.sum())

    assert targets.recompute(Sum(), pack_bits(np.ones(3, np.uint8))) == 3


def test_keys_name_graphs_not_densities():
    """Two densities that draw the same graph share a key, which is fit for an address; another graph has another."""
    key = MisProblem(n=250, density=0.05, seed=0).key

    assert key == MisProblem(n=250, density=0.05000001, seed=0).key == "qubo-mis-250-1562-0"
    assert key != MisProblem(n=250, density=0.05, seed=1).key
    assert FileProblem(problem=FILE).key == "qubo-" + "a" * 64
    assert targets.trivial_bound(MisProblem(n=250, density=0.05, seed=0)).cost == -250


def test_problems_come_from_workloads():
    """Jobs with a cost have a problem; digits have none."""
    scenario = {"kind": "fixed-timeout", "timeout_s": 1}
    mis = {"name": "qubo-mis", "n": 10, "density": 0.1, "seed": 2, "scenario": scenario}
    spec = [JobSpec.model_validate({"workload": w}).workload for w in (mis, {"name": "mnist-digits"})]

    assert targets.problem_of(spec[0]) == MisProblem(n=10, density=0.1, seed=2)
    assert targets.problem_of(spec[1]) is None


@pytest.mark.parametrize(
    "fields",
    [
        {"found_by": ""},
        {"found_by": "x" * 201},
        {"found_by": "two\nlines"},
        {"found_on": "\x00"},
        {"comment": "x" * 2001},
        {"solution": "A" * (targets.LONGEST_SOLUTION + 1)},
        {"problem": {"workload": "qubo-mis", "n": 100_001, "density": 0.1, "seed": 0}},
        {"problem": {"workload": "qubo", "problem": "sha256:x"}},
        {"cost": -1},
    ],
)
def test_proposals_are_bounded(fields):
    """Free text is one short line, sizes are bounded, and nobody says the cost themselves."""
    body = {"problem": {"workload": "qubo-mis", "n": 10, "density": 0.1, "seed": 0}, "solution": "AAA="}
    body |= {"found_by": "somebody", "found_on": "a machine"}
    Proposal.model_validate(body)

    with pytest.raises(ValidationError):
        Proposal.model_validate({**body, **fields})
