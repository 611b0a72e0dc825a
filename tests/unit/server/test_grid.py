"""Campaign grids."""

from __future__ import annotations

import itertools
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from server_kit import job

from neurorig_protocols.api.campaigns import CampaignRequest
from neurorig_protocols.refusals import Invalid
from neurorig_server.api.submission import expand


def request(grid: dict[str, list[Any]]) -> CampaignRequest:
    """Return a campaign over a small job."""
    return CampaignRequest.model_validate({"name": "c", "base": job(), "grid": grid})


@given(
    seeds=st.lists(st.integers(0, 99), min_size=1, max_size=4),
    priorities=st.lists(st.integers(0, 100), min_size=1, max_size=4),
)
def test_grid_is_the_product_in_order(seeds: list[int], priorities: list[int]) -> None:
    """Jobs come in the order of the product, the last path running fastest, and the rest is the base."""
    specs = expand(request({"workload.seed": seeds, "priority": priorities}))

    got = [(spec.workload.seed, spec.priority) for spec in specs]
    assert got == list(itertools.product(seeds, priorities))
    assert {spec.workload.n for spec in specs} == {10}


def test_empty_grid_is_the_base_alone() -> None:
    """A campaign without axes has one job."""
    assert expand(request({})) == [request({}).base]


def test_whole_objects_may_be_values() -> None:
    """A path may name an object, such as the scenario."""
    scenarios = [{"kind": "fixed-timeout", "timeout_s": 1}, {"kind": "time-to-solution", "limit_s": 2}]

    specs = expand(request({"workload.scenario": scenarios}))

    assert [spec.workload.scenario.kind for spec in specs] == ["fixed-timeout", "time-to-solution"]


@pytest.mark.parametrize(
    ("grid", "field"),
    [
        ({"workload.seed": [1, -1]}, "grid.workload.seed"),
        ({"priority.deep": [1]}, "grid.priority.deep"),
        ({"": [1]}, "grid."),
        ({"workload.scenario": [{"kind": "fixed-timeout", "timeout_s": -1}]}, "grid.workload.scenario"),
        ({"priority": []}, "grid"),
    ],
)
def test_wrong_axis_is_named(grid: dict[str, list[Any]], field: str) -> None:
    """The refusal names the path that the user wrote."""
    with pytest.raises(Invalid) as refused:
        expand(request(grid))

    assert field in {p.field for p in refused.value.problems}


def test_grid_is_counted_before_it_is_made() -> None:
    """A grid of a million jobs is refused without making them."""
    with pytest.raises(Invalid, match="1000000 combinations"):
        expand(request({"workload.seed": list(range(1000)), "workload.n": list(range(1, 1001))}))
