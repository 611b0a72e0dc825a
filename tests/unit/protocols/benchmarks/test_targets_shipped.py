"""The shipped solutions: every one of the 180 is recomputed here."""

from __future__ import annotations

import pytest

from neurorig_protocols.workloads.qubo import mis, targets_shipped
from neurorig_protocols.workloads.qubo.qubo_records import pack_bits, unpack_bits
from neurorig_protocols.workloads.qubo.qubo_targets import MisProblem, recompute
from neurorig_protocols.workloads.qubo.targets_shipped import Row, Source

SIZES = (10, 25, 50, 100, 250, 500, 1000, 2500, 5000)
DENSITIES = (0.01, 0.05, 0.1, 0.25)
SOURCE = Source(found_by="somebody", found_on="a machine", found_at="2026-11-21")


@pytest.mark.parametrize("n", SIZES)
@pytest.mark.parametrize("density", DENSITIES)
def test_every_shipped_solution_costs_what_it_says(n, density):
    """Each cost is that of its solution, an independent set, and not above the official target."""
    for seed in range(5):
        problem = MisProblem(n=n, density=density, seed=seed)
        best = targets_shipped.best(problem.key)
        official = mis.official_target(n, density, seed)
        assert best is not None
        assert official is not None

        cost = recompute(mis.instance(n, density, seed), best.solution, targets_shipped.bound(problem.key))

        assert cost == best.cost <= official.cost


def test_the_file_holds_the_tuning_set_with_its_provenance():
    """One solution for each of the 180 instances, 80 and more below the official target, each with who, what, when."""
    found = [(problem, targets_shipped.best(problem.key)) for problem in targets_shipped.problems()]
    official = [mis.official_target(problem.n, problem.density, problem.seed) for problem, _ in found]

    assert len({problem.key for problem, _ in found}) == 180
    assert sum(best.cost < target.cost for (_, best), target in zip(found, official, strict=True)) >= 80
    assert all(best.found_by and best.found_on and best.found_at for _, best in found)
    assert {best.kind for _, best in found} == {"best-verified"}


def test_small_instances_are_proven():
    """Every instance of up to 100 variables is proven optimal, and its bound is its cost."""
    for row in targets_shipped.rows():
        best, bound = targets_shipped.best(row.problem.key), targets_shipped.bound(row.problem.key)
        if row.n <= 100:
            assert best.optimal
        assert (bound is None) == (best.optimal is None)
        assert bound is None or (bound.cost, bound.method) == (best.cost, best.optimal)


def test_the_file_is_small():
    """It travels with every installation: under 200 kB."""
    assert len(targets_shipped.dump(targets_shipped.rows())) < 200_000


def test_unknown_problems_have_no_shipped_target():
    """An instance that is not in the file has neither a target nor a bound."""
    key = MisProblem(n=250, density=0.05, seed=7).key

    assert targets_shipped.best(key) is None
    assert targets_shipped.bound(key) is None


def row(**fields):
    """Return a row of three vertices, of which two are taken."""
    body = {"n": 3, "density": 0.5, "seed": 0, "cost": -2, "source": SOURCE, "proof": None, "vertices": (0, 2)}
    return Row.model_validate({**body, **fields})


def test_rows_are_read_as_they_were_written():
    """Text and rows are each other's inverse, and the order of the rows does not matter."""
    rows = [row(), row(seed=1, proof="a proof"), row(n=70, vertices=(1, 69))]
    text = targets_shipped.dump(rows[::-1])

    assert list(targets_shipped.parse(text)) == rows
    assert targets_shipped.dump(targets_shipped.parse(text)) == text
    assert targets_shipped.parse(targets_shipped.dump([])) == ()
    assert unpack_bits(pack_bits(rows[2].bits()), 70).nonzero()[0].tolist() == [1, 69]


def test_a_file_of_another_format_is_refused():
    """A file that this version does not know is not guessed at."""
    with pytest.raises(ValueError, match="format"):
        targets_shipped.parse('{"format": 2, "rows": []}')


@pytest.mark.parametrize("fields", [{"cost": -3}, {"vertices": (0, 3)}, {"vertices": (1, 1)}, {"vertices": (-1, 2)}])
def test_a_damaged_row_is_found_when_it_is_used(fields):
    """Another count than the cost, a vertex that is not there, or one twice: no solution comes of it."""
    with pytest.raises(ValueError, match="damaged"):
        row(**fields).bits()
