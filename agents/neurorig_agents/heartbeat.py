"""Renews the lease while an attempt runs, tells where it stands, and hears whether its owner wants it ended."""

from __future__ import annotations

import logging
import threading
from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any, Self

from neurorig_agents.client import ServerClient
from neurorig_agents.control import Control
from neurorig_protocols.errors import LeaseLost, NeurorigError
from neurorig_protocols.lease import Lease, Renewal, RenewalAnswer

_log = logging.getLogger(__name__)


class Heartbeat:
    """A thread that renews at a third of the lease's time, within the `with` block.

    A silent server changes nothing for the attempt: it is measured to its end and reported when the server is back.
    """

    def __init__(
        self, client: ServerClient, lease: Lease, control: Control, health: Callable[[], dict[str, Any]] = dict
    ) -> None:
        self._client = client
        self._lease = lease
        self._control = control
        self._health = health
        self._over = threading.Event()
        self._offset_s: float | None = None
        self._thread = threading.Thread(target=self._run, name=f"heartbeat of {lease.attempt_id}")

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._over.set()
        self._thread.join()

    def _run(self) -> None:
        while not self._over.wait(self._lease.ttl_s / 3):
            try:
                self._beat()
            except LeaseLost as lost:
                self._control.lose(lost)
                return
            except NeurorigError as error:
                _log.warning("the lease could not be renewed: %s", error.message)

    def _beat(self) -> None:
        renewal = Renewal(
            fence=self._lease.fence,
            phase=self._control.phase,
            clock_offset_s=self._offset_s,
            health=self._health(),
        )
        asked_at = datetime.now(UTC)
        answer = self._client.renew(self._lease.lease_id, renewal)
        self._offset_s = self._offset(answer, asked_at, datetime.now(UTC))
        if answer.cancel:
            self._control.cancel()

    def _offset(self, answer: RenewalAnswer, asked_at: datetime, answered_at: datetime) -> float:
        """Server's clock minus ours in seconds: a renewal extends the lease by its whole time, counted from now."""
        middle_at = asked_at + (answered_at - asked_at) / 2
        return (answer.expires_at - middle_at).total_seconds() - self._lease.ttl_s
