"""Heartbeats renew the lease, tell the phase, and carry the owner's wishes back."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import pytest

from neurorig_agents.attempt_control import Control, Ended, Heartbeat, Stop
from neurorig_agents.server_client import ServerClient
from neurorig_protocols.lease import Lease

MakeLease = Callable[..., Lease]


@pytest.fixture
def control() -> Iterator[Control]:
    """Return the control of an attempt that nobody wants ended."""
    stop = Stop()
    yield Control(stop, 60)
    stop.close()


@pytest.fixture
def client(server: Any) -> Iterator[ServerClient]:
    """Talk to the trial server without trying again."""
    with ServerClient(server.url, "t", patience_s=0) as made:
        yield made


def test_it_renews_and_tells(server: Any, client: ServerClient, control: Control, make_lease: MakeLease) -> None:
    """Renewals carry fence, phase and health, and from the second one on the clocks' difference."""
    control.phase = "run 3"
    with Heartbeat(client, make_lease(5, ttl_s=0.09), control, lambda: {"load_1m": 1.5}):
        server.wait_for(lambda: len(server.renewals) >= 3)

    first, second = server.renewals[:2]
    assert (first["fence"], first["phase"], first["health"]) == (5, "run 3", {"load_1m": 1.5})
    assert first["clock_offset_s"] is None
    # The trial server grants 15 s whatever the lease says: 15 - 0.09 is what remains of an equal clock.
    assert second["clock_offset_s"] == pytest.approx(14.91, abs=0.5)


def test_the_wish_to_cancel_arrives(server: Any, client: ServerClient, control: Control, make_lease: MakeLease) -> None:
    """A renewal's answer that asks to cancel ends the attempt at its next step."""
    server.cancel = True
    with Heartbeat(client, make_lease(1, ttl_s=0.03), control):
        server.wait_for(lambda: len(server.renewals) >= 2)

    with pytest.raises(Ended, match="cancelled"):
        control.check()


def test_a_lost_lease_arrives(server: Any, client: ServerClient, control: Control, make_lease: MakeLease) -> None:
    """A renewal refused for its fence ends the attempt, and no further one is sent."""
    server.lost = True
    with Heartbeat(client, make_lease(1, ttl_s=0.03), control) as beats:
        beats._thread.join(10)

    assert len(server.renewals) == 1
    with pytest.raises(Ended) as ended:
        control.check()
    assert ended.value.record is not None
    assert ended.value.record.code == "lease_lost"


@pytest.mark.parametrize("how", ["drop", 503])
def test_a_silent_server_changes_nothing(
    server: Any, client: ServerClient, control: Control, make_lease: MakeLease, how: Any
) -> None:
    """Renewals that fail are followed by others, and the attempt goes on."""
    server.fail("POST", "renew", how, times=2)
    with Heartbeat(client, make_lease(1, ttl_s=0.03), control):
        server.wait_for(lambda: len(server.renewals) >= 1)

    control.check()
