"""Waiting for a whole campaign by its counts, which costs one request however many jobs it has."""

from __future__ import annotations

import time
from collections.abc import Callable

from neurorig.client import Client
from neurorig.errors import Unreachable
from neurorig_protocols.api.campaigns import CampaignView

POLL_S = 1.0
LONGEST_PAUSE_S = 10.0
PATIENCE_S = 600.0


def wait_for_campaign(
    client: Client,
    campaign_id: str,
    on_change: Callable[[CampaignView], None],
    on_outage: Callable[[Unreachable], None],
    *,
    poll_s: float = POLL_S,
    patience_s: float = PATIENCE_S,
) -> CampaignView:
    """Return the campaign once all its jobs have ended; goes on through an outage of up to `patience_s`."""
    last: CampaignView | None = None
    away_since_s: float | None = None
    pause_s = poll_s
    while True:
        try:
            view = client.campaign(campaign_id)
        except Unreachable as error:
            now_s = time.monotonic()
            away_since_s = now_s if away_since_s is None else away_since_s
            if now_s - away_since_s >= patience_s:
                raise
            on_outage(error)
            pause_s = min(2 * pause_s, LONGEST_PAUSE_S)
        else:
            away_since_s, pause_s = None, poll_s
            if view != last:
                on_change(view)
                last = view
            if view.complete >= 1:
                return view
        time.sleep(pause_s)
