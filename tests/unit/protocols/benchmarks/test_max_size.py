"""The bracketing search against machines whose true limit is known."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from neurorig_protocols.workloads.qubo.max_size import MAX_N, Ask, Found, Goal, Probe, Verdict, ceiling, next_step
from neurorig_protocols.workloads.qubo.mis import MAX_EDGES, edge_count

MOST_PROBES = 60


def search(goal: Goal, machine: Callable[[int, int], Verdict]) -> tuple[Found, list[Probe]]:
    """Run a search against a machine, which gets the size and the number of the probe."""
    probes: list[Probe] = []
    while isinstance(step := next_step(goal, probes), Ask):
        probes.append(Probe(n=step.n, verdict=machine(step.n, len(probes)), limit=f"limit at {step.n}"))
        assert len(probes) < MOST_PROBES
    return step, probes


def up_to(limit: int, beyond: Verdict = "does_not_fit") -> Callable[[int, int], Verdict]:
    """A machine that takes problems up to a size."""
    return lambda n, _: "solved" if n <= limit else beyond


@example(limit=2, start=3, density=0.01)
@example(limit=1, start=500, density=1.0)
@given(st.integers(1, 6000), st.integers(2, 500), st.sampled_from([0.01, 0.25, 1.0]))
def test_search_finds_the_largest_size(limit: int, start: int, density: float) -> None:
    """Down to one variable, the search ends exactly at the machine's limit, wherever it began."""
    found, _ = search(Goal(density=density, start=start, resolution=0), up_to(limit))

    assert (found.largest, found.not_above, found.ended_by) == (limit, limit + 1, "does_not_fit")
    assert found.limit == f"limit at {limit + 1}"


@given(st.integers(100, 6000), st.floats(0.001, 0.5))
def test_resolution_bounds_the_bracket(limit: int, resolution: float) -> None:
    """A coarser search stops with the limit inside a bracket of the stated width."""
    found, _ = search(Goal(density=1.0, resolution=resolution), up_to(limit))

    assert found.largest is not None
    assert found.not_above is not None
    assert found.largest <= limit < found.not_above
    assert found.not_above - found.largest <= max(1, resolution * found.largest)


@pytest.mark.parametrize(("density", "bound"), [(1.0, "max_edges"), (0.01, "max_edges"), (0.001, "max_variables")])
def test_bounds_of_the_benchmark_end_the_search_by_name(density: float, bound: str) -> None:
    """A machine that takes everything is said to be bounded by the graphs, not by itself."""
    found, probes = search(Goal(density=density), up_to(10**9))

    assert (found.largest, found.not_above, found.ended_by) == (probes[-1].n, None, bound)
    assert "may support more" in found.limit


@pytest.mark.parametrize("density", [1.0, 0.25, 0.01, 0.003])
def test_ceiling_is_the_last_size_within_the_edge_limit(density: float) -> None:
    """One variable more has too many edges, or may not be asked for."""
    top, bound = ceiling(density)

    assert edge_count(top, density) <= MAX_EDGES
    assert edge_count(top + 1, density) > MAX_EDGES or (top, bound) == (MAX_N, "max_variables")


def test_cost_not_below_zero_ends_the_search_by_its_own_name() -> None:
    """A machine that runs and finds nothing has reached its limit in another way."""
    found, _ = search(Goal(density=1.0), up_to(300, "not_below_zero"))

    assert found.ended_by == "not_below_zero"


def test_machine_that_takes_nothing() -> None:
    """Where not even one variable works there is no largest size."""
    found, _ = search(Goal(density=1.0), up_to(0))

    assert (found.largest, found.ended_by) == (None, "does_not_fit")


def test_a_failure_of_the_infrastructure_is_no_verdict() -> None:
    """A crashed probe is asked for again and leaves the result as it is."""
    crashed = {3, 7}
    found, probes = search(Goal(density=1.0, resolution=0), lambda n, k: "failed" if k in crashed else up_to(777)(n, k))

    assert found.largest == 777
    assert [p.n for p in probes].count(probes[3].n) == 2


def test_search_gives_up_on_a_bench_that_never_works() -> None:
    """So many failures at one size end the search without a verdict on it."""
    found, probes = search(Goal(density=1.0, patience=3), lambda n, _: "failed" if n > 100 else "solved")

    assert (found.largest, found.not_above, found.ended_by) == (64, None, "failed")
    assert len(probes) == 4


def test_search_goes_on_from_its_record() -> None:
    """Any prefix of the probes leads to the same end."""
    goal = Goal(density=0.01)
    end, probes = search(goal, up_to(5000))

    for count in range(len(probes) + 1):
        step = next_step(goal, probes[:count])
        assert step == (end if count == len(probes) else Ask(n=probes[count].n, tries=0))


def test_contradiction_is_refused() -> None:
    """A larger size that works after a smaller one that did not leaves nothing to bracket."""
    probes = [Probe(n=100, verdict="does_not_fit", limit="x"), Probe(n=200, verdict="solved")]

    with pytest.raises(ValueError, match="n = 200 worked"):
        next_step(Goal(density=1.0), probes)
