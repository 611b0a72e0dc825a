"""Waiting for a campaign: by its counts, through an outage, not for ever."""

from __future__ import annotations

import pytest

from neurorig import Client
from neurorig.cli.campaign_wait import wait_for_campaign
from neurorig.errors import Unreachable

PATH = "GET /api/v1/campaigns/c1"


def counts(complete, **states):
    """A campaign as a server sends it."""
    return 200, {"id": "c1", "name": "all", "states": states, "complete": complete}


def test_each_change_is_told_once(stand_in):
    """Equal looks are one change; the last one ends the wait."""
    looks = [counts(0.0, queued=2), counts(0.0, queued=2), counts(0.5, queued=1, succeeded=1), counts(1.0, succeeded=2)]
    stand_in.answer = lambda *_: looks.pop(0)
    told = []

    with Client(stand_in.url) as client:
        found = wait_for_campaign(client, "c1", told.append, pytest.fail, poll_s=0)

    assert found.complete == 1.0
    assert [view.complete for view in told] == [0.0, 0.5, 1.0]


def test_an_outage_is_waited_out(stand_in):
    """A server that comes back finds the wait still there."""
    stand_in.answers[PATH] = counts(1.0, succeeded=1)
    stand_in.stop()
    outages = []

    def restart(error):
        outages.append(error)
        stand_in.start()

    with Client(stand_in.url) as client:
        found = wait_for_campaign(client, "c1", lambda _: None, restart, poll_s=0)

    assert found.states == {"succeeded": 1}
    assert len(outages) == 1


def test_patience_ends(stand_in):
    """A server that stays away is told as what it is."""
    stand_in.stop()

    with Client(stand_in.url) as client, pytest.raises(Unreachable):
        wait_for_campaign(client, "c1", pytest.fail, pytest.fail, poll_s=0, patience_s=0)
