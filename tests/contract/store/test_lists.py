"""Contract of the lists of campaigns and comparisons: order, pages, filters, owners."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from neurorig_protocols.api.comparisons import ComparisonRequest, Side
from neurorig_protocols.job import JobSpec, JobState
from neurorig_protocols.refusals import Invalid
from neurorig_server.store.campaigns import CampaignFilter
from neurorig_server.store.owned import OwnedFilter
from neurorig_server.store.store import Store
from neurorig_server.store.tokens import Principal

Make = Callable[..., JobSpec]
Bench = Callable[..., Any]


@pytest.fixture
def alice(store: Store) -> Principal:
    """Someone with a token of her own."""
    return store.tokens.principal(store.tokens.create("alice", ["submit"]).token)


def test_campaigns_are_listed_newest_first_over_pages(store: Store, admin: Principal, spec: Make, bench: Bench) -> None:
    """Every campaign appears on exactly one page, with its own jobs counted by state."""
    bench()
    made = [store.campaigns.submit(f"c{k}", [spec(seed=s) for s in range(k + 1)], admin) for k in range(5)]
    store.jobs.cancel(made[1].jobs[0], admin)

    first = store.campaigns.list(CampaignFilter(), limit=3)
    second = store.campaigns.list(CampaignFilter(), limit=3, cursor=first.next)

    assert [view.name for view in (*first.items, *second.items)] == ["c4", "c3", "c2", "c1", "c0"]
    assert second.next is None
    assert [view.count for view in first.items] == [5, 4, 3]
    assert second.items[0].states == {JobState.CANCELLED: 1, JobState.QUEUED: 1}
    assert second.items[0] == store.campaigns.get(made[1].id)


@pytest.mark.parametrize(
    ("wanted", "found"),
    [
        ({}, ["50 % of it", "Chip"]),
        ({"name": "chip"}, ["Chip"]),
        ({"name": "%"}, ["50 % of it"]),
        ({"name": "_"}, []),
        ({"owner": "alice"}, ["50 % of it"]),
        ({"owner": "nobody"}, []),
        ({"tag": "nightly"}, ["Chip"]),
        ({"tag": "nightly", "owner": "alice"}, []),
    ],
)
def test_campaigns_are_filtered(
    *,
    store: Store,
    admin: Principal,
    alice: Principal,
    spec: Make,
    bench: Bench,
    wanted: dict[str, str],
    found: list[str],
) -> None:
    """Filters take part of a name literally, an owner's name, and a tag of any job; together they all hold."""
    bench()
    store.campaigns.submit("Chip", [spec(), spec(seed=1, tags=["nightly"])], admin)
    store.campaigns.submit("50 % of it", [spec()], alice)

    assert [view.name for view in store.campaigns.list(CampaignFilter(**wanted)).items] == found


def test_campaign_names_its_owner(store: Store, admin: Principal, alice: Principal, spec: Make, bench: Bench) -> None:
    """The owner is the token's name; one whose token is not in the database is named by its id."""
    bench()
    made = [store.campaigns.submit("c", [spec()], who) for who in (alice, admin)]

    assert [store.campaigns.get(view.id).owner for view in made] == ["alice", admin.id]


def test_comparisons_are_listed_without_numbers(
    store: Store, admin: Principal, alice: Principal, spec: Make, bench: Bench
) -> None:
    """Comparisons come newest first over pages, with sides and owner, and are filtered by name and owner."""
    bench()
    campaign = store.campaigns.submit("c", [spec()], admin)
    left, right = Side(campaign=campaign.id), Side(job=campaign.jobs[0])
    made = [
        store.comparisons.create(ComparisonRequest(name=name, left=left, right=right), who)
        for name, who in (("one", admin), ("two", alice), ("three", alice))
    ]

    first = store.comparisons.list(OwnedFilter(), limit=2)
    second = store.comparisons.list(OwnedFilter(), limit=2, cursor=first.next)

    assert [entry.id for entry in (*first.items, *second.items)] == [view.id for view in reversed(made)]
    assert second.next is None
    assert (first.items[0].left, first.items[0].right, first.items[0].owner) == (left, right, "alice")
    assert [e.name for e in store.comparisons.list(OwnedFilter(owner="alice")).items] == ["three", "two"]
    assert [e.name for e in store.comparisons.list(OwnedFilter(name="E")).items] == ["three", "one"]


def test_another_cursor_is_invalid(store: Store) -> None:
    """A cursor that this server did not make is refused by both lists."""
    with pytest.raises(Invalid):
        store.campaigns.list(CampaignFilter(), cursor="!")
    with pytest.raises(Invalid):
        store.comparisons.list(OwnedFilter(), cursor="!")
